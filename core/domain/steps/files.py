"""Files between the engine's machine and each target."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from posixpath import basename
from typing import Annotated, ClassVar, Literal, Self
from urllib.parse import unquote, urlsplit

import msgspec
from pydantic import AfterValidator, Field, model_validator

from core.domain.command_rules.values import Judged, Operation, PathUse
from core.domain.files.carried import Carried, From, Taken
from core.domain.files.contents import NamedContent, place_of
from core.domain.files.deciding import Exists
from core.domain.files.paths import WILDCARDS, check_below, check_whole, joined, on_drive, place
from core.domain.filling import Filled, check_places, fill, fill_known
from core.domain.inventory import Protocol
from core.domain.patterns import FILE_MODE, FILE_OWNER, SHA256
from core.domain.steps.base import MAX_PROGRAM_CHARACTERS, ConnectedStep, Given
from core.domain.steps.http import HttpStep
from core.domain.tasks import Distribute, Download, FileSource, Pull, Push, SharedLimit
from core.domain.values import Lines, TargetText, Value

MAX_DOWNLOAD_BYTES = 1 << 40
HereFile = Annotated[str, AfterValidator(check_whole)]


def _check_there(path: str) -> str:
    return check_whole(path, home=True)


ThereFile = Annotated[str, AfterValidator(_check_there)]


Mode = Annotated[
    str | None,
    Field(pattern=FILE_MODE, description="empty: as a replaced file has it, or else its source"),
]
Owner = Annotated[str | None, Field(pattern=FILE_OWNER, max_length=128, description="USER[:GROUP]")]


Diff = Annotated[
    bool, Field(description="a check shows how a text would change; off where it holds secrets")
]


class Missing(StrEnum):
    """What happens where something is not there."""

    CREATE = "create"
    FAIL = "fail"


class TransferStep(ConnectedStep):
    """What both directions have. A file is put in its place by a rename, when its SHA-256 is right."""

    carries_files: ClassVar[bool] = True

    exists: Exists = Field(
        Exists.OVERWRITE, description="a file of that name is there, with other content"
    )
    missing_folder: Missing = Field(Missing.CREATE, description="the folder is not there")
    bytes_per_s: int | None = Field(None, ge=1024, description="at most, for each target")
    bytes_per_s_total: int | None = Field(
        None, ge=1024, description="at most, for all targets together"
    )

    def _shared(self, given: Given) -> SharedLimit | None:
        if self.bytes_per_s_total is None:
            return None
        name = hashlib.sha256(_key(given).rpartition("/")[0].encode()).hexdigest()[:32]
        path = f"{given.staging}/speed-{name}"
        return SharedLimit(path=path, bytes_per_s=self.bytes_per_s_total)

    def unfit(self, host: Protocol, *, is_source: bool = False) -> str:
        """Why it cannot be done with a host that is reached so; "" where it can."""
        if host is not Protocol.WINRM:
            drive = next(filter(on_drive, self._named_on(is_source=is_source)), "")
            return f"{drive} is a path of Windows, which the host is not" if drive else ""
        if is_source:
            return ""
        given = [name for name in ("mode", "owner") if getattr(self, name, None)]
        return f"Windows has no `{given[0]}`: a file has the rights of its folder" if given else ""

    def _named_on(self, *, is_source: bool) -> Iterator[str]:
        """The paths that it names on hosts, but for those of the engine's machine."""
        carried, of_hosts = self.carried, From.HOSTS if is_source else From.TARGET
        assert carried is not None
        for taken in carried.taken:
            if taken.source is of_hosts:
                yield from taken.files
        if not is_source:
            yield carried.to

    @property
    def may_repeat(self) -> bool:
        """Twice has the effect of once: what is there already is left as it is."""
        return True


def _written(to: str, names: Iterable[str], given: Given) -> Sequence[Judged]:
    """The paths that files of these names get in `to`, or `to` itself where it is a file."""
    target = fill_known(to, given.env)
    paths = [target + name for name in names] if target.endswith("/") else [target]
    return [PathUse(path=path, operation=Operation.WRITE, where="to") for path in paths]


def _read(paths: Iterable[str]) -> Sequence[Judged]:
    return [
        PathUse(path=path, operation=Operation.READ, where=f"files[{index}]")
        for index, path in enumerate(paths)
    ]


