"""Why a file did not arrive: the words of our programs -> state, code and sentence."""

from __future__ import annotations

from collections.abc import Mapping

from core.domain.files.paths import shown
from core.domain.run import TargetCode, TargetState
from core.executors.protocol import Outcome

_S, _C = TargetState, TargetCode

_OF_WORD: Mapping[str, tuple[TargetState, TargetCode, str]] = {
    "digest": (_S.SUBMIT_FAILED, _C.INTERPRETER_MISSING, "{why}"),
    "folder": (_S.FILE_FAILED, _C.IO_FAILURE, "{file}: the folder cannot be used: {why}"),
    "link": (_S.FILE_FAILED, _C.IO_FAILURE, "{file}: {why}; nothing is written outside the folder"),
    "kind": (_S.FILE_FAILED, _C.IO_FAILURE, "{file}: {why}"),
    "write": (_S.FILE_FAILED, _C.IO_FAILURE, "{file} cannot be written there: {why}"),
    "owner": (_S.FILE_FAILED, _C.IO_FAILURE, "{file} cannot be given its owner: {why}"),
    "mode": (_S.FILE_FAILED, _C.IO_FAILURE, "{file} cannot be given its mode: {why}"),
    "exists": (_S.FILE_FAILED, _C.IO_FAILURE, "{file} is there already, with other content"),
    "missing": (_S.FILE_SOURCE_MISSING, _C.IO_FAILURE, "{why} on the target"),
    "read": (_S.FILE_SOURCE_MISSING, _C.IO_FAILURE, "{why}"),
    "damaged": (
        _S.CHECKSUM_MISMATCH,
        _C.IO_FAILURE,
        "{file} did not arrive as it was sent (did it change meanwhile?); what was there is untouched",
    ),
    "overwritten": (
        _S.CHECKSUM_MISMATCH,
        _C.IO_FAILURE,
        "{file} did not arrive as it was sent, and what was there is overwritten",
    ),
}


class TransferFailed(Exception):
    """A file cannot be transferred; another try would end alike."""

    def __init__(self, state: TargetState, code: TargetCode, message: str) -> None:
        super().__init__(message)
        self.state = state
        self.code = code

    @property
    def is_missing(self) -> bool:
        """There is no such file to take."""
        return self.state is TargetState.FILE_SOURCE_MISSING

    @property
    def outcome(self) -> Outcome:
        return Outcome(state=self.state, code=self.code, message=str(self))


MAX_FILES = 100_000
"""Of one push, and of one pattern of a pull."""


def check_number(files: int, of: str) -> None:
    """TransferFailed where `of` stands for more files than anybody means."""
    if files > MAX_FILES:
        many = f"{shown(of)} stands for more than {MAX_FILES:,} files"
        raise TransferFailed(_S.FILE_FAILED, _C.INVALID_OPTIONS, many)


def refused(word: str, why: str, file: str) -> TransferFailed:
    """What a program on the target has refused, about `file`."""
    state, code, sentence = _OF_WORD[word]
    why = " ".join(shown(why).split())
    return TransferFailed(state, code, sentence.format(file=shown(file), why=why))


def ended_early(status: int | None) -> TransferFailed:
    """Our program was ended before it said how it went."""
    end = "by a signal" if status is None else f"with exit status {status}"
    return TransferFailed(
        _S.FILE_FAILED,
        _C.IO_FAILURE,
        f"the program that takes files there ended early, {end} (was it killed?)",
    )
