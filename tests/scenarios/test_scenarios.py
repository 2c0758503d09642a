"""Every transcript of this folder is what the machine does."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.flow.commands import AnyCommand
from core.flow.events import AnyEvent
from core.flow.machine import FlowState
from tests.scenarios.transcript import FOLDER, RESTART, Scenario, read, transcripts
from tests.scenarios.words import read_event

ALL = [(each, scenario) for each in transcripts() for scenario in each.scenarios]


@pytest.mark.parametrize(
    "scenario",
    [scenario for _, scenario in ALL],
    ids=[f"{transcript.file.stem}: {scenario.title}" for transcript, scenario in ALL],
)
def test_a_run_goes_as_its_transcript_says(scenario: Scenario) -> None:
    assert "\n".join(scenario.recorded().lines) == "\n".join(scenario.lines)


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.txt")), ids=lambda file: file.stem)
def test_a_transcript_is_written_as_the_recorder_writes_it(file: Path) -> None:
    assert read(file).text == file.read_text(encoding="utf-8")


def test_titles_differ_and_there_are_many() -> None:
    titles = [scenario.title for _, scenario in ALL]
    assert len(set(titles)) == len(titles) >= 120


def test_every_event_and_every_command_happens_in_some_transcript() -> None:
    happened: set[type] = set()
    recorded = set()
    for _, scenario in ALL:
        state = FlowState(scenario.flow.graph)
        lines = [line for line in scenario.happenings if line != RESTART]
        happened |= {type(read_event(line, state)) for line in lines}
        recorded |= {line.split()[0] for line in scenario.lines if line.startswith(" ")}
    assert happened == set(AnyEvent.__args__)
    assert {"start", "wait", "stop", "finish", "give", "check", "end", "=", "!"} == recorded
    assert len(AnyCommand.__args__) == 9  # `start` and `wait` are said of steps and of batches


def test_a_line_that_says_no_event_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "sample.txt"
    file.write_text("Words.\n\n=== it begins\nnodes: [a]\n---\nbegin\n")
    with pytest.raises(ValueError, match="no event is called 'begin'"):
        read(file).recorded()


def test_a_flow_that_cannot_be_saved_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "sample.txt"
    file.write_text("Words.\n\n=== it begins\nnodes: [a]\nedges: [a -> b]\n---\nstart\n")
    with pytest.raises(ValueError, match=r"sample.txt, 'it begins': .*no node b"):
        read(file)


def test_a_recording_fills_in_what_the_machine_does(tmp_path: Path) -> None:
    file = tmp_path / "sample.txt"
    file.write_text("Words.\n\n=== it begins\nnodes: [a]\n---\nstart\n    finish failed\n")
    assert read(file).recorded().text == (
        "Words.\n\n=== it begins\nnodes: [a]\n---\nstart\n    start a\n    = running: a running\n"
    )
