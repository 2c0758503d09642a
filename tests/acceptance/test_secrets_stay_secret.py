"""Canaries in every field that takes a secret, real work that prints them, and a search for them.

The search covers what the product writes, answers, prints and passes on: the whole home, its
processes' arguments and environments, every process of the hosts, exports, the API with its
errors, the command line, the journal, a backup.
"""

from __future__ import annotations

import subprocess
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.canaries import canary, forms, key_lines, leaks
from tests.support.fleet import Gate, host
from tests.support.product import Product
from tests.support.sshd import loopback, temporary_sshd
from tests.support.users import Users
from tests.support.waiting import until
from tests.support.webserver import Received, Reply, WebServer

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(180),
    pytest.mark.needs("sshd", "su", "useradd"),
    pytest.mark.needs_root,
]

ECHOES = """\
cat {file}
cat {file} >&2
base64 -w0 {file}; echo
od -An -tx1 -v {file} | tr -d ' \\n'; echo
head -n 7 {file} | while IFS= read -r line; do
    printf %s "$line" | base64
    printf '%s\\n' "$line" | base64 >&2
    printf %s "${{line%%/*}}"; sleep 0.2; printf '%s\\n' "${{line#"${{line%%/*}}"}}"
done
set -x
echo "$TOKEN" '{{"token": "'"$TOKEN"'"}}'
set +x
echo "::set COPY=$TOKEN::"
echo "mine is $RUN_TOKEN"
{wait}
exit 3
"""
"""What covered forms a host can print, in one script; see `core.vault.secret_forms`."""


@dataclass(frozen=True)
class Scene:
    """A product whose hosts print every secret that it knows."""

    product: Product
    secrets: Mapping[str, str]
    gate: Gate
    run_id: str
    received: Sequence[Received]
    """What the service was sent."""
    printed: dict[str, bytes]
    """What was printed and answered on the way here."""

    def leaks(self, places: Mapping[str, bytes]) -> list[str]:
        assert places
        return leaks(self.secrets, places)


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    """A run that has printed everything and is still going on."""
    names = ("password", "become", "passphrase", "parameter", "run", "outside", "service")
    secrets = {name: canary(name) for name in names}
    config = "UsePAM yes\nPasswordAuthentication yes\n"
    with (
        Product(settings='secret_sources = ["file"]\n') as product,
        Users() as users,
        temporary_sshd(addresses=loopback(2, 47), config=config, own_homes=True) as sshd,
        Gate(sshd.folder) as gate,
        WebServer() as web,
    ):
        outside = sshd.folder / "outside"
        outside.write_text(secrets["outside"] + "\n")
        web.serve("/", Reply(body="\n".join(secrets.values()).encode()))
        login, other = users.user("login"), users.user("other")
        for user, secret in ((login, "password"), (other, "become")):
            set_password(user.name, secrets[secret])
        key = sshd.client_key.export_private_key("openssh", passphrase=secrets["passphrase"])
        secrets |= {f"key {n}": line for n, line in enumerate(key_lines(key.decode()))}
        gate.path.chmod(0o666)
        file = sshd.folder / "secrets"
        file.write_text("".join(f"{secrets[name]}\n" for name in names) + key.decode())
        file.chmod(0o644)
        documents = [
            account("by-password", login.name, password=secrets["password"]),
            account("by-key", login.name, key=key.decode(), passphrase=secrets["passphrase"])
            + f"  become: {{method: su, user: {other.name}, password: {quoted(secrets['become'])}}}\n",
            host("h1", sshd.addresses[0], sshd.port, account="by-password"),
            host("h2", sshd.addresses[1], sshd.port, account="by-key"),
            host("service", "127.0.0.1", web.port, account="service"),
            account("service", "svc", password=secrets["service"])
            + f"  token: {{file: {quoted(str(outside))}}}\n",
            job(web.port, ECHOES.format(file=file, wait=gate.wait)),
        ]
        applied = product.apply("---\n".join(documents))
        product.cli("run", "--on", "h*", "--", "true")
        product.run("hosts", "keys", "approve", "--all-pending", "-y")
        entered = product.run("run", "--on", "h*", "--", "id -un")
        assert other.name in entered.out
        assert login.name in entered.out
        request = {
            "job": "tell",
            "parameters": {"TOKEN": secrets["parameter"]},
            "secrets": {"RUN_TOKEN": secrets["run"]},
        }
        answer = product.api("POST", "/runs", json=request)
        assert answer.status_code == 202, answer.text
        run_id = answer.json()["id"]
        for name in ("h1", "h2"):
            until(lambda name=name: b"mine is" in product.raw_output(run_id, name)[-200:])
        printed = {"apply": applied.stdout + applied.stderr, "POST /runs": answer.content}
        yield Scene(product, secrets, gate, run_id, web.received, printed)


