"""`apply`, `get`, `edit`, `delete`, `export`, `explain` against a fake API."""

from __future__ import annotations

import hashlib
import json
import stat
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from core.domain import yamlsafe
from tests.unit.console.fake_api import FakeApi, Jobdeck, answer, problem

KINDS = [
    {"kind": "host", "plural": "hosts"},
    {"kind": "job", "plural": "jobs"},
]


def host(name: str = "web01", revision: int = 3, **spec: Any) -> dict[str, Any]:
    return {
        "kind": "host", "name": name, "labels": {"env": "prod"}, "spec": spec,
        "revision": revision, "updated_by": "ann", "updated_at": "2026-01-31T11:00:00Z",
    }  # fmt: skip


def plan(*changes: tuple[str, str], applied: bool = False) -> dict[str, Any]:
    items = [{"kind": "host", "name": name, "action": action} for name, action in changes]
    return {"changes": items, "applied": applied}


@pytest.fixture(autouse=True)
def kinds(api: FakeApi) -> None:
    api.on("GET", "/kinds", answer(KINDS))


@pytest.fixture
def inventory(tmp_path: Path) -> Path:
    folder = tmp_path / "inventory"
    (folder / "more").mkdir(parents=True)
    (folder / "b.yaml").write_text("kind: host\nname: web01\n---\nkind: host\nname: web02\n")
    (folder / "more" / "a.yml").write_text("kind: host\nname: db1\nspec: {port: 2222}\n")
    (folder / "README.md").write_text("not YAML: [")
    return folder


def test_folders_are_searched_and_documents_sent_in_order(
    jobdeck: Jobdeck, api: FakeApi, inventory: Path
) -> None:
    changes = (("web01", "create"), ("web02", "unchanged"), ("db1", "create"))
    api.on("POST", "/apply", answer(plan(*changes)), answer(plan(*changes, applied=True)))

    ended = jobdeck("apply", "-f", str(inventory))

    assert ended.code == 0
    assert ended.out == "+ create  host web01\n+ create  host db1\n2 to create, 1 unchanged\n"
    assert ended.err == "applied\n"
    first, second = api.sent("POST", "/apply")
    assert [item["name"] for item in first["documents"]] == ["web01", "web02", "db1"]
    assert (first["dry_run"], second["dry_run"]) == (True, False)


def test_a_dry_run_asks_for_the_plan_alone(jobdeck: Jobdeck, api: FakeApi, inventory: Path) -> None:
    api.on("POST", "/apply", answer(plan(("web01", "create"))))

    ended = jobdeck("apply", "-f", str(inventory), "--dry-run")

    assert ended.err == "dry run: nothing was changed\n"
    assert [item["dry_run"] for item in api.sent("POST", "/apply")] == [True]


def test_where_nothing_changes_nothing_is_applied(
    jobdeck: Jobdeck, api: FakeApi, inventory: Path
) -> None:
    api.on("POST", "/apply", answer(plan(("web01", "unchanged"))))

    ended = jobdeck("apply", "-f", str(inventory))

    assert (ended.code, ended.out, ended.err) == (0, "1 unchanged\n", "")
    assert len(api.sent("POST", "/apply")) == 1


def test_pruning_asks_first(jobdeck: Jobdeck, api: FakeApi, inventory: Path) -> None:
    api.on("POST", "/apply", answer(plan(("old", "delete"))))

    ended = jobdeck("apply", "-f", str(inventory), "--prune", "managed-by=git")

    assert ended.code == 2
    assert ended.out == "- delete  host old\n1 to delete\n"
    assert ended.err == (
        "error: not confirmed; nothing was changed\n  hint: --yes deletes without asking\n"
    )
    assert [item["dry_run"] for item in api.sent("POST", "/apply")] == [True]


def test_pruning_with_yes_does_not_ask(jobdeck: Jobdeck, api: FakeApi, inventory: Path) -> None:
    api.on("POST", "/apply", answer(plan(("old", "delete"))))

    assert jobdeck("apply", "-f", str(inventory), "--prune", "a=b", "--yes").code == 0
    assert [item["prune"] for item in api.sent("POST", "/apply")] == ["a=b", "a=b"]


