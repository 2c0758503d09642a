"""Families of routes are loaded by the first part of a path; the table names all of them."""

from __future__ import annotations

from importlib import import_module
from itertools import chain
from pkgutil import iter_modules

import pytest

import core.api
from core.api.app import FAMILIES


def test_every_module_with_routes_is_in_the_table() -> None:
    modules = {module.name for module in iter_modules(core.api.__path__)}
    with_routes = {name for name in modules if hasattr(import_module(f"core.api.{name}"), "routes")}

    assert set(chain(*FAMILIES.values())) == with_routes - {"routes"}


@pytest.mark.parametrize("part", sorted(FAMILIES))
def test_a_part_leads_to_every_module_with_paths_below_it(part: str) -> None:
    below = {
        name
        for name in chain(*FAMILIES.values())
        for route in import_module(f"core.api.{name}").routes.routes
        if route.path.split("/")[1] == part
    }

    assert below == set(FAMILIES[part])
