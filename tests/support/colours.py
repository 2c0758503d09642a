"""How colours are told apart: contrast as WCAG 2 has it, and what colour-blind eyes see."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

EYES: Mapping[str, Sequence[Sequence[float]]] = {
    "all cones": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritanopia": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}
"""What eyes make of linear red, green and blue: Machado, Oliveira and Fernandes 2009, severity 1."""

_D65 = (0.95047, 1.0, 1.08883)
_XYZ = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))


def contrast(one: str, other: str) -> float:
    """From 1 (the same) to 21 (black and white); colours are `#rrggbb`."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def distance(one: str, other: str, eyes: str) -> float:
    """How far apart two colours are for these eyes, in CIE 1976 L*a*b*; 2 is just to be noticed."""
    return math.dist(_lab(_seen(one, eyes)), _lab(_seen(other, eyes)))


def _linear(colour: str) -> tuple[float, ...]:
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return tuple(
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )


def _luminance(colour: str) -> float:
    return _times(_XYZ, _linear(colour))[1]


def _seen(colour: str, eyes: str) -> tuple[float, ...]:
    return tuple(min(max(part, 0.0), 1.0) for part in _times(EYES[eyes], _linear(colour)))


def _lab(linear: Sequence[float]) -> tuple[float, float, float]:
    x, y, z = (_root(part / white) for part, white in zip(_times(_XYZ, linear), _D65, strict=True))
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def _root(part: float) -> float:
    return part ** (1 / 3) if part > 0.008856 else 7.787 * part + 16 / 116


def _times(matrix: Sequence[Sequence[float]], vector: Sequence[float]) -> tuple[float, ...]:
    return tuple(sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix)
