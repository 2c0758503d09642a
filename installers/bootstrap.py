#!/usr/bin/env python3
"""Jobdeck's first commands, for a machine with nothing but Python and git.

    python3 installers/bootstrap.py demo      try Jobdeck on a fleet of make-believe hosts
    python3 installers/bootstrap.py test      run every check, as CI does
    python3 installers/bootstrap.py install   only make the environment

This file has to be readable by any Python, however old, so that it can say which one is needed;
everything else is in the package beside it.
"""

import shutil
import sys
from pathlib import Path

NEEDED = (3, 11)
NEWER = ("python3.14", "python3.13", "python3.12", "python3.11")


def too_old() -> str:
    """What to say on a Python that cannot run Jobdeck."""
    text = "Jobdeck needs Python {}.{} or newer; this is {}.{}.".format(*NEEDED, *sys.version_info)
    found = [name for name in NEWER if shutil.which(name)]
    if found:
        text += "\nThis machine has one: {} {}".format(found[0], " ".join(sys.argv))
    return text


if __name__ == "__main__":
    if sys.version_info < NEEDED:
        sys.exit(too_old())
    sys.path[0] = str(Path(__file__).resolve().parent.parent)
    from installers import commands

    sys.exit(commands.main(sys.argv[1:]))