def test_every_problem_is_named_with_file_and_line(
    jobdeck: Jobdeck, api: FakeApi, tmp_path: Path
) -> None:
    first, second = tmp_path / "a.yaml", tmp_path / "b.yaml"
    first.write_text(
        "kind: host\nname: web01\nspec:\n  address: 10.0.0.1\n  port: 70000\n  prot: ssh\n"
        "---\nkind: hots\nname: x\n"
    )
    second.write_text(
        "kind: job\nname: j\nspec:\n  steps:\n    - {name: a, kind: command, command: ls}\n"
        "    - name: b\n      kind: command\n      timeout_s: -1\n      command: x\n"
        "---\nkind: host\nname: web01\n---\njust text\n"
    )

    ended = jobdeck("apply", "-f", str(first), "-f", str(second))

    assert ended.code == 2
    assert api.requests == []
    lines = ended.err.splitlines()
    assert lines[0] == "error: 6 problems; nothing was changed"
    assert f"  {first}:5: spec.port: must be less than or equal to 65535" in lines
    assert any(line.startswith(f"  {first}:6: spec.prot: is not a known field") for line in lines)
    assert any(line.startswith(f"  {first}:8: kind: kind 'hots' does not exist") for line in lines)
    assert any(line.startswith(f"  {second}:8: spec.steps[1].timeout_s: must") for line in lines)
    assert any(line.startswith(f"  {second}:14: a document is a mapping") for line in lines)
    assert f"  {second}:12: name: host web01 stands at {first}:2 too" in lines


def test_text_that_is_no_yaml_is_named_with_line_and_column(
    jobdeck: Jobdeck, api: FakeApi, tmp_path: Path
) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("kind: host\nname: [web01\n")

    ended = jobdeck("apply", "-f", str(file))

    assert ended.code == 2
    assert ended.err.startswith(f"error: {file} cannot be read\n  {file}:2:7: ")


def test_problems_that_the_engine_finds_get_their_line_too(
    jobdeck: Jobdeck, api: FakeApi, inventory: Path
) -> None:
    items = [
        {"where": "documents[2].spec.port", "what": "is taken", "hint": ""},
        {"where": "host/web02 spec.account", "what": "does not exist", "hint": ""},
        {"where": "group/front spec.hosts[0]", "what": "is needed", "hint": ""},
    ]
    api.on("POST", "/apply", problem(422, "invalid", "not valid", problems=items))

    ended = jobdeck("apply", "-f", str(inventory))

    assert ended.err == (
        "error: not valid\n"
        f"  {inventory}/more/a.yml:3: spec.port: is taken\n"
        f"  {inventory}/b.yaml:4: spec.account: does not exist\n"
        "  group/front spec.hosts[0]: is needed\n"
    )


def test_a_folder_without_yaml_is_refused(jobdeck: Jobdeck, tmp_path: Path) -> None:
    ended = jobdeck("apply", "-f", str(tmp_path))

    assert ended.code == 2
    assert f"-f: {tmp_path} has no YAML file" in ended.err


def test_a_kind_may_be_plural_and_a_list_is_a_table(jobdeck: Jobdeck, api: FakeApi) -> None:
    api.on("GET", "/documents/host", answer({"items": [host(address="10.0.0.1", port=2222)]}))

    ended = jobdeck("get", "hosts", "-l", "env=prod", "--search", "front end")

    assert ended.out == (
        "NAME   ADDRESS        ACCOUNT  ENVIRONMENT  LABELS\n"
        "web01  10.0.0.1:2222                        env=prod\n"
    )
    assert api.asked("/documents/host") == {
        "limit": ["1000"], "selector": ["env=prod"], "q": ["front end"]
    }  # fmt: skip


def test_a_list_of_accounts_names_what_proves_them_and_their_last_day(
    jobdeck: Jobdeck, api: FakeApi
) -> None:
    ref = {"secret": "0" * 26}
    spec = {"token": ref, "tls_certificate": "PEM", "tls_key": ref, "expires": "2027-03-31"}
    api.on("GET", "/kinds", answer([{"kind": "account", "plural": "accounts"}]))
    api.on("GET", "/documents/account", answer({"items": [{**host(), "spec": spec}]}))

    ended = jobdeck("get", "accounts")
    assert ended.err == ""
    _, row = ended.out.splitlines()

    assert row.split() == ["web01", "token,", "tls_certificate", "2027-03-31", "env=prod"]


