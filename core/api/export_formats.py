"""A run's output as one document: text, JSON lines, HTML with colours, or a zip of exact bytes.

Each format takes the same calls in the same order, `begin`, then for each target `target`, `piece`
... `end_target`, then `end`, and gives bytes for each, so that nothing is held but what is
being written. Values in, bytes out.
"""

from __future__ import annotations

import html
import json
import re
import zipfile
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import msgspec

from core.api.values import readable
from core.domain.ansi import STYLE, AnsiHtml
from core.domain.display import safe_text
from core.domain.wholelines import WholeLines
from core.storage.output import Segment
from core.storage.runs import RunRow, TargetRow

_NAME = re.compile(r"[^A-Za-z0-9._-]+")
_NAME_CHARACTERS = 60


class Format(Protocol):
    """One way to write a run's output."""

    media_type: str
    ending: str
    by_stream: bool
    """Whether each stream of a target comes by itself, one after the other."""

    def begin(self, run: RunRow) -> bytes: ...

    def target(self, target: TargetRow) -> bytes: ...

    def piece(self, segment: Segment) -> bytes: ...

    def end_target(self) -> bytes: ...

    def end(self) -> bytes: ...


class TextFormat:
    """Lines under the name of their host; what a terminal would act on is shown by its code."""

    media_type = "text/plain; charset=utf-8"
    ending = "txt"
    by_stream = False

    def __init__(self) -> None:
        self._lines = WholeLines()
        self._at_line_start = True

    def begin(self, run: RunRow) -> bytes:
        words = f"run {run.id}  {run.title}  {run.origin}  {run.state}"
        times = f"started {run.started_at or '-'}  ended {run.finished_at or '-'}"
        return safe_text(f"{words}\n{times}  by {run.actor}\n").encode()

    def target(self, target: TargetRow) -> bytes:
        return f"\n==== {safe_text(_headline(target))}\n".encode()

    def piece(self, segment: Segment) -> bytes:
        shown = safe_text(self._lines.feed(segment.stream, segment.data)).encode()
        if shown:
            self._at_line_start = shown.endswith(b"\n")
        return shown

    def end_target(self) -> bytes:
        rest = safe_text(self._lines.rest()).encode()
        ended = (rest[-1:] == b"\n") if rest else self._at_line_start
        self._at_line_start = True
        return rest + (b"" if ended else b"\n")

    def end(self) -> bytes:
        return b""


class JsonlFormat:
    """One JSON object a line: the run, each target, and its pieces as they arrived."""

    media_type = "application/x-ndjson"
    ending = "jsonl"
    by_stream = False

    def __init__(self) -> None:
        self._place: dict[str, Any] = {}

    def begin(self, run: RunRow) -> bytes:
        return _line({"run": msgspec.to_builtins(run)})

    def target(self, target: TargetRow) -> bytes:
        names = ("step", "attempt", "ordinal", "host")
        self._place = {name: getattr(target, name) for name in names}
        return _line({"target": _facts(target)})

    def piece(self, segment: Segment) -> bytes:
        what = {"offset": segment.offset, "stream": segment.stream, "at": segment.at}
        return _line({"output": {**self._place, **what, **readable(segment.data)}})

    def end_target(self) -> bytes:
        return b""

    def end(self) -> bytes:
        return b""


class HtmlFormat:
    """One page for reading: no script, nothing from elsewhere, light or dark as the reader's."""

    media_type = "text/html; charset=utf-8"
    ending = "html"
    by_stream = False

    def __init__(self) -> None:
        self._streams: dict[str, AnsiHtml] = {}

    def begin(self, run: RunRow) -> bytes:
        title = html.escape(safe_text(run.title or run.id))
        facts = (run.id, run.origin, run.state, run.actor, run.started_at, run.finished_at)
        words = html.escape(safe_text(" · ".join(fact for fact in facts if fact)))
        page = _PAGE.replace("TITLE", title)
        return f"{page}<h1>{title}</h1>\n<p>{words}</p>\n".encode()

    def target(self, target: TargetRow) -> bytes:
        good = "good" if target.exit_code == 0 else "bad"
        words = html.escape(safe_text(_headline(target)))
        return f'<details open>\n<summary class="{good}">{words}</summary>\n<pre>'.encode()

    def piece(self, segment: Segment) -> bytes:
        shown = self._streams.setdefault(segment.stream, AnsiHtml()).feed(segment.data)
        return _in_stream(segment.stream, shown)

    def end_target(self) -> bytes:
        rest = b"".join(
            _in_stream(stream, shown.finish()) for stream, shown in self._streams.items()
        )
        self._streams.clear()
        return rest + b"</pre>\n</details>\n"

    def end(self) -> bytes:
        return b"</body>\n</html>\n"


