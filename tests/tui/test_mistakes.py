"""What ends the terminal UI by our own mistake: told without what was typed."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.cli import complaining, terminal
from console.tui.app import JobdeckApp
from tests.support.canaries import canary
from tests.support.product import Product
from tests.tui.conftest import OpenDeck


@pytest.mark.asyncio
async def test_a_report_shows_no_local_variable(
    deck: OpenDeck, capfd: pytest.CaptureFixture[str]
) -> None:
    secret = canary("typed")

    def fail() -> None:
        held = secret
        raise RuntimeError(f"{len(held)} characters")

    async def broken() -> None:
        async with deck("runs") as d:
            await d.see("live")
            d.app.call_later(fail)
            await d.pilot.pause()

    with pytest.raises(RuntimeError) as ended:
        await broken()
    assert complaining.about_bug(ended.value) != 0
    said = "".join(capfd.readouterr())
    assert "RuntimeError" in said
    assert secret not in said


def test_the_command_line_reports_it(
    product: Product, monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    def run(app: JobdeckApp, **_how: bool) -> None:
        app._exception = KeyError("ours")

    monkeypatch.setattr(JobdeckApp, "run", run)
    monkeypatch.setattr(terminal, "is_screen", lambda: True)
    monkeypatch.setenv("JOBDECK_HOME", str(product.home.root))

    with pytest.raises(KeyError, match="ours"):
        terminal.show()
