"""Actions of channels and of what was told through them."""

from __future__ import annotations

from collections.abc import Iterator

from console.actions.base import Action, Call, one
from console.i18n import _


def actions() -> Iterator[Action]:
    yield Action(
        id="channels.test",
        title=_("send a test"),
        help=_("Sends a message there now, and says whether it was taken."),
        keys=("t",),
        when=one,
        changes=True,
        cli="jobdeck channels test {name}",
        call=Call(method="POST", path="/channels/{name}/test"),
    )
