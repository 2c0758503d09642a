"""The private virtual environment: made once, mended when something changed, else left alone.

A note in the environment says what it holds: the digests of the lock files and of pyproject.toml,
the Python it is for and where it stands. The note says "building" while pip works, so a start that
was interrupted is noticed and begins again; a folder without a note is somebody else's and is
never touched.

Packages come from wherever the machine's own pip configuration says; no index is named here.
"""

from __future__ import annotations

import compileall
import contextlib
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from installers import pip, progress, system

ROOT = Path(__file__).resolve().parent.parent
PROJECT = ROOT / "pyproject.toml"
RUNTIME = ROOT / "installers" / "constraints.txt"
OURS = ("core", "sync", "console", "assets")
"""The packages that Jobdeck is made of."""
NOTE = "jobdeck-environment.json"
PYTHON = f"{sys.implementation.name} {sys.version_info[0]}.{sys.version_info[1]}"


@dataclass(frozen=True)
class Note:
    """What an environment says about itself."""

    folder: str
    checkout: str
    python: str = PYTHON
    complete: bool = False
    """False while pip works: what is there then cannot be trusted."""
    digests: Mapping[str, str] = field(default_factory=dict)
    """The files it was made from, by name in the checkout."""


@dataclass(frozen=True)
class Environment:
    """One virtual environment; its folder need not exist yet."""

    folder: Path

    @classmethod
    def chosen(cls) -> Environment:
        """`.venv` in the checkout, or the folder that JOBDECK_VENV names."""
        return cls(Path(os.environ.get("JOBDECK_VENV") or ROOT / ".venv").absolute())

    @property
    def scripts(self) -> Path:
        return self.folder / ("Scripts" if sys.platform == "win32" else "bin")

    @property
    def python(self) -> Path:
        return self.scripts / ("python.exe" if sys.platform == "win32" else "python")

    @property
    def log(self) -> Path:
        return self.folder / "jobdeck-install.log"

    def prepare(self, extras: Sequence[str] = ()) -> None:
        """Make or mend this environment so that it holds Jobdeck and `extras`."""
        locks = [RUNTIME, *(lock_of(extra) for extra in extras)]
        wanted = {file.name: digest(file) for file in [PROJECT, *locks]}
        if self._holds(wanted):
            return
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        with _alone(self.folder.parent):
            if self._holds(wanted):
                return
            note = self._read_note()
            if note is None or not self._can_be_mended(note):
                self._make_afresh()
                note = self._new_note()
            self._write_note(note.digests, complete=False)
            self._install(
                [lock for lock in locks if note.digests.get(lock.name) != wanted[lock.name]]
            )
            self._write_note({**note.digests, **wanted}, complete=True)

    def _holds(self, wanted: Mapping[str, str]) -> bool:
        note = self._read_note()
        return (
            note is not None
            and self._can_be_mended(note)
            and wanted.items() <= note.digests.items()
        )

    def _can_be_mended(self, note: Note) -> bool:
        """Complete, for this Python, and still where it was made: scripts hold absolute paths."""
        here = self._new_note()
        places = (note.folder, note.checkout, note.python)
        return (
            note.complete
            and places == (here.folder, here.checkout, here.python)
            and self.python.exists()
        )

    def _make_afresh(self) -> None:
        """An empty virtual environment, in place of whatever an earlier start left behind."""
        self.folder.mkdir(exist_ok=True)
        others = [path for path in self.folder.iterdir() if path.name != NOTE]
        if others and not (self.folder / NOTE).exists():
            raise progress.Failure(
                f"{self.folder} was made by something else, so it is left as it is.\n"
                "Remove it, or set JOBDECK_VENV to a folder for Jobdeck's own environment."
            )
        self._write_note({}, complete=False)
        for path in others:
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        can_seed = provide_venv()
        with progress.step(
            f"making a private Python {PYTHON.split()[1]} environment in {self.folder}"
        ):
            make_venv(self.folder, with_pip=can_seed)

    def _install(self, locks: Sequence[Path]) -> None:
        pip_command = self._pip()
        if locks:
            count = sum(lock.read_text(encoding="utf-8").count("==") for lock in locks)
            arguments: list[str | Path] = ["install", "--no-deps", "--require-hashes"]
            for lock in locks:
                arguments += ["-r", lock]
            with progress.step(f"installing up to {count} packages, each checked by its hash"):
                pip.run(pip_command, arguments, self.log)
        with progress.step("installing Jobdeck from this checkout"):
            editable: list[str | Path] = ["--no-deps", "--no-build-isolation", "--editable", ROOT]
            pip.run(pip_command, ["install", *editable], self.log)
            self._spell_the_checkout_in_ascii()
            compile_checkout()

    def _spell_the_checkout_in_ascii(self) -> None:
        """WORKAROUND(Python 3.12 and older): .pth files are read in the encoding of the locale.

        Where that is not UTF-8, a checkout with a non-ASCII path would stop every start of the
        environment's Python.
        """
        if not str(ROOT).isascii():
            base = {"base": str(self.folder), "platbase": str(self.folder)}
            packages = Path(sysconfig.get_path("purelib", "venv", base))
            path = os.fsencode(ROOT)
            line = f"import os, sys; sys.path.append(os.fsdecode({path!r}))\n"
            (packages / "_jobdeck.pth").write_text(line, encoding="ascii")

    def _pip(self) -> list[str]:
        """The environment's own pip, or the one of the Python that made it."""
        own = [str(self.python), "-m", "pip"]
        if subprocess.run([*own, "--version"], capture_output=True, check=False).returncode == 0:
            return own
        return [base_python(), "-m", "pip", "--python", str(self.python)]

    def _new_note(self) -> Note:
        return Note(folder=str(self.folder), checkout=str(ROOT))

    def _read_note(self) -> Note | None:
        """None: there is none, or it is not readable as one (then the environment is made afresh)."""
        try:
            return Note(**json.loads((self.folder / NOTE).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def _write_note(self, digests: Mapping[str, str], *, complete: bool) -> None:
        note = Note(str(self.folder), str(ROOT), complete=complete, digests=digests)
        draft = self.folder / f"{NOTE}.draft"
        draft.write_text(json.dumps(asdict(note), indent=1), encoding="utf-8")
        draft.replace(self.folder / NOTE)


def lock_of(extra: str) -> Path:
    """The lock file that holds what `extra` adds."""
    lock = RUNTIME.with_name(f"constraints-{extra}.txt")
    if not lock.exists():
        known = sorted(
            file.stem.split("-", 1)[1] for file in RUNTIME.parent.glob("constraints-*.txt")
        )
        raise progress.Failure(f"there is no extra {extra!r}; there are: {', '.join(known)}")
    return lock


def compile_checkout() -> None:
    """As pip does for packages that it copies: a checkout is compiled at each start otherwise,
    where PYTHONDONTWRITEBYTECODE is set. What cannot be written here is no failure.
    """
    for name in OURS:
        compileall.compile_dir(ROOT / name, quiet=2)


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def base_python() -> str:
    """The interpreter under us, even where we run in a virtual environment (maybe the very one)."""
    return str(getattr(sys, "_base_executable", None) or sys.executable)


def provide_venv() -> bool:
    """Whether a new environment can be given pip of its own; on Debian as root, see to it.

    Debian keeps `ensurepip` in a package apart. Without it, a pip that this Python already has
    will do; without that too, there is no way to go on.
    """
    if _has("ensurepip"):
        return True
    package = f"python{PYTHON.split()[1]}-venv"
    if system.is_debian() and system.is_root() and sys.base_prefix == "/usr":
        with progress.step(f"installing the system package {package}"):
            error = system.apt_install([package])
        importlib.invalidate_caches()
        if _has("ensurepip"):
            return True
        progress.say(f"  apt-get could not install it:\n{error}")
    if _has("venv") and _has("pip"):
        return False
    if system.is_debian():
        remedy = f"Type this, then start again:  {'' if system.is_root() else 'sudo '}apt-get install {package}"
    else:
        remedy = (
            "Install a complete Python, with its `venv` and `ensurepip` modules, then start again."
        )
    raise progress.Failure(f"This Python cannot make virtual environments.\n{remedy}")


def make_venv(folder: Path, *, with_pip: bool) -> None:
    options = [] if with_pip else ["--without-pip"]
    done = subprocess.run(
        [base_python(), "-m", "venv", *options, str(folder)],
        env=pip.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        raise progress.Failure(f"The environment could not be made:\n{done.stdout.strip()}")


def _has(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold a lock on `folder`, so that two starts at once do not build the same environment.

    It ends with this process and the pip it started, so a start that was killed keeps it until
    its pip is done. Where folders cannot be locked (Windows, some network file systems) there is
    none.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    os.set_inheritable(handle, True)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with progress.step("waiting for another start that prepares the same environment"):
                fcntl.flock(handle, fcntl.LOCK_EX)
        except OSError:
            pass
        yield
    finally:
        os.close(handle)
