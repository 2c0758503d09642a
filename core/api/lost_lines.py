"""Lost lines, of one run and of all, as the API shows them."""

from __future__ import annotations

from pydantic import Field

from core.api.values import Answer


class LostOut(Answer):
    """Hosts whose line is lost and that are looked for at this moment; none: `count` is 0."""

    count: int
    hosts: str = Field(description="folded, such as `web[01-40]`")
    longest_s: float = Field(description="how long the first of them has been looked for")