class PushStep(TransferStep):
    """Files of the engine's machine, contents that belong to the job, or a text, for each target.

    `to` with a / at its end is a folder, in which files keep their names; without one it is a
    file. `${NAME}` in it stands for an environment variable of the step.
    """

    kind: Literal["push"]
    files: tuple[HereFile, ...] = Field(
        (),
        max_length=1000,
        description="on the engine's machine: whole paths of files, folders, or patterns of them",
    )
    contents: tuple[NamedContent, ...] = Field(
        (),
        max_length=1000,
        description="files that the engine keeps for the job, instead: `jobdeck help contents`",
    )
    text: Lines | None = Field(
        None, max_length=MAX_PROGRAM_CHARACTERS, description="the content of one file, instead"
    )
    to: Filled = Field(
        min_length=2,
        max_length=4095,
        description="/folder/, ~/folder/ or /a/file; on Windows also C:/folder/",
    )
    template: bool = Field(
        False, description="${NAME} in the content stands for an environment variable of the step"
    )
    mode: Mode = None
    owner: Owner = None
    diff: Diff = True

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if bool(self.files) + bool(self.contents) + (self.text is not None) != 1:
            raise ValueError("give `files`, `contents` or `text`, one of the three")
        if not self.to.startswith("${"):
            place(self.to)
        is_folder = self.to.endswith("/")
        if self.text is not None and is_folder:
            raise ValueError("`text` becomes one file; `to` must name it, without a / at its end")
        several = len(self.files) + len(self.contents) > 1 or WILDCARDS & set("".join(self.files))
        if not is_folder and several:
            raise ValueError("several files go to a folder; `to` must have a / at its end")
        if self.template and self.text is not None:
            check_places(self.text)
        return self

    @property
    def contents_used(self) -> tuple[str, ...]:
        return tuple(each.sha256 for each in self.contents)

    @property
    def carried(self) -> Carried:
        if self.text is not None:
            taken = Taken(source=From.TEXT)
        elif self.files:
            taken = Taken(source=From.ENGINE, files=self.files)
        else:
            taken = Taken(source=From.CONTENT, files=tuple(each.name for each in self.contents))
        return Carried(taken=(taken,), to=self.to)

    def judged(self, given: Given) -> Sequence[Judged]:
        names = [*map(basename, self.files), *(each.name for each in self.contents)]
        return _written(self.to, names, given)

    def rehearsal(self, given: Given) -> Push:
        """The same, that only looks."""
        return msgspec.structs.replace(self.task(given), check=True)

    def task(self, given: Given) -> Push:
        """ValueError where a value is missing, or `to` becomes no path with it."""
        target = place(fill(self.to, given.env))
        return Push(
            sources=tuple(self._sources(given)),
            folder=target.folder,
            name=target.name,
            key=_key(given),
            mode=self.mode,
            owner=self.owner,
            exists=self.exists.value,
            makes_folders=self.missing_folder is Missing.CREATE,
            fills=self.template,
            check=False,
            diff=self.diff,
            bytes_per_s=self.bytes_per_s,
            shared=self._shared(given),
        )

    def _sources(self, given: Given) -> Iterator[FileSource]:
        if self.text is not None:
            yield FileSource(content=self.text.encode())
        for path in self.files:
            yield FileSource(path=path)
        for each in self.contents:
            path = place_of(given.contents, each.sha256)
            yield FileSource(path=path, name=each.name, sha256=each.sha256, mode=int(each.mode, 8))


class PullStep(TransferStep):
    """Files of each target for a folder on the engine's machine, which has a folder for each."""

    kind: Literal["pull"]
    files: tuple[ThereFile, ...] = Field(
        min_length=1,
        max_length=1000,
        description="on the target: whole paths of files, folders, or patterns of them",
    )
    to: HereFile = Field(
        max_length=3800, description="folder on the engine's machine; each target has its own in it"
    )
    missing: Literal["fail", "skip"] = Field(
        "fail", description="one of `files` is not there on the target"
    )

    @property
    def carried(self) -> Carried:
        taken = Taken(source=From.TARGET, files=self.files)
        return Carried(taken=(taken,), to=self.to.rstrip("/") + "/")

    def judged(self, given: Given) -> Sequence[Judged]:
        return _read(self.files)

    def rehearsal(self, given: Given) -> Pull:
        """The same, that only looks."""
        return msgspec.structs.replace(self.task(given), check=True)

    def task(self, given: Given) -> Pull:
        return Pull(
            paths=self.files,
            folder=joined(self.to, check_below(given.env["JOBDECK_HOST"])),
            key=_key(given),
            exists=self.exists.value,
            makes_folders=self.missing_folder is Missing.CREATE,
            may_be_missing=self.missing == "skip",
            keeps_mode=False,
            check=False,
            bytes_per_s=self.bytes_per_s,
            shared=self._shared(given),
        )


