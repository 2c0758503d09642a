"""Tables on a terminal of 80 columns: what people look for is there whole, in either language."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest

from console.answers import Document, HostHealth, HostKey, HostMaintenance, HostState, Run
from console.cells import width
from console.cli import settings
from console.cli.printing import Screen
from console.presenters import states
from console.presenters.hosts import hosts_table
from console.presenters.lists import keys_table, runs_table
from console.presenters.text import Column, Span, Table, plain
from console.tables import table_lines

NOW = datetime(2026, 2, 1, 12, tzinfo=UTC)
FINGERPRINT = "SHA256:x09kcHFI4nT3NV2wSSb1bft1uP41DIiVBvRce4gT7jU"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(params=["en", "zh_CN"])
def language(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "24")
    settings.reset()
    monkeypatch.setenv("JOBDECK_LANG", request.param)
    settings.settings.color = "never"
    return request.param


def shown(table: Table) -> str:
    """The table as it stands there; every line fits."""
    stream = Terminal()
    Screen(stream).table(table)
    assert max(map(width, stream.getvalue().splitlines())) <= 80
    return stream.getvalue()


def host(name: str) -> Document:
    spec = {"address": f"{name}.fra1.example.com", "account": "deploy-prod", "environment": "prod"}
    labels = {"env": "prod", "rack": "fra1-r07", "role": "database"}
    return Document(kind="host", name=name, spec=spec, labels=labels)


def test_how_hosts_stand_is_never_cut(language: str) -> None:
    hosts = [host("db-primary-01"), host("db-replica-02"), host("db-replica-03")]
    until, since = "2026-03-01T03:30:00.000000Z", "2026-01-31T09:15:00.000000Z"
    known = {
        "db-primary-01": HostState(
            host="db-primary-01",
            maintenance=HostMaintenance(actor="ann", at=since, until=until, reason=""),
        ),
        "db-replica-02": HostState(
            host="db-replica-02", health=HostHealth(state="down", since=since)
        ),
    }

    table = hosts_table(hosts, known, NOW)

    states = [row[-1].text for row in table.rows]
    assert len(set(states)) == 3
    text = " ".join(shown(table).split())
    assert all(state in text for state in states)
    assert all(each.name in text for each in hosts)


def test_keys_are_compared_whole_beside_their_hosts_and_status(language: str) -> None:
    key = HostKey(
        id="1",
        host="db-primary-01",
        key_type="ecdsa-sha2-nistp256",
        fingerprint=FINGERPRINT,
        status="pending",
        source="first-use",
        first_seen_at="2026-01-31T09:15:00.000000Z",
    )

    table = keys_table([key], NOW)

    text = shown(table)
    host_cell, status, kind = (cell.text for cell in table.rows[0][:3])
    assert f"{host_cell}  {status}" in text
    assert kind in text
    assert FINGERPRINT in text


TITLE = "rotate certificates"


def runs(*states: str) -> Table:
    began = "2026-01-31T09:15:00.000000Z"
    return runs_table(
        [
            Run(
                id=f"01KFZ{number:021}",
                title=TITLE,
                origin="command",
                state=state,
                actor="deploy-robot",
                created_at=began,
                started_at=began,
                finished_at="2026-01-31T11:45:30.000000Z",
                target_count=1200,
            )
            for number, state in enumerate(states)
        ],
        NOW,
    )


def test_a_long_state_leaves_the_title_of_a_run_its_room(language: str) -> None:
    text = shown(runs("partially_succeeded", "succeeded"))

    assert text.count(TITLE) == 2
    assert states.run_state("partially_succeeded").text in text
    assert "1,200" in text
    assert "deploy-robot" not in text


@pytest.mark.parametrize("columns", ["132", None])
def test_where_there_is_room_nothing_is_left_out(
    language: str, monkeypatch: pytest.MonkeyPatch, columns: str | None
) -> None:
    stream = io.StringIO() if columns is None else Terminal()
    monkeypatch.setenv("COLUMNS", columns or "80")
    Screen(stream).table(runs("partially_succeeded"))

    assert "deploy-robot" in stream.getvalue()
    assert "2h 30m" in stream.getvalue()


def test_nothing_is_left_out_for_a_title_that_needs_no_room() -> None:
    columns = (Column("A"), Column("BY", leaves=1), Column("TITLE", elastic=True))
    row = (Span("x" * 60), Span("ann"), Span("short"))

    (_titles, line) = table_lines(Table(columns, (row,)), 74)

    assert plain(line).split() == ["x" * 60, "ann", "short"]
