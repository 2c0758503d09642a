"""A zygote in the place of one that died: `python -P -m core.zygote VERSION`.

A new interpreter, which loads every library again. Its standard input is the socket to the
engine. It refuses where another version was installed since the engine started: the two
might not understand each other.
"""

from __future__ import annotations

import gc
import os
import socket
import sys

from core.bootstrap import ssh_worker
from core.executors.workers import zygote
from core.version import product_version


def main() -> None:
    if sys.argv[1] != product_version():
        sys.exit("the installed version is another one than the engine's")
    control = socket.socket(fileno=os.dup(0))
    gc.freeze()
    zygote.serve(control, ssh_worker)


if __name__ == "__main__":
    main()
