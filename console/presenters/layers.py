"""Nodes of a graph in layers, and where each stands: whole numbers of cells. Pure.

After Sugiyama: ranks by the longest way, stand-ins where an edge passes a layer, an order in
which few edges cross, and columns near those that a node hangs on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

GAP = 3
"""Cells between two that stand side by side."""
_SWEEPS = 6


@dataclass(slots=True, eq=False)
class Spot:
    """A node in its layer; `name` "" stands in where an edge passes."""

    name: str
    layer: int
    width: int
    left: int = 0

    @property
    def middle(self) -> int:
        return self.left + self.width // 2


@dataclass(frozen=True, slots=True)
class Link:
    """A part of an edge, from one layer to the next."""

    source: Spot
    target: Spot
    edge: int
    """Index of the edge that it is a part of."""


@dataclass(frozen=True, slots=True)
class Layers:
    """Where everything stands."""

    layers: Sequence[Sequence[Spot]]
    links: Sequence[Link]

    @property
    def width(self) -> int:
        return max((spot.left + spot.width for layer in self.layers for spot in layer), default=0)


def layered(widths: Mapping[str, int], edges: Sequence[tuple[str, str]]) -> Layers:
    """Nodes by name with their widths, in their order; edges must make no circle."""
    ranks = _ranks(widths, edges)
    layers: list[list[Spot]] = [[] for _layer in range(max(ranks.values(), default=-1) + 1)]
    spots = {name: Spot(name, ranks[name], width) for name, width in widths.items()}
    for spot in spots.values():
        layers[spot.layer].append(spot)
    links: list[Link] = []
    for index, (source, target) in enumerate(edges):
        chain = [spots[source]]
        for layer in range(ranks[source] + 1, ranks[target]):
            chain.append(Spot("", layer, 1))
            layers[layer].append(chain[-1])
        links += [Link(a, b, index) for a, b in pairwise([*chain, spots[target]])]
    found = Layers(layers, links)
    _order(found)
    _place(found)
    return found


def _ranks(names: Mapping[str, int], edges: Sequence[tuple[str, str]]) -> dict[str, int]:
    ranks = dict.fromkeys(names, 0)
    for _round in names:
        moved = False
        for source, target in edges:
            if ranks[target] <= ranks[source]:
                ranks[target], moved = ranks[source] + 1, True
        if not moved:
            break
    return ranks


def _order(found: Layers) -> None:
    """Put each node near the middle of what it is joined to, down and up again."""
    above, below = _neighbours(found)
    for sweep in range(_SWEEPS):
        near = above if sweep % 2 == 0 else below
        layers = found.layers if sweep % 2 == 0 else [*reversed(found.layers)]
        for layer in layers:
            assert isinstance(layer, list)
            at = {spot: place for each in found.layers for place, spot in enumerate(each)}
            layer.sort(key=lambda spot: _mean([at[each] for each in near[spot]], at[spot]))


def _place(found: Layers) -> None:
    """Columns: side by side first, then towards those above and below."""
    above, below = _neighbours(found)
    for layer in found.layers:
        _side_by_side(layer, [0] * len(layer))
    for sweep in range(_SWEEPS):
        near = above if sweep % 2 == 0 else below
        for layer in found.layers if sweep % 2 == 0 else reversed(found.layers):
            wanted = [
                round(_mean([each.middle for each in near[spot]], spot.middle)) - spot.width // 2
                for spot in layer
            ]
            _side_by_side(layer, wanted)
    first = min((spot.left for layer in found.layers for spot in layer), default=0)
    for layer in found.layers:
        for spot in layer:
            spot.left -= first


def _side_by_side(layer: Sequence[Spot], wanted: Sequence[int]) -> None:
    """Each at its wanted column, or as near as its neighbours let it; the layer keeps its middle."""
    end: int | None = None
    for spot, left in zip(layer, wanted, strict=True):
        spot.left = left if end is None else max(left, end + GAP)
        end = spot.left + spot.width
    drift = [spot.left - left for spot, left in zip(layer, wanted, strict=True)]
    shift = round(sum(drift) / len(drift)) if drift else 0
    for spot in layer:
        spot.left -= shift


def _neighbours(found: Layers) -> tuple[dict[Spot, list[Spot]], dict[Spot, list[Spot]]]:
    above: dict[Spot, list[Spot]] = {spot: [] for layer in found.layers for spot in layer}
    below: dict[Spot, list[Spot]] = {spot: [] for layer in found.layers for spot in layer}
    for link in found.links:
        above[link.target].append(link.source)
        below[link.source].append(link.target)
    return above, below


def _mean(values: Sequence[int], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise
