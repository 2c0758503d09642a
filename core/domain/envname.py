"""The one rule for names of environment variables, outputs and parameters.

Letters, digits and underscore, not beginning with a digit: the names that every
shell can read back (POSIX.1-2017, XBD 8.1, and `name` in 3.235). Kept apart
because documents, captures and executors all ask it.

Outputs are set by hosts, and reach every host of later steps and the engine's own
machine. So they must not have names that shells, loaders and interpreters obey:
whoever may set BASH_ENV or LD_PRELOAD elsewhere runs programs there.
"""

from __future__ import annotations

import re

MAX_ENV_NAME_CHARACTERS = 128
RESERVED_PREFIX = "JOBDECK_"
"""Begins the names of variables that Jobdeck itself sets."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


def check_env_name(name: str) -> str:
    """`name` itself; ValueError says which character is wrong and where."""
    if not name:
        raise ValueError("the name of a variable is empty")
    if len(name) > MAX_ENV_NAME_CHARACTERS:
        raise ValueError(
            f"the name of a variable has {len(name)} characters; "
            f"at most {MAX_ENV_NAME_CHARACTERS} are allowed"
        )
    good = _NAME.match(name)
    place = good.end() if good else 0
    if place == len(name):
        return name
    raise ValueError(
        f"{name!r} cannot name a variable: {name[place]!r} at character {place + 1} "
        "(letters, digits and _ are allowed, and the first is no digit)"
    )


def check_variable_name(name: str) -> str:
    """`name` itself; ValueError where no person may set it."""
    check_env_name(name)
    if name.startswith(RESERVED_PREFIX):
        raise ValueError(f"names beginning with {RESERVED_PREFIX} are reserved")
    return name


def check_output_name(name: str) -> str:
    """`name` itself; ValueError where no host may set it."""
    check_env_name(name)
    if name.startswith(RESERVED_PREFIX):
        raise ValueError(f"{name} is not set: names that begin with {RESERVED_PREFIX} are reserved")
    if _OBEYED.fullmatch(name):
        raise ValueError(f"{name} is not set from a host's output: programs obey it")
    return name


_OBEYED = re.compile(
    # Where programs and files are found, and what shells run or read by.
    r"PATH|CDPATH|FPATH|IFS|ENV|BASH_.*|ZDOTDIR|SHELL|SHELLOPTS|BASHOPTS|PS[0-4]|PROMPT_COMMAND"
    r"|HOME|TMPDIR|LD_.*|DYLD_.*|GLIBC_TUNABLES|GCONV_PATH|LOCPATH|NLSPATH"
    # What interpreters take in before they begin.
    r"|PYTHON[A-Z]+|PERL5?(?:LIB|OPT|DB)|RUBY(?:LIB|OPT)|GEM_(?:HOME|PATH)|NODE_(?:OPTIONS|PATH)"
    r"|LUA_(?:C?PATH|INIT)\w*|PHPRC|PHP_INI_SCAN_DIR|CLASSPATH|(?:JAVA_TOOL|JDK_JAVA|_JAVA)_OPTIONS"
    # What common tools start, or whom they trust and go through.
    r"|EDITOR|VISUAL|PAGER|BROWSER|LESS(?:OPEN|CLOSE)|(?:SSH|SUDO|GIT)_ASKPASS|SSH_AUTH_SOCK"
    r"|GIT_(?:SSH|SSH_COMMAND|PROXY_COMMAND|EXTERNAL_DIFF|EDITOR|PAGER|CONFIG.*|EXEC_PATH|DIR)"
    r"|(?:HTTPS?|ALL|NO)_PROXY|(?:https?|all|no)_proxy|SSL_CERT_(?:FILE|DIR)|OPENSSL_CONF"
    r"|CURL_(?:CA_BUNDLE|HOME)"
)