class By(StrEnum):
    """How files of several hosts lie side by side."""

    NAME = "name"
    SOURCE = "source"
    """In a folder for each host that they came from, named after it."""


class WebFile(Value):
    """A file of a web server."""

    url: Filled = Field(min_length=1, max_length=4096, description="http:// or https://")
    name: str | None = Field(None, description="what it is called; empty: as at the end of `url`")
    sha256: str | None = Field(None, pattern=SHA256, description="what it must be; else a failure")

    @property
    def file_name(self) -> str:
        """ValueError where the address ends in no name."""
        name = unquote(urlsplit(self.url).path).rpartition("/")[2]
        return check_below(self.name or name)

    def download(self, given: Given) -> Download:
        ask = HttpStep(kind="http", name="download", url=self.url, tries=1).task(given)
        request = msgspec.structs.replace(ask, max_body_bytes=MAX_DOWNLOAD_BYTES, keeps_body=False)
        return Download(request=request, name=self.file_name, sha256=self.sha256)


class DistributeStep(TransferStep):
    """Files of some hosts, or of web servers, for each target.

    They are fetched once, to the engine's machine, and sent to all from there.
    """

    access: ClassVar[str | None] = "relay"

    kind: Literal["distribute"]
    source: TargetText | None = Field(
        None, min_length=1, description="target expression: the hosts that have the files"
    )
    urls: tuple[WebFile, ...] = Field(
        (), max_length=1000, description="files of web servers, reached as `http` steps reach them"
    )
    files: tuple[ThereFile, ...] = Field(
        (),
        max_length=1000,
        description="on each source: whole paths of files, folders, or patterns of them",
    )
    to: Filled = Field(
        min_length=2,
        max_length=4095,
        description="/folder/ or ~/folder/; on Windows also C:/folder/",
    )
    by: By = Field(
        By.NAME,
        description="how files of several sources lie side by side; source: in a folder each",
    )
    mode: Mode = None
    owner: Owner = None
    diff: Diff = True

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if (self.source is None) != (not self.files):
            raise ValueError("`source` and `files` belong together: whose files, and which")
        if not self.files and not self.urls:
            raise ValueError("give `source` and `files`, or `urls`")
        for each in self.urls:
            _ = each.file_name
        if not self.to.startswith("${"):
            place(self.to)
        if not self.to.endswith("/"):
            raise ValueError("files go to a folder; `to` must have a / at its end")
        return self

    def judged(self, given: Given) -> Sequence[Judged]:
        names = [*map(basename, self.files), *(each.file_name for each in self.urls)]
        return [*_read(self.files), *_written(self.to, names, given)]

    @property
    def enters_host(self) -> bool:
        return True

    @property
    def fetched_from(self) -> str | None:
        return self.source

    @property
    def carried(self) -> Carried:
        hosts = Taken(source=From.HOSTS, files=self.files, hosts=self.source or "")
        web = Taken(source=From.WEB, files=tuple(each.url for each in self.urls))
        return Carried(taken=tuple(each for each in (hosts, web) if each.files), to=self.to)

    def rehearsal(self, given: Given) -> Distribute:
        """The files are fetched for it: only the targets would change."""
        task = self.task(given)
        return msgspec.structs.replace(task, push=msgspec.structs.replace(task.push, check=True))

    def task(self, given: Given) -> Distribute:
        """ValueError where a value is missing, or `to` becomes no path with it."""
        key = _key(given)
        return Distribute(
            pull=Pull(
                paths=self.files,
                folder="",
                key=key.rpartition("/")[0],
                exists=Exists.OVERWRITE.value,
                makes_folders=True,
                may_be_missing=False,
                keeps_mode=True,
                check=False,
                bytes_per_s=self.bytes_per_s,
            ),
            push=Push(
                sources=(),
                folder=place(fill(self.to, given.env)).folder,
                name="",
                key=key,
                mode=self.mode,
                owner=self.owner,
                exists=self.exists.value,
                makes_folders=self.missing_folder is Missing.CREATE,
                fills=False,
                check=False,
                diff=self.diff,
                bytes_per_s=self.bytes_per_s,
                shared=self._shared(given),
            ),
            downloads=tuple(each.download(given) for each in self.urls),
            by_source=self.by is By.SOURCE,
        )


def _key(given: Given) -> str:
    return "/".join(given.env[f"JOBDECK_{name}"] for name in ("RUN", "STEP", "HOST"))
