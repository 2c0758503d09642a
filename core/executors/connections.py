"""How connections over SSH are kept: what the engine's own executor and its workers are told alike."""

from __future__ import annotations

from dataclasses import dataclass

CHANNELS_A_CONNECTION = 8
"""sshd takes 10 sessions a connection (MaxSessions); two stay free for ending works."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepAlive:
    """How a silent peer is found out."""

    interval_s: float = 15.0
    count: int = 3
