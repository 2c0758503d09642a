"""How much a host may send ahead: one window, also when the reader pauses again and again."""

from __future__ import annotations

from typing import Any

import asyncssh


def hold_to_one_window(channel: asyncssh.SSHClientChannel[bytes]) -> None:
    """Let the far side send more only after all that was kept back has been delivered.

    WORKAROUND(asyncssh 2.24): after a pause it opens the whole window with the first piece
    that it delivers, whatever else it still keeps. A reader that takes a little and pauses
    again lets it keep ever more. For channels that carry bytes.
    """
    inside: Any = channel
    deliver = inside._deliver_data

    def deliver_data(data: bytes, datatype: asyncssh.DataType) -> None:
        if inside._recv_buf and inside._session is not None:
            inside._session.data_received(data, datatype)
        else:
            deliver(data, datatype)

    inside._deliver_data = deliver_data
