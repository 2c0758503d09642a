"""Documents, their revisions, and what applying some changes."""

from __future__ import annotations

from typing import Any

from console.answers.base import Answer
from console.answers.dangers import Danger


class Kind(Answer, frozen=True, kw_only=True):
    """A kind of document."""

    kind: str
    plural: str
    summary: str = ""


class Document(Answer, frozen=True, kw_only=True):
    """A document as it is stored; secrets are references."""

    kind: str
    name: str
    spec: dict[str, Any]
    labels: dict[str, str] = {}
    revision: int = 0
    created_at: str = ""
    updated_at: str = ""
    updated_by: str = ""

    def body(self) -> dict[str, Any]:
        """What a person would write, and what the API takes back."""
        return {"kind": self.kind, "name": self.name, "labels": self.labels, "spec": self.spec}


class Revision(Answer, frozen=True, kw_only=True):
    """One entry of a document's history."""

    revision: int
    change: str
    at: str
    actor: str


class FieldChange(Answer, frozen=True, kw_only=True):
    """One place that differs between two revisions; a missing side is null."""

    path: str
    before: Any = None
    after: Any = None


class DocumentDiff(Answer, frozen=True, kw_only=True):
    """What changed from one revision of a document to another."""

    changes: list[FieldChange]


class Change(Answer, frozen=True, kw_only=True):
    """What applying does to one document: create, change, unchanged or delete."""

    kind: str
    name: str
    action: str
    diff: list[FieldChange] = []
    dangers: list[Danger] = []
    """Rules for dangerous commands that it meets."""


class Applied(Answer, frozen=True, kw_only=True):
    """The plan of a batch, and whether it was carried out."""

    changes: list[Change]
    applied: bool = False