def test_one_document_is_yaml_that_can_be_applied(jobdeck: Jobdeck, api: FakeApi) -> None:
    api.on("GET", "/documents/host/web01", answer(host(port=2222)))

    ended = jobdeck("get", "host", "web01")

    body = {"kind": "host", "name": "web01", "labels": {"env": "prod"}, "spec": {"port": 2222}}
    assert yamlsafe.load(ended.out).value == body


def test_json_has_everything(jobdeck: Jobdeck, api: FakeApi) -> None:
    api.on("GET", "/documents/host/web01", answer(host()))
    api.on("GET", "/documents/host", answer({"items": [host()]}))

    assert json.loads(jobdeck("get", "host", "web01", "-o", "json").out)["revision"] == 3
    assert [item["name"] for item in json.loads(jobdeck("get", "host", "--json").out)] == ["web01"]


def test_an_unknown_kind_suggests_the_nearest(jobdeck: Jobdeck) -> None:
    ended = jobdeck("get", "hots")

    assert (ended.code, ended.err) == (
        2, "error: kind 'hots' does not exist\n  hint: did you mean 'host'?\n"
    )  # fmt: skip


def test_deleting_needs_a_yes(jobdeck: Jobdeck, api: FakeApi) -> None:
    api.on("GET", "/documents/host/web01", answer(host()))

    ended = jobdeck("delete", "host", "web01")

    assert ended.code == 2
    assert "not confirmed; nothing was deleted" in ended.err


def test_nothing_is_deleted_when_one_of_the_names_is_wrong(jobdeck: Jobdeck, api: FakeApi) -> None:
    api.on("GET", "/documents/host/web01", answer(host()))
    api.on("GET", "/documents/host/web99", problem(404, "not-found", "host 'web99' does not exist"))

    ended = jobdeck("delete", "host", "web01", "web99", "--yes")

    assert (ended.code, ended.err) == (2, "error: host 'web99' does not exist\n")
    assert api.sent("DELETE", "/documents/host/web01") == []


def test_a_document_in_use_stays_and_says_why(jobdeck: Jobdeck, api: FakeApi) -> None:
    api.on("GET", "/documents/host/web01", answer(host()))
    api.on("DELETE", "/documents/host/web01", problem(409, "in-use", "group front refers to it"))

    ended = jobdeck("delete", "host", "web01", "--yes")

    assert (ended.code, ended.err) == (4, "error: group front refers to it\n")


def test_export_writes_a_file_for_each_document(
    jobdeck: Jobdeck, api: FakeApi, tmp_path: Path
) -> None:
    api.on("GET", "/documents/host", answer({"items": [host("web01"), host("主机")]}))
    api.on("GET", "/documents/job", answer({"items": []}))

    ended = jobdeck("export", "-o", str(tmp_path / "out"))

    assert ended.err == f"2 documents written to {tmp_path}/out\n"
    files = sorted(path.relative_to(tmp_path / "out") for path in tmp_path.rglob("*.yaml"))
    assert files == [Path("host/web01.yaml"), Path("host/主机.yaml")]


def test_a_diff_shows_fields(jobdeck: Jobdeck, api: FakeApi) -> None:
    change = {"path": "spec.port", "before": 22, "after": 2222}
    body = {"from_revision": 1, "to_revision": 2, "changes": [change]}
    api.on("GET", "/documents/host/web01/diff", answer(body))

    ended = jobdeck("diff", "host", "web01", "--from", "2")

    assert ended.out == "spec.port: 22 -> 2222\n"
    assert api.asked("/documents/host/web01/diff") == {"from": ["2"]}


def test_a_field_can_be_explained(jobdeck: Jobdeck, api: FakeApi) -> None:
    from core.api.kinds import schema_of

    api.on("GET", "/kinds/host/schema", answer(schema_of("host")))

    assert jobdeck("explain", "host.port").out == (
        "host.port  whole number 1 to 65535\n"
        "empty: 22, behind WinRM 5986, or 5985 without TLS\ndefault: 22\n"
    )
    wrong = jobdeck("explain", "host.prot")
    assert (wrong.code, wrong.err) == (
        2, "error: field 'prot' does not exist in host\n  hint: did you mean 'port'?\n"
    )  # fmt: skip


