"""Ansible's YAML inventory: groups with `hosts`, `children` and `vars`."""

from __future__ import annotations

from core.domain.importing.ansible_graph import Graph, Setting, Settings, refused
from core.domain.yamlsafe import Located, Plain, load_all

_OPAQUE = frozenset({"!vault", "!vault-encrypted", "!unsafe"})
_PARTS = ("hosts", "children", "vars")

Path = tuple[str | int, ...]


def fill(graph: Graph, text: str) -> None:
    """Read `text` into `graph`. Raises: Invalid for YAML that is no inventory."""
    documents = load_all(text, opaque_tags=_OPAQUE)
    if not documents:
        return
    if len(documents) > 1:
        raise refused(documents[1].line, "an inventory is one YAML document")
    document = documents[0]
    groups = document.value
    if not isinstance(groups, dict):
        raise refused(document.line, "an inventory is a mapping of groups")
    if "plugin" in groups:
        what = "this is the configuration of an inventory plugin"
        hint = "run `ansible-inventory --list --yaml` and import its output"
        raise refused(document.line_of(("plugin",)), what, hint)
    if "_meta" in groups:
        what = "this is the JSON form that `ansible-inventory --list` prints"
        raise refused(document.line_of(("_meta",)), what, "import it as ansible-json")
    for name, content in groups.items():
        _add_group(graph, document, (name,), name, content)


def _add_group(graph: Graph, document: Located, path: Path, name: str, content: Plain) -> None:
    line = document.line_of(path)
    group = graph.add_group(name, line)
    if content is None:
        return
    if not isinstance(content, dict):
        graph.notices.add(line, f"{name!r} is no mapping of {', '.join(_PARTS)}; left out")
        return
    for part, value in content.items():
        place = (*path, part)
        entries = {value: None} if isinstance(value, str) else value
        if part not in _PARTS or not isinstance(entries, dict | None):
            what = f"{part!r} of group {name!r} is no mapping of {', '.join(_PARTS)}; left out"
            graph.notices.add(document.line_of(place), what)
            continue
        for key, inner in (entries or {}).items():
            here = (*place, key)
            if part == "hosts":
                settings = _settings(graph, document, here, inner)
                graph.add_hosts(key, document.line_of(here), name, settings)
            elif part == "vars":
                group.settings[key] = Setting(inner, document.line_of(here))
            else:
                _add_group(graph, document, here, key, inner)
                group.children[key] = document.line_of(here)


def _settings(graph: Graph, document: Located, path: Path, content: Plain) -> Settings:
    if content is None:
        return {}
    if not isinstance(content, dict):
        graph.notices.add(document.line_of(path), f"variables of {path[-1]!r} are no mapping")
        return {}
    return {key: Setting(value, document.line_of((*path, key))) for key, value in content.items()}
