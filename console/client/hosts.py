"""Hosts as they are, and their keys."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from console import answers
from console.client import paths
from console.client.calls import ENDLESS, Calls


class HostCalls(Calls):
    """Hosts as they are, and their keys."""

    def gather_facts(self, hosts: Sequence[str], run_as: str | None) -> list[answers.Gathered]:
        """Ask hosts for their facts; answers when all of them have."""
        body = {"hosts": list(hosts), "run_as": run_as}
        done = self._call("POST", "/facts/gather", body=body, timeout=ENDLESS)
        return self._decode(list[answers.Gathered], done)

    def facts(self) -> list[answers.Fact]:
        """Every fact there is."""
        return self._get(list[answers.Fact], "/facts")

    def host_facts(self, host: str) -> answers.HostFacts:
        return self._get(answers.HostFacts, f"{paths.host(host)}/facts")

    def samples(self, host: str, *, limit: int) -> list[answers.HostSample]:
        """The newest samples of a host, newest first."""
        return self._get(list[answers.HostSample], f"{paths.host(host)}/samples", {"limit": limit})

    def host_states(self) -> list[answers.HostState]:
        """Hosts of which there is something to say."""
        return self._get(list[answers.HostState], "/hosts")

    def set_maintenance(
        self, hosts: Sequence[str], *, on: bool, reason: str, for_s: float | None
    ) -> list[answers.HostState]:
        body = {"hosts": list(hosts), "on": on, "reason": reason, "for_s": for_s}
        return self._post(list[answers.HostState], "/hosts/maintenance", body)

    def note_host(self, host: str, text: str) -> answers.Note:
        return self._post(answers.Note, f"{paths.host(host)}/notes", {"text": text})

    def host_notes(self, host: str) -> list[answers.Note]:
        """Notes on a host, oldest first."""
        return self._get(list[answers.Note], f"{paths.host(host)}/notes")

    def host_keys(self, status: str | None = None) -> Iterator[answers.HostKey]:
        return self._all(answers.HostKey, "/host-keys", {"status": status})

    def decide_host_keys(
        self, action: str, *, ids: Sequence[str] = (), hosts: Sequence[str] = ()
    ) -> list[answers.HostKey]:
        """Approve or revoke keys, named by their ids or their hosts."""
        body = {"action": action, "ids": list(ids), "hosts": list(hosts)}
        return self._post(answers.Page[answers.HostKey], "/host-keys/actions", body).items

    def import_host_keys(self, known_hosts: str, *, dry_run: bool) -> answers.KeyImport:
        body = {"known_hosts": known_hosts, "dry_run": dry_run}
        return self._post(answers.KeyImport, "/host-keys/import", body)

    def add_authority(self, pattern: str, public_key: str) -> answers.HostKey:
        body = {"pattern": pattern, "public_key": public_key}
        return self._post(answers.HostKey, "/host-keys/authorities", body)