class ZipFormat:
    """A file for each stream of each target, byte for byte, and manifest.json."""

    media_type = "application/zip"
    ending = "zip"
    by_stream = True

    def __init__(self) -> None:
        self._sink = _Sink()
        self._zip = zipfile.ZipFile(self._sink, "w", zipfile.ZIP_DEFLATED)
        self._moment = (1980, 1, 1, 0, 0, 0)
        self._run: dict[str, Any] = {}
        self._targets: list[dict[str, Any]] = []
        self._folder = ""
        self._files: dict[str, str] = {}
        self._open: tuple[str, Any] | None = None

    def begin(self, run: RunRow) -> bytes:
        self._run = msgspec.to_builtins(run)
        digits = [int(number) for number in re.findall(r"\d+", run.created_at)[:6]]
        self._moment = (max(1980, digits[0]), *digits[1:])  # type: ignore[assignment]
        return self._sink.take()

    def target(self, target: TargetRow) -> bytes:
        # The ordinal alone makes it unique; the names are for people, and may be hostile.
        host = _file_name(target.host)
        step = _file_name(target.step)
        self._folder = f"{target.ordinal:05}-{host}/{step}.{target.attempt}"
        self._files = {}
        self._targets.append({**_facts(target), "files": self._files})
        return self._sink.take()

    def piece(self, segment: Segment) -> bytes:
        if self._open is None or self._open[0] != segment.stream:
            self._close()
            name = f"{self._folder}.{_file_name(segment.stream)}.txt"
            self._files[segment.stream] = name
            self._open = (segment.stream, self._zip.open(self._info(name), "w", force_zip64=True))
        self._open[1].write(segment.data)
        return self._sink.take()

    def end_target(self) -> bytes:
        self._close()
        return self._sink.take()

    def end(self) -> bytes:
        manifest = {"run": self._run, "targets": self._targets}
        text = json.dumps(manifest, ensure_ascii=False, indent=1)
        self._zip.writestr(self._info("manifest.json"), text)
        self._zip.close()
        return self._sink.take()

    def _close(self) -> None:
        if self._open is not None:
            self._open[1].close()
            self._open = None

    def _info(self, name: str) -> zipfile.ZipInfo:
        info = zipfile.ZipInfo(name, self._moment)
        info.compress_type = zipfile.ZIP_DEFLATED
        info.external_attr = 0o600 << 16
        return info


class _Sink:
    """A file that can only be written to; what was written is taken away at once."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes, /) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """What was written last is still there to be taken."""

    def take(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)


FORMATS: Mapping[str, Callable[[], Format]] = {
    "text": TextFormat,
    "jsonl": JsonlFormat,
    "html": HtmlFormat,
    "zip": ZipFormat,
}


def _headline(target: TargetRow) -> str:
    """Host, step, and how it ended, in one line."""
    parts = [target.host, f"{target.step} #{target.attempt}", target.state.value]
    if target.exit_code is not None:
        parts.append(f"exit {target.exit_code}")
    if target.signal:
        parts.append(f"signal {target.signal}")
    if target.code:
        parts.append(target.code.value)
    if target.dropped_bytes:
        parts.append(f"{target.dropped_bytes} bytes over the cap were not kept")
    return " · ".join([*parts, target.message] if target.message else parts)


def _facts(target: TargetRow) -> dict[str, Any]:
    names = (
        *("step", "attempt", "ordinal", "host", "state", "code", "exit_code", "signal"),
        *("message", "started_at", "finished_at", "size_bytes", "dropped_bytes"),
    )
    return {name: msgspec.to_builtins(getattr(target, name)) for name in names}


def _line(value: Any) -> bytes:
    return msgspec.json.encode(value) + b"\n"


def _in_stream(stream: str, shown: str) -> bytes:
    if stream == "out" or not shown:
        return shown.encode()
    return f'<span class="{_NAME.sub("", stream)}">{shown}</span>'.encode()


def _file_name(name: str) -> str:
    """A name that is a plain file name everywhere."""
    return _NAME.sub("_", name).strip("._")[:_NAME_CHARACTERS].rstrip("._") or "_"


_LIGHT = (
    *("#24292f", "#b42318", "#1a7f37", "#9a6700", "#0550ae", "#8250df", "#0e7490", "#6e7781"),
    *("#57606a", "#d1242f", "#2da44e", "#bf8700", "#218bff", "#a475f9", "#3192aa", "#8c959f"),
)
_DARK = (
    *("#484f58", "#ff7b72", "#3fb950", "#d29922", "#58a6ff", "#bc8cff", "#39c5cf", "#b1bac4"),
    *("#6e7681", "#ffa198", "#56d364", "#e3b341", "#79c0ff", "#d2a8ff", "#56d4dd", "#f0f6fc"),
)


def _colours(values: tuple[str, ...]) -> str:
    return "".join(f"--c{number}:{value};" for number, value in enumerate(values))


_PAGE = f"""<!DOCTYPE html>
<html>
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<title>TITLE</title>
<style>
:root{{color-scheme:light dark;--bg:#fff;--fg:#1f2328;--line:#d0d7de;{_colours(_LIGHT)}}}
@media (prefers-color-scheme:dark){{:root{{--bg:#0d1117;--fg:#e6edf3;--line:#30363d;{_colours(_DARK)}}}}}
body{{background:var(--bg);color:var(--fg);font:15px/1.5 system-ui,sans-serif;margin:2em}}
pre{{font:13px/1.45 ui-monospace,monospace;white-space:pre-wrap;overflow-wrap:anywhere}}
details{{border-top:1px solid var(--line);padding:.5em 0}}
summary{{font-weight:600}}
.good{{color:var(--c2)}}.bad{{color:var(--c1)}}.err{{color:var(--c1)}}.note{{color:var(--c8);font-style:italic}}
{STYLE}
</style>
</head>
<body>
"""
