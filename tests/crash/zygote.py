"""Forks engines: imports everything once, so that an engine costs a fork and no imports.

    python -m tests.crash.zygote        a request a line on its input, an answer a line on its output

    {"start": {variable: value}, "log": path}  ->  {"pid": n}
    {"look": pid}                              ->  {"status": null, or the exit code as of `Popen`}

Each is what `jobdeck engine run` is: a process with its own session, home, lock, socket
and threads; only its imports were done before it was born.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from collections.abc import Mapping
from importlib import import_module
from itertools import chain
from typing import Any

import asyncssh
import uvicorn.protocols.http.h11_impl
import uvloop

import console.cli.engine
import console.cli.main
import core.api.app
import core.api.serve
import core.bootstrap
import core.storage.backup

IMPORTED = (asyncssh, uvicorn, uvloop, console, core)
"""What an engine imports when it runs, and the routes that it imports when they are asked for."""
for family in {*chain(*core.api.app.FAMILIES.values())}:
    import_module(f"core.api.{family}")


def main() -> None:
    gc.collect()
    gc.freeze()  # a child's collector looks at nothing of ours, so its pages stay shared
    for line in sys.stdin:
        request = json.loads(line)
        if "start" in request:
            answer: dict[str, Any] = {"pid": _start(request["start"], request["log"])}
        else:
            answer = {"status": _look(request["look"])}
        print(json.dumps(answer), flush=True)


def _start(variables: Mapping[str, str], log: str) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = 70
    try:
        os.setsid()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        said = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(said, 1)
        os.dup2(said, 2)
        os.environ.clear()
        os.environ.update(variables)
        code = console.cli.main.run(["engine", "run", "--background"])
    finally:
        os._exit(code)


def _look(pid: int) -> int | None:
    found, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if found else None


if __name__ == "__main__":
    main()
