"""Rules for dangerous commands: a seat belt against mistakes, not a sandbox.

    values     levels, languages, texts, hits
    shell, shell_words   a text for a POSIX shell -> its commands
    windows    the same for cmd and PowerShell
    wrappers   what sudo, ssh, sh -c, find -exec … run       reading   all of a text's commands
    matchers   what the built-in rules look for              builtin   the table of those rules
    document   the document kind `command-rule`              paths     paths made plain
    judging    texts and paths against rules -> hits

Pure: nothing is run, and a text that no shell would take is judged all the same.
"""

from core.domain.command_rules.builtin import BUILTIN
from core.domain.command_rules.document import CommandRuleSpec, rules_of
from core.domain.command_rules.judging import judge
from core.domain.command_rules.rule import Rule
from core.domain.command_rules.values import (
    CommandText,
    Decision,
    Hit,
    Judged,
    Language,
    Level,
    Operation,
    PathUse,
    language_of,
)

__all__ = [
    "BUILTIN",
    "CommandRuleSpec",
    "CommandText",
    "Decision",
    "Hit",
    "Judged",
    "Language",
    "Level",
    "Operation",
    "PathUse",
    "Rule",
    "judge",
    "language_of",
    "rules_of",
]
