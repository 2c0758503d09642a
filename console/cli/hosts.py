"""`jobdeck hosts`: which hosts an expression means, hosts of other tools, and keys of hosts."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import typer

from console.answers import Document, HostKey, HostState
from console.cli import options
from console.cli.asking import confirms
from console.cli.batches import carry_out
from console.cli.exit_codes import ExitCode
from console.cli.helping import command, family
from console.cli.options import Json
from console.cli.printing import err, out
from console.cli.settings import engine
from console.client import Client
from console.i18n import _, ngettext
from console.presenters.changes import documents_word
from console.presenters.hosts import hosts_table
from console.presenters.lists import keys_table
from console.presenters.results import hosts_word
from console.presenters.text import Span, Tone
from core.clock import SystemClock
from core.errors import RequestError

app = family(_("List hosts, test them, import them, approve their keys."))
keys = family(_("Keys that hosts prove themselves with: what is on record, what waits."))
app.add_typer(keys, name="keys")

_STATUSES = ("pending", "approved", "revoked")
_FINGERPRINT = "SHA256:"


@command(
    app,
    "list",
    _("List hosts: all of them, or those that a target expression stands for."),
    """
jobdeck hosts list
jobdeck hosts list 'env=prod & !db*'
""",
)
def list_hosts(
    expression: Annotated[str | None, typer.Argument(metavar="[EXPR]")] = None,
    folded: Annotated[
        bool, typer.Option("--folded", help=_("only names, folded: web[01-40]"))
    ] = False,
    as_json: Json = False,
) -> None:
    with engine() as client:
        found = client.resolve("all" if expression is None else expression)
        documents, known = {}, {}
        if not folded:
            documents = {document.name: document for document in client.documents("host")}
            known = {state.host: state for state in client.host_states()}
    hosts = [documents[name] for name in found.hosts if name in documents]
    if as_json:
        out().json(
            found.hosts if folded else [_whole(host, known.get(host.name)) for host in hosts]
        )
    elif folded:
        out().print(found.folded)
    else:
        out().table(hosts_table(hosts, known, SystemClock().now()))
        if hosts:
            err().print(Span(hosts_word(found.count), Tone.QUIET))


def _whole(host: Document, state: HostState | None) -> dict[str, Any]:
    """A host's document, and how it stands."""
    return {**msgspec.to_builtins(host), "state": msgspec.to_builtins(state)}


@command(
    app,
    "import",
    _(
        "Import hosts from a file of another tool.\n\n"
        "Shows what would be created and changes nothing, unless --apply is given. Secrets in the"
        " file are left behind."
    ),
    """
jobdeck hosts import --from openssh ~/.ssh/config --account deploy
jobdeck hosts import --from ansible inventory.ini --label env=prod --apply
""",
)
def import_hosts(
    file: Annotated[str, typer.Argument(metavar="FILE")],
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="TOOL",
            help=_("csv, yaml, ansible (INI or YAML), ansible-json, list, or openssh"),
        ),
    ] = None,
    account: Annotated[
        str | None,
        typer.Option("--account", metavar="NAME", help=_("for hosts that the file gives no user")),
    ] = None,
    label: Annotated[
        list[str] | None,
        typer.Option("--label", metavar="KEY=VALUE", help=_("added to every host")),
    ] = None,
    apply: Annotated[bool, typer.Option("--apply", help=_("carry it out"))] = False,
    as_json: Json = False,
) -> int:
    if source is None:
        raise RequestError(
            _("--from is missing"),
            hint=_("it names the tool: csv, yaml, ansible, ansible-json, list, openssh"),
        )
    body: dict[str, Any] = {
        "source": source,
        "text": options.read_text("FILE", file),
        "labels": options.assignments("--label", label, _("write --label KEY=VALUE")),
    }
    if account is not None:
        body["account"] = account
    with engine() as client:
        found = client.import_inventory(body)
        for notice in found.notices:
            err().print(Span(_("left out: "), Tone.WARNING), notice)
        if not found.documents:
            raise RequestError(_("{file} holds no host").format(file=file))
        code = carry_out(client, found.documents, dry_run=not apply, as_json=as_json)
    if not apply:
        text = _("{documents} found; --apply carries it out")
        note = text.format(documents=documents_word(len(found.documents)))
        err().print(Span(note, Tone.QUIET))
    return code


@command(keys, "list", _("List host keys and what was decided about them, oldest first."))
def list_keys(
    status: Annotated[
        str | None, typer.Option("--status", metavar="STATUS", help=", ".join(_STATUSES))
    ] = None,
    as_json: Json = False,
) -> None:
    if status is not None:
        options.one_of("--status", status, _STATUSES)
    with engine() as client:
        found = list(client.host_keys(status))
    if as_json:
        out().json(msgspec.to_builtins(found))
        return
    out().table(keys_table(found, SystemClock().now()))
    pending = sum(key.status == "pending" for key in found)
    if pending:
        err().print(
            ngettext("{count} key waits", "{count} keys wait", pending).format(count=pending)
            + ": jobdeck hosts keys approve HOST..., --all-pending"
        )


