"""Targets of expressions, other tools' inventories, and inventory sources."""

from __future__ import annotations

from typing import Any

from console.answers.base import Answer
from console.answers.documents import FieldChange


class Resolved(Answer, frozen=True, kw_only=True):
    """The hosts that a target expression stands for."""

    hosts: list[str]
    count: int
    folded: str = ""


class InventoryImport(Answer, frozen=True, kw_only=True):
    """Documents that an inventory stands for, and what could not be taken over."""

    documents: list[dict[str, Any]]
    notices: list[str] = []


class Source(Answer, frozen=True, kw_only=True):
    """An inventory source, and how it answered when it was last asked."""

    source: str
    asked_at: str | None = None
    good_at: str | None = None
    failure: str = ""
    hosts: int = 0
    vanished: int = 0


class HostChange(Answer, frozen=True, kw_only=True):
    """What a refresh does to one host."""

    host: str
    action: str
    why: str = ""
    diff: list[FieldChange] = []


class Refreshed(Answer, frozen=True, kw_only=True):
    """What a refresh found, and did; with a failure nothing was changed."""

    source: str
    failure: str = ""
    changes: list[HostChange] = []
    notices: list[str] = []
    applied: bool = False