def set_password(user: str, password: str) -> None:
    line = f"{user}:{password}\n"
    subprocess.run(["chpasswd"], input=line, text=True, check=True, capture_output=True)


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def account(name: str, user: str, **fields: str) -> str:
    body = f"kind: account\nname: {name}\nspec:\n  user: {user}\n"
    for field, value in fields.items():
        lines = value.splitlines()
        if len(lines) > 1:
            body += f"  {field}: |\n" + textwrap.indent(value, "    ")
        else:
            body += f"  {field}: {quoted(value)}\n"
    return body


def job(port: int, text: str) -> str:
    """Logs in to a service, then tells everything."""
    login = f"url: 'http://${{JOBDECK_ADDRESS}}:{port}/', auth: {{kind: %s, unencrypted: true}}"
    return (
        "kind: job\nname: tell\nspec:\n  targets: h*\n"
        "  parameters: [{name: TOKEN, type: secret, required: true}]\n"
        "  steps:\n"
        f"  - {{name: token, kind: http, targets: service, {login % 'bearer'}}}\n"
        f"  - {{name: basic, kind: http, targets: service, {login % 'basic'}}}\n"
        "  - name: tell\n    kind: script\n    language: bash\n    outputs: collect\n"
        "    text: |\n" + textwrap.indent(text, "      ")
    )


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def processes(what: str) -> dict[str, bytes]:
    """`what` (cmdline, environ) of every process of this machine."""
    found = {}
    for entry in Path("/proc").glob(f"[0-9]*/{what}"):
        try:
            found[str(entry)] = entry.read_bytes()
        except OSError:
            continue
    return found


def test_the_hosts_did_print_the_secrets_and_stars_came_back(scene: Scene) -> None:
    for name in ("h1", "h2"):
        printed = scene.product.raw_output(scene.run_id, name)
        assert printed.count(b"***") > 3 * len(scene.secrets)
        assert b"mine is ***\n" in printed


def test_a_service_did_get_and_say_them_and_stars_came_back(scene: Scene) -> None:
    for step in ("token", "basic"):
        path = f"/runs/{scene.run_id}/output?host=service&step={step}"
        answer = scene.product.api("GET", path).content
        assert answer.count(b"***") >= 4
        assert scene.leaks({path: answer}) == []
    token, basic = (received.headers["Authorization"] for received in scene.received)
    assert token == f"Bearer {scene.secrets['outside']}"
    assert basic.startswith("Basic ")


def test_no_process_of_engine_console_or_host_shows_a_secret(scene: Scene) -> None:
    product = scene.product
    watching = product.open_console("runs", "watch", scene.run_id, "--stream")
    until(lambda: b"watch" in Path(f"/proc/{watching.pid}/cmdline").read_bytes())

    arguments = processes("cmdline")
    assert any(b"sshd" in line for line in arguments.values())
    environments = {
        str(pid): Path(f"/proc/{pid}/environ").read_bytes()
        for pid in (product.engine_pid, watching.pid)
    }

    assert scene.leaks(arguments) == []
    assert scene.leaks(environments) == []


def test_no_file_of_the_home_holds_a_secret_while_it_is_in_use(scene: Scene) -> None:
    files = files_of(scene.product.home.root)
    assert any(name.endswith("-wal") for name in files)
    assert scene.leaks(files) == []


def test_no_command_prints_a_secret(scene: Scene) -> None:
    product, run_id = scene.product, scene.run_id
    commands = [
        ["export"],
        *(["get", kind, "-o", form] for kind in ("accounts", "jobs") for form in ("yaml", "json")),
        ["get", "account", "by-key"],
        ["history", "account", "by-key"],
        ["events", "--limit", "1000", "--json"],
        ["runs", "list", "--json"],
        ["runs", "show", run_id, "--json"],
        ["runs", "show", run_id],
        ["runs", "groups", run_id, "--rules", "none", "--full"],
        ["runs", "output", run_id],
        *(["runs", "output", run_id, name, "--raw"] for name in ("h1", "h2")),
        *(["runs", "search", run_id, secret[:20]] for secret in scene.secrets.values()),
        ["engine", "status", "--json"],
        ["vault", "list"],
        ["vault", "verify"],
    ]
    for command in commands:
        ended = product.cli(*command)
        assert ended.code in (0, 1), ended.said
        # What was typed may be said again; nothing more.
        typed = " ".join(command).encode()
        scene.printed[" ".join(command)] = (ended.stdout + ended.stderr).replace(typed, b"")

    assert scene.leaks(scene.printed) == []