@command(
    keys,
    "approve",
    _(
        "Approve the pending keys of hosts.\n\n"
        "Compare the fingerprints with a source that you trust first: whoever approves a key"
        " vouches for it."
    ),
    """
jobdeck hosts keys approve web01 web02
jobdeck hosts keys approve --all-pending
jobdeck hosts keys approve SHA256:x09kcHFI4nT3NV2wSSb1bft1uP41DIiVBvRce4gT7jU
""",
)
def approve(
    hosts: Annotated[list[str] | None, typer.Argument(metavar="HOST...")] = None,
    all_pending: Annotated[
        bool, typer.Option("--all-pending", help=_("every key that waits"))
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help=_("do not ask"))] = False,
) -> int:
    if bool(hosts) == all_pending:
        raise RequestError(
            _("name hosts, or give --all-pending"), hint=_("`jobdeck hosts keys list` shows them")
        )
    with engine() as client:
        if all_pending:
            return _approve_all(client, list(client.host_keys("pending")), yes=yes)
        _report(_decide(client, "approve", hosts or []), _("approved"))
    return ExitCode.OK


def _approve_all(client: Client, pending: list[HostKey], *, yes: bool) -> int:
    if not pending:
        err().print(_("no key waits"))
        return ExitCode.OK
    out().table(keys_table(pending, SystemClock().now()))
    question = ngettext(
        "Approve this {count} key?", "Approve these {count} keys?", len(pending)
    ).format(count=len(pending))
    if not yes and not confirms(question):
        raise RequestError(
            _("not confirmed; nothing was approved"), hint=_("--yes approves without asking")
        )
    done = client.decide_host_keys("approve", ids=[key.id for key in pending])
    _report(done, _("approved"))
    return ExitCode.OK


@command(
    keys,
    "revoke",
    _("Revoke the keys of hosts: whoever shows one of them again is refused."),
    """
jobdeck hosts keys revoke web01
jobdeck hosts keys revoke SHA256:x09kcHFI4nT3NV2wSSb1bft1uP41DIiVBvRce4gT7jU
""",
)
def revoke(hosts: Annotated[list[str], typer.Argument(metavar="HOST...")]) -> int:
    with engine() as client:
        _report(_decide(client, "revoke", hosts), _("revoked"))
    return ExitCode.OK


@command(
    keys,
    "import",
    _("Put the keys of an OpenSSH known_hosts file on record, as approved by you."),
)
def import_keys(
    file: Annotated[str, typer.Argument(metavar="FILE")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help=_("only show what it adds"))] = False,
    as_json: Json = False,
) -> int:
    text = options.read_text("FILE", file)
    with engine() as client:
        found = client.import_host_keys(text, dry_run=dry_run)
    if as_json:
        out().json(msgspec.to_builtins(found))
        return ExitCode.OK
    for line in found.skipped:
        err().print(Span(f"{file}:{line.line}: ", Tone.WARNING), line.why)
    out().table(keys_table(found.added, SystemClock().now()))
    note = _("dry run: nothing was changed") if dry_run else _("these are approved now")
    if found.added:
        err().print(Span(note, Tone.QUIET))
    return ExitCode.OK


@command(
    keys,
    "add-ca",
    _("Trust a certificate authority: hosts with a certificate of it need no approval."),
    """
jobdeck hosts keys add-ca '*.example.com' host_ca.pub
""",
)
def add_authority(
    pattern: Annotated[str, typer.Argument(metavar="PATTERN")],
    file: Annotated[str, typer.Argument(metavar="FILE")],
) -> int:
    public_key = options.read_text("FILE", file).strip()
    with engine() as client:
        _report([client.add_authority(pattern, public_key)], _("trusted"))
    return ExitCode.OK


def _decide(client: Client, action: str, words: list[str]) -> list[HostKey]:
    """Decide about keys named by their hosts, or by their fingerprints as `list` shows them."""
    by_host = [word for word in words if not word.startswith(_FINGERPRINT)]
    return client.decide_host_keys(
        action,
        ids=[word for word in words if word.startswith(_FINGERPRINT)],
        hosts=[name for item in by_host for name in options.host_list("HOST", item)],
    )


def _report(changed: list[HostKey], word: str) -> None:
    for key in changed:
        err().print(
            f"{word}: ", Span(key.host or key.pattern or "", Tone.STRONG), f"  {key.fingerprint}"
        )
