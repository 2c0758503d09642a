"""Contents: bytes that belong to jobs, each known by its SHA-256 alone."""

from __future__ import annotations

from pydantic import Field, field_validator

from core.domain.files.paths import check_below
from core.domain.patterns import SHA256
from core.domain.values import Value

KIND = "content"
"""What a reference to one is recorded under, beside the kinds of documents."""


class NamedContent(Value):
    """A content under the name that its file gets."""

    name: str = Field(description="of the file, below the folder that it goes to")
    sha256: str = Field(pattern=SHA256, description="which content; `jobdeck contents list`")
    mode: str = Field("0644", pattern=r"^0[0-7]{3}$", description="of the file that was attached")

    _below = field_validator("name")(staticmethod(check_below))


def place_of(folder: str, sha256: str) -> str:
    """Where a content lies below `folder`: a folder for its first two digits, a file for the rest."""
    return f"{folder}/{sha256[:2]}/{sha256[2:]}"
