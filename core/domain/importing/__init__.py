"""Hosts from other tools' files: text in, an `ImportPlan` out, nothing else touched.

Each source has a reader of its own; all of them leave secrets behind, and say
so, and none follows a reference to another file. A plan is a proposal: people
see it first, then `documents` turns it into documents.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from core.domain.importing import ansible, ansible_dynamic, csv, hostlist, openssh, yaml
from core.domain.importing.documents import documents
from core.domain.importing.plan import ImportedGroup, ImportedHost, ImportPlan, Notice
from core.errors import Invalid, NotFound

__all__ = [
    "MAX_CHARACTERS",
    "SOURCES",
    "ImportPlan",
    "ImportedGroup",
    "ImportedHost",
    "Notice",
    "Source",
    "documents",
    "read",
]

MAX_CHARACTERS = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Source:
    """A kind of file that hosts can come from."""

    name: str
    read: Callable[[str], ImportPlan]
    summary: str


SOURCES: Mapping[str, Source] = {
    source.name: source
    for source in (
        Source("csv", csv.read, "a table with a header row"),
        Source("yaml", yaml.read, "a list or mapping of hosts"),
        Source("ansible", ansible.read, "an Ansible inventory, INI or YAML"),
        Source("ansible-json", ansible_dynamic.read, "Ansible's dynamic inventory, JSON"),
        Source("list", hostlist.read, "a host a line: NAME [ADDRESS]"),
        Source("openssh", openssh.read, "an OpenSSH client configuration"),
    )
}


def read(source: str, text: str) -> ImportPlan:
    """The plan that a file's text makes. `source` is a key of SOURCES.

    Raises: NotFound for an unknown source; Invalid with every problem and its
    line. What can be left out without harm becomes a notice of the plan.
    """
    if source not in SOURCES:
        raise NotFound("import source", source, list(SOURCES))
    if len(text) > MAX_CHARACTERS:
        raise Invalid(f"a file to import has at most {MAX_CHARACTERS:,} characters")
    return SOURCES[source].read(text.removeprefix("\ufeff"))
