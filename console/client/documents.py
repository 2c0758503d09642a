"""Documents, and what brings hosts into them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from console import answers
from console.client import paths
from console.client.calls import ENDLESS, Calls


class DocumentCalls(Calls):
    """Documents, and what brings hosts into them."""

    def kinds(self) -> list[answers.Kind]:
        return self._get(list[answers.Kind], "/kinds")

    def schema(self, kind: str) -> dict[str, Any]:
        """The JSON Schema of a whole document of this kind."""
        return self._get(dict[str, Any], f"/kinds/{paths.part(kind)}/schema")

    def documents(
        self, kind: str, *, selector: str | None = None, q: str | None = None
    ) -> Iterator[answers.Document]:
        """All documents of a kind, in order of name, page by page."""
        return self._all(
            answers.Document, f"/documents/{paths.part(kind)}", {"selector": selector, "q": q}
        )

    def document(self, kind: str, name: str, revision: int | None = None) -> answers.Document:
        return self._get(answers.Document, paths.document(kind, name), {"revision": revision})

    def create(self, body: Mapping[str, Any]) -> answers.Document:
        """Store a new document; AlreadyExists where there is one of its name."""
        path = f"/documents/{paths.part(str(body['kind']))}"
        return self._post(answers.Document, path, body)

    def replace(self, body: Mapping[str, Any], revision: int) -> answers.Document:
        """Replace a document that has not changed since `revision`; StaleRevision if it has."""
        path = paths.document(str(body["kind"]), str(body["name"]))
        headers = {"If-Match": f'"{revision}"'}
        return self._decode(answers.Document, self._call("PUT", path, body=body, headers=headers))

    def delete(self, kind: str, name: str) -> None:
        self._call("DELETE", paths.document(kind, name))

    def history(self, kind: str, name: str) -> list[answers.Revision]:
        page = self._get(answers.Page[answers.Revision], f"{paths.document(kind, name)}/history")
        return page.items

    def diff(
        self, kind: str, name: str, first: int | None, last: int | None
    ) -> list[answers.FieldChange]:
        """What changed from one revision to another; None: the newest, and the one before."""
        path = f"{paths.document(kind, name)}/diff"
        return self._get(answers.DocumentDiff, path, {"from": first, "to": last}).changes

    def apply(
        self,
        documents: Sequence[Mapping[str, Any]],
        *,
        dry_run: bool,
        prune: str | None = None,
        coming: Sequence[str] = (),
    ) -> answers.Applied:
        """Make documents what these say. `coming`: contents that a dry run takes to be there."""
        body = {"documents": list(documents), "dry_run": dry_run, "prune": prune}
        if coming:
            body["coming"] = list(coming)
        return self._post(answers.Applied, "/apply", body)

    def import_inventory(self, body: Mapping[str, Any]) -> answers.InventoryImport:
        """Documents from another tool's inventory; nothing is stored."""
        return self._post(answers.InventoryImport, "/inventory/import", body)

    def sources(self) -> list[answers.Source]:
        """Every inventory source."""
        return self._get(list[answers.Source], "/inventory/sources")

    def refresh_source(self, name: str, *, apply: bool, overwrite: bool) -> answers.Refreshed:
        """Ask a source; answers when it has, or has failed to."""
        path = f"/inventory/sources/{paths.part(name)}/refresh"
        body = {"apply": apply, "overwrite": overwrite}
        done = self._call("POST", path, body=body, timeout=ENDLESS)
        return self._decode(answers.Refreshed, done)

    def resolve(self, expression: str) -> answers.Resolved:
        return self._post(answers.Resolved, "/targets/resolve", {"expression": expression})
