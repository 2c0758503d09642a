"""One rule, as it judges; where it was written says `document`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from core.domain.command_rules.pieces import Piece
from core.domain.command_rules.values import Language, Level, Operation


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule: what it finds, in which texts or paths, and what follows."""

    name: str
    level: Level
    message: str
    languages: frozenset[Language] = frozenset(Language)
    finds: Callable[[Piece], bool] | None = None
    """Of a built-in rule; the others have a pattern, paths, or what they allow."""
    pattern: str = ""
    allow: tuple[str, ...] = ()
    """Patterns: it finds every command that none of them fits whole."""
    ignore_case: bool = False
    paths: tuple[str, ...] = ()
    operations: frozenset[Operation] = frozenset()
