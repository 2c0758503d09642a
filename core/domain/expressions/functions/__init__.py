"""The fixed table of functions. There are no others, and none can be added from outside.

`GROUPS` is all there is: the grammar, the checks, completions and the reference page follow it.
"""

from __future__ import annotations

from collections.abc import Mapping

from core.domain.expressions.functions.amounts import AMOUNTS, KINDS, TIMES
from core.domain.expressions.functions.lists import LISTS
from core.domain.expressions.functions.signature import Function
from core.domain.expressions.functions.strings import STRINGS

GROUPS: Mapping[str, tuple[Function, ...]] = {
    "lists": LISTS,
    "strings": STRINGS,
    "numbers": AMOUNTS,
    "times": TIMES,
    "kinds": KINDS,
}
FUNCTIONS: Mapping[str, Function] = {
    function.name: function for group in GROUPS.values() for function in group
}
