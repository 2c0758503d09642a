"""Plays the transcripts: `python -m tests.scenarios` shows what differs, `--record` keeps it.

Read what a recording changed before you commit it: it says what runs will do from now on.
"""

from __future__ import annotations

import argparse
import sys
from difflib import unified_diff

from tests.scenarios.transcript import transcripts


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.scenarios", description=__doc__)
    parser.add_argument("--record", action="store_true", help="write what the machine does now")
    arguments = parser.parse_args()
    changed = 0
    for transcript in transcripts():
        before, after = transcript.file.read_text(encoding="utf-8"), transcript.recorded().text
        name = transcript.file.name
        sys.stdout.writelines(
            unified_diff(before.splitlines(True), after.splitlines(True), name, f"{name}, now", n=9)
        )
        changed += before != after
        if arguments.record and before != after:
            transcript.file.write_text(after, encoding="utf-8")
    return 1 if changed and not arguments.record else 0


if __name__ == "__main__":
    sys.exit(main())
