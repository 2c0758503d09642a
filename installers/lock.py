"""Renew installers/constraints*.txt: `python installers/lock.py [--upgrade]`.

One resolution for every system and every supported Python, with the hashes of all files of each
release. `constraints.txt` is what Jobdeck runs with (and is built with); each
`constraints-EXTRA.txt` holds only what that extra adds to it. The files carry no address: where
packages come from is each machine's own pip configuration.

Needs `uv` (`python -m pip install uv`). Without `--upgrade` a pin changes only where
pyproject.toml asks for it.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

INSTALLERS = Path(__file__).resolve().parent
PROJECT = INSTALLERS.parent / "pyproject.toml"
EXTRAS = ("cluster", "credssp", "desktop", "mssql", "oracle", "test")
HEADER = "# Made by installers/lock.py; install with `pip install --require-hashes -r`.\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--upgrade", action="store_true", help="take the newest of everything")
    upgrade = parser.parse_args().upgrade
    base_file = INSTALLERS / "constraints.txt"
    base = resolve(base_file, [], upgrade=upgrade)
    write(base_file, base)
    for extra in EXTRAS:
        file = INSTALLERS / f"constraints-{extra}.txt"
        both = resolve(file, ["--extra", extra, "--constraint", str(base_file)], upgrade=upgrade)
        write(file, [requirement for requirement in both if requirement not in base])


def resolve(current: Path, options: list[str], *, upgrade: bool) -> list[str]:
    """The requirements for `options`, each with its hashes; pins in `current` are preferred."""
    build = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["build-system"]["requires"]
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "resolved.txt"
        if current.exists() and not upgrade:
            output.write_bytes(current.read_bytes())
        command = ["uv", "pip", "compile", str(PROJECT), "-", "--universal", "--generate-hashes"]
        command += ["--python-version", "3.11", "--no-header", "--no-annotate", "--quiet"]
        command += ["--no-emit-find-links", "--output-file", str(output), *options]
        done = subprocess.run(command, input="\n".join(build).encode(), check=False)
        if done.returncode:
            sys.exit(f"uv could not resolve the set for {current.name}; its reason is above")
        return split(output.read_text(encoding="utf-8"))


def split(text: str) -> list[str]:
    """One string a requirement: its line and the lines of hashes that belong to it."""
    requirements: list[str] = []
    for line in text.splitlines(keepends=True):
        if line.startswith("    "):
            requirements[-1] += line
        elif line.strip() and not line.startswith("#"):
            requirements.append(line)
    return requirements


def write(file: Path, requirements: list[str]) -> None:
    file.write_text(HEADER + "".join(requirements), encoding="utf-8", newline="\n")
    print(f"{file.name}: {len(requirements)} packages")


if __name__ == "__main__":
    main()