@pytest.fixture
def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An editor that applies one replacement of `edits` (OLD=NEW, one a line) at each call."""
    program = tmp_path / "editor"
    program.write_text(
        f"#!{sys.executable}\n"
        "import pathlib, sys\n"
        "edits = pathlib.Path(__file__).with_name('edits')\n"
        "first, *rest = edits.read_text().splitlines()\n"
        "edits.write_text('\\n'.join(rest))\n"
        "old, new = first.split('=')\n"
        "file = pathlib.Path(sys.argv[-1])\n"
        "file.write_text(file.read_text().replace(old, new))\n"
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("EDITOR", f"{program} --wait")
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    return tmp_path / "edits"


def kept_files(folder: Path) -> list[str]:
    return [file.read_text() for file in folder.glob("jobdeck-edit-*/*.yaml")]


def test_an_edit_replaces_the_revision_it_began_with(
    jobdeck: Jobdeck, api: FakeApi, editor: Path
) -> None:
    editor.write_text("port: 22=port: 2222")
    api.on("GET", "/documents/host/web01", answer(host(port=22)))
    api.on("PUT", "/documents/host/web01", answer(host(revision=4, port=2222)))

    ended = jobdeck("edit", "host", "web01")

    assert (ended.code, ended.err) == (0, "host web01 is now revision 4\n")
    assert api.sent("PUT", "/documents/host/web01")[0]["spec"] == {"port": 2222}
    assert api.requests[-1].headers["If-Match"] == '"3"'
    assert kept_files(editor.parent) == []


def test_an_edit_without_a_change_sends_nothing(
    jobdeck: Jobdeck, api: FakeApi, editor: Path
) -> None:
    editor.write_text("nothing=else")
    api.on("GET", "/documents/host/web01", answer(host(port=22)))

    assert jobdeck("edit", "host", "web01").err == "nothing was changed\n"


def test_a_refused_text_is_kept_where_nobody_can_be_asked(
    jobdeck: Jobdeck, api: FakeApi, editor: Path
) -> None:
    editor.write_text("port: 22=port: many")
    api.on("GET", "/documents/host/web01", answer(host(port=22)))

    ended = jobdeck("edit", "host", "web01")

    assert ended.code == 2
    assert "host-web01.yaml:6: spec.port: must be a whole number" in ended.err
    [text] = kept_files(editor.parent)
    assert "port: many" in text
    assert "your text is in" in ended.err


def test_a_person_edits_again_on_top_of_a_newer_revision(
    jobdeck: Jobdeck, api: FakeApi, editor: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor.write_text("port: 22=port: 2222\nenv: prod=env: lab")
    monkeypatch.setattr("console.cli.editing.may_ask", lambda: True)
    monkeypatch.setattr("console.cli.editing.ask", lambda _question: "")
    theirs = host(revision=4, port=22, address="10.0.0.9")
    api.on("GET", "/documents/host/web01", answer(host(port=22)), answer(theirs))
    change = {"path": "spec.address", "before": None, "after": "10.0.0.9"}
    body = {"from_revision": 1, "to_revision": 2, "changes": [change]}
    api.on("GET", "/documents/host/web01/diff", answer(body))
    stale = problem(412, "stale-revision", "it is at revision 4")
    api.on("PUT", "/documents/host/web01", stale, answer(host(revision=5)))

    ended = jobdeck("edit", "host", "web01")

    assert ended.code == 0
    assert "error: it is at revision 4\n" in ended.err
    assert "the newest change, by ann:\n  spec.address: (none) -> 10.0.0.9\n" in ended.err
    assert api.requests[-1].headers["If-Match"] == '"4"'
    sent = api.sent("PUT", "/documents/host/web01")[-1]
    assert (sent["spec"], sent["labels"]) == ({"port": 2222}, {"env": "lab"})


def test_kind_and_name_stay_what_they_are(jobdeck: Jobdeck, api: FakeApi, editor: Path) -> None:
    editor.write_text("name: web01=name: web02")
    api.on("GET", "/documents/host/web01", answer(host()))

    ended = jobdeck("edit", "host", "web01")

    assert ended.code == 2
    assert "kind and name cannot be edited" in ended.err


def test_an_editor_that_is_not_there_says_so(
    jobdeck: Jobdeck, api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VISUAL", "/no/such/editor")
    api.on("GET", "/documents/host/web01", answer(host()))

    ended = jobdeck("edit", "host", "web01")

    assert ended.code == 3
    assert "the editor /no/such/editor cannot be started: No such file" in ended.err


def attaching_job(folder: Path, **step: Any) -> None:
    spec = {"steps": [{"name": "bring", "kind": "push", "to": "/etc/app/", **step}]}
    job = {"kind": "job", "name": "deploy", "spec": spec}
    (folder / "job.yaml").write_text(yamlsafe.dump(job))


def test_attached_files_are_brought_after_the_plan_and_before_the_documents(
    jobdeck: Jobdeck, api: FakeApi, tmp_path: Path
) -> None:
    (tmp_path / "conf.d").mkdir()
    texts = {"conf.d/a": b"a", "conf.d/b": b"b", "run": b"#!"}
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in texts.items()}
    for name, data in texts.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "run").chmod(0o700)
    attaching_job(tmp_path, attach=["./conf.d", "run"])
    changes = (("deploy", "create"),)
    api.on("POST", "/apply", answer(plan(*changes)), answer(plan(*changes, applied=True)))
    known = {"sha256": digests["conf.d/b"], "size_bytes": 1, "added_at": "", "added_by": "",
             "used_at": ""}  # fmt: skip
    api.on("GET", "/contents", *(answer({"items": items}) for items in ([], [known], [])))
    for name in ("conf.d/a", "run"):
        api.on("PUT", f"/contents/{digests[name]}/bytes", answer({**known, "size_bytes": 7}))

    ended = jobdeck("apply", "-f", str(tmp_path))

    assert ended.code == 0, ended.err
    first, second = api.sent("POST", "/apply")
    assert first["coming"] == list(digests.values())
    named = [{"name": name, "sha256": sha256} for name, sha256 in digests.items()]
    named[2]["mode"] = "0755"
    assert second["documents"][0]["spec"]["steps"][0]["contents"] == named
    asked = [request.method for request in api.requests]
    assert asked == ["POST", "GET", "PUT", "GET", "GET", "PUT", "POST"]
    assert [r.content for r in api.requests if r.method == "PUT"] == [b"a", b"#!"]


@pytest.mark.parametrize(
    ("attach", "said"),
    [
        ("none", "job.yaml:8: spec.steps[0].attach: {folder}/none is not there"),
        (["job.yaml", 7], "spec.steps[0].attach: must be the path of a file or folder"),
        ("empty", "{folder}/empty has no file, or more than 1000"),
    ],
)
def test_what_cannot_be_attached_is_told_with_its_line(
    jobdeck: Jobdeck, tmp_path: Path, attach: Any, said: str
) -> None:
    (tmp_path / "empty").mkdir()
    attaching_job(tmp_path, attach=attach)

    ended = jobdeck("apply", "-f", str(tmp_path))

    assert ended.code == 2
    assert "1 problem; nothing was changed" in ended.err
    assert said.format(folder=tmp_path) in ended.err


def test_steps_of_flows_attach_files_wherever_they_stand(
    jobdeck: Jobdeck, api: FakeApi, tmp_path: Path
) -> None:
    (tmp_path / "x.sh").write_text("true")
    step = {"kind": "script", "name": "s", "attach": "x.sh"}
    each = {"kind": "for-each", "name": "e", "items": "[1]", "step": {**step, "name": "i"}}
    flow = {"kind": "flow", "name": "f", "spec": {"nodes": [step, each]}}
    (tmp_path / "flow.yaml").write_text(yamlsafe.dump(flow))
    api.on("POST", "/apply", answer(plan(("f", "create"), applied=True)))

    assert jobdeck("apply", "-f", str(tmp_path), "--yes").code == 0

    nodes = api.sent("POST", "/apply")[-1]["documents"][0]["spec"]["nodes"]
    assert (nodes[0]["text"], nodes[1]["step"]["text"]) == ("true", "true")


def test_a_script_attaches_the_file_that_becomes_its_text(
    jobdeck: Jobdeck, api: FakeApi, tmp_path: Path
) -> None:
    (tmp_path / "check.sh").write_text("df -h /\n")
    (tmp_path / "latin1.sh").write_bytes(b"echo \xe4")
    script = {"kind": "script", "name": "check", "spec": {"language": "sh", "attach": "check.sh"}}
    step = {"name": "run", "kind": "script", "attach": "./check.sh"}
    job = {"kind": "job", "name": "deploy", "spec": {"steps": [step]}}
    (tmp_path / "script.yaml").write_text(yamlsafe.dump(script))
    (tmp_path / "job.yaml").write_text(yamlsafe.dump(job))
    changes = (("check", "create"), ("deploy", "create"))
    api.on("POST", "/apply", answer(plan(*changes)), answer(plan(*changes, applied=True)))

    assert jobdeck("apply", "-f", str(tmp_path), "--yes").code == 0

    sent, saved = api.sent("POST", "/apply")[-1]["documents"]
    assert sent["spec"]["steps"][0] == {"name": "run", "kind": "script", "text": "df -h /\n"}
    assert saved["spec"] == {"language": "sh", "text": "df -h /\n"}
    for wrong, said in (
        ({"attach": "none.sh"}, "none.sh is no file"),
        ({"attach": "latin1.sh"}, "latin1.sh is no text in UTF-8"),
        ({"attach": ["check.sh"]}, "must be the path of a file"),
        ({"attach": "check.sh", "text": "true"}, "give `attach` or `text`, one of the two"),
    ):
        (tmp_path / "script.yaml").write_text(yamlsafe.dump({**script, "spec": wrong}))
        ended = jobdeck("apply", "-f", str(tmp_path / "script.yaml"))
        assert ended.code == 2
        assert f"spec.attach: {said}" in ended.err.replace(f"{tmp_path}/", "")


def test_damaged_contents_are_named_with_who_needs_them(jobdeck: Jobdeck, api: FakeApi) -> None:
    good, bad = "0" * 64, "f" * 64
    kept = {"size_bytes": 5, "added_at": "", "added_by": "", "used_at": "", "used_by": ["job/x"]}
    api.on(
        "GET", "/contents", answer({"items": [{"sha256": each, **kept} for each in (good, bad)]})
    )
    api.on("GET", f"/contents/{good}/verify", answer({"sha256": good, "fault": ""}))
    api.on("GET", f"/contents/{bad}/verify", answer({"sha256": bad, "fault": "its file is gone"}))

    ended = jobdeck("contents", "verify")

    assert ended.code == 3
    assert ended.out == ("✗ ffffffffffff  job/x\n    its file is gone\n2 contents, 1 is damaged\n")
    assert json.loads(jobdeck("contents", "verify", "--json").out)[1]["fault"] == "its file is gone"
    api.on("GET", "/contents", answer({"items": []}))
    assert jobdeck("contents", "verify").out == "no file belongs to a job\n"


def test_contents_are_exported_beside_their_documents_and_found_there(
    jobdeck: Jobdeck, api: FakeApi, tmp_path: Path
) -> None:
    sha256 = hashlib.sha256(b"a").hexdigest()
    step = {"name": "s", "kind": "push", "contents": [{"name": "x", "sha256": sha256}], "to": "/x/"}
    job = {**host("deploy"), "kind": "job", "spec": {"steps": [step]}}
    api.on("GET", "/documents/job", answer({"items": [job]}))
    api.on("GET", f"/contents/{sha256}/bytes", lambda _: httpx.Response(200, content=b"a"))
    api.on("POST", "/apply", answer(plan()))

    assert jobdeck("export", "jobs", "-o", str(tmp_path)).code == 0
    kept = tmp_path / "contents" / sha256
    assert (kept.read_bytes(), stat.S_IMODE(kept.stat().st_mode)) == (b"a", 0o600)
    assert jobdeck("apply", "-f", str(tmp_path / "job" / "deploy.yaml")).code == 0
    assert api.sent("POST", "/apply")[0]["coming"] == [sha256]
    kept.unlink()
    each = {"kind": "for-each", "name": "e", "items": "[1]", "step": step}
    flow = {**host("f"), "kind": "flow", "spec": {"nodes": [each]}}
    api.on("GET", "/kinds", answer([{"kind": "flow", "plural": "flows"}]))
    api.on("GET", "/documents/flow", answer({"items": [flow]}))
    assert jobdeck("export", "flows", "-o", str(tmp_path)).code == 0
    assert kept.read_bytes() == b"a"