def test_no_answer_of_the_api_holds_a_secret_not_even_a_refusal(scene: Scene) -> None:
    product, run_id = scene.product, scene.run_id
    secret = scene.secrets["password"]
    spec = {"user": "u", "password": secret}
    bad: list[tuple[str, str, Any]] = [
        ("POST", "/documents/account", document({**spec, "colour": "red"})),
        ("POST", "/documents/account", document({"password": secret})),
        ("POST", "/documents/account", document({**spec, "user": 7})),
        ("POST", "/documents/account", document({"user": "u", "password": [secret]})),
        ("POST", "/documents/account", document({"user": "u", "password": {"secret": secret}})),
        ("POST", "/documents/account", document({**spec, "key": secret, "key_file": "/k"})),
        ("POST", "/documents/account", document({**spec, "become": secret})),
        ("POST", "/documents/account", document({**spec, "become": {"password": secret, "x": 1}})),
        ("PUT", "/documents/account/by-key", document(spec)),
        ("POST", "/apply", {"documents": [document({**spec, "colour": "red"})]}),
        ("POST", "/runs", {"job": "tell", "parameters": {"TOKEN": secret, "OTHER": "x"}}),
        ("POST", "/runs", {"job": "tell", "parameters": {"TOKEN": [secret]}}),
        ("POST", "/runs", {"job": "tell", "secrets": {"bad name": secret}}),
        ("POST", "/runs", {"job": "tell", "secrets": {"NAME": [secret]}}),
        ("POST", "/runs", {"job": "tell", "parameters": {}, "secrets": secret}),
        ("POST", "/vault/unlock", {"passphrase": [secret]}),
        ("POST", "/vault/export", {"passphrase": secret, "x": 1}),
        ("POST", "/vault/import", {"text": secret, "passphrase": secret}),
        ("POST", "/vault/init", {"unlocker": "key file", "passphrase": secret}),
        ("POST", "/documents/account", document({**spec, "password": {"command": secret}})),
        ("POST", "/runs/preview", {"job": "tell", "parameters": {"TOKEN": secret, "OTHER": 1}}),
    ]
    answers = {}
    for method, path, body in bad:
        answer = product.api(method, path, json=body)
        assert 400 <= answer.status_code < 500, (path, body, answer.text)
        answers[f"{method} {path} {body}"] = answer.content
    for path in (
        "/documents/account/by-key",
        "/documents/account/by-key/history",
        f"/runs/{run_id}",
        f"/runs/{run_id}/definition",
        f"/runs/{run_id}/targets",
        f"/runs/{run_id}/groups",
        "/events?limit=1000",
        "/vault/secrets",
    ):
        answers[path] = product.api("GET", path, headers={"Accept": "application/json"}).content

    assert scene.leaks(answers) == []
    assert b"***" not in answers["/documents/account/by-key"]


def document(spec: Any) -> dict[str, Any]:
    return {"kind": "account", "name": "new", "spec": spec}


def test_a_changed_secret_is_shown_as_changed_and_not_as_text(scene: Scene) -> None:
    changed = account("by-password", "root", password=scene.secrets["become"] + "2")

    plan = scene.product.run("apply", "-f", "-", "--dry-run", stdin=changed.encode())

    assert "password" in plan.out
    assert scene.leaks({"plan": plan.stdout + plan.stderr}) == []


def test_no_backup_holds_a_secret(scene: Scene) -> None:
    made = scene.product.run("backup", "--json").json()
    backup = Path(made["path"])
    assert scene.leaks({str(backup): backup.read_bytes()}) == []


def test_nothing_is_left_when_the_run_has_ended_and_the_engine_has_stopped(scene: Scene) -> None:
    product = scene.product
    scene.gate.open()
    run = product.ended(scene.run_id)
    assert run["counts"] == {"failed": 2, "success": 2}
    assert product.targets(scene.run_id)["h2"]["exit_code"] == 3
    product.run("engine", "stop")

    assert scene.leaks(files_of(product.home.root)) == []


def test_the_search_would_find_them(scene: Scene) -> None:
    for name, secret in scene.secrets.items():
        assert len(leaks({name: secret}, forms(secret))) >= len(forms(secret))
