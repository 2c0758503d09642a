"""From a request to a frozen definition: what is frozen, and what is refused before anything runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from core.domain.access import AccountSpec, EnvironmentSpec
from core.domain.command_rules import CommandRuleSpec
from core.domain.inventory import GroupSpec, HostSpec
from core.domain.job import JobSpec, ScriptSpec
from core.domain.targets import GroupView, HostView, Inventory
from core.domain.values import SecretRef
from core.errors import Forbidden, Invalid, NotFound, OpsError
from core.flow.definition import ENGINE_HOST, RunDefinition, RunOutline, RunRequest, body_of
from core.flow.planning import plan, resolve, secret_parameters


@dataclass
class Documents:
    """Documents of one moment, written down by hand."""

    hosts: dict[str, HostSpec] = field(default_factory=dict)
    groups: dict[str, GroupSpec] = field(default_factory=dict)
    accounts: dict[str, AccountSpec] = field(default_factory=dict)
    environments: dict[str, EnvironmentSpec] = field(default_factory=dict)
    jobs: dict[str, JobSpec] = field(default_factory=dict)
    command_rules: dict[str, CommandRuleSpec] = field(default_factory=dict)
    scripts: dict[tuple[str, int], ScriptSpec] = field(default_factory=dict)

    @property
    def inventory(self) -> Inventory:
        return Inventory(
            hosts={name: HostView(name=name, labels={}) for name in self.hosts},
            groups={
                name: GroupView(hosts=group.hosts, expression=group.expression)
                for name, group in self.groups.items()
            },
        )

    def job(self, name: str, revision: int | None = None) -> tuple[JobSpec, int]:
        if name not in self.jobs:
            raise NotFound("job", name, list(self.jobs))
        return self.jobs[name], 7

    def script(self, name: str, revision: int | None) -> tuple[ScriptSpec, int]:
        newest = max(number for known, number in self.scripts if known == name)
        return self.scripts[name, revision or newest], revision or newest


def host(**more: Any) -> HostSpec:
    return HostSpec.model_validate({"account": "deploy", **more})


@pytest.fixture
def documents() -> Documents:
    return Documents(
        hosts={
            "web1": host(address="10.0.0.1", variables={"SIZE": "host", "OWN": "1"}),
            "web2": host(environment="prod"),
            "db1": host(environment="prod", jump=("web1",)),
            "bare": HostSpec(),
        },
        groups={"all-web": GroupSpec(expression="web*", variables={"SIZE": "group", "G": "g"})},
        accounts={
            "deploy": AccountSpec(user="deploy"),
            "root": AccountSpec(user="root"),
            "api": AccountSpec(token=SecretRef(secret="0" * 26)),
        },
        environments={"prod": EnvironmentSpec(variables={"SIZE": "env", "E": "e"})},
    )


def command(**more: Any) -> RunRequest:
    step = {"kind": "command", "name": "command", "command": "uptime"}
    return RunRequest.model_validate({"step": step, **more})


def job(*steps: dict[str, Any], **more: Any) -> JobSpec:
    return JobSpec.model_validate({"steps": steps, **more})


def test_hosts_are_frozen_with_their_nearest_variables_winning(documents: Documents) -> None:
    definition = plan(command(targets="web1,web2"), documents)
    web1, web2 = definition.hosts
    assert (web1.address, web2.address) == ("10.0.0.1", "web2")
    assert web1.variables == {"SIZE": "host", "OWN": "1", "G": "g"}
    assert web2.variables == {"SIZE": "group", "G": "g", "E": "e"}
    assert definition.step_hosts == {"command": (0, 1)}


def test_a_later_edit_of_the_documents_does_not_reach_the_definition(documents: Documents) -> None:
    definition = plan(command(targets="web1"), documents)
    documents.hosts["web1"] = host(address="10.9.9.9")
    assert definition.hosts[0].address == "10.0.0.1"


def test_jump_hosts_and_their_accounts_are_frozen_too(documents: Documents) -> None:
    definition = plan(command(targets="db1"), documents)
    assert definition.hosts[0].jumps == ("web1",)
    assert definition.routes["web1"].address == "10.0.0.1"
    assert set(definition.accounts) == {"deploy"}


def test_a_windows_host_is_no_jump_host(documents: Documents) -> None:
    documents.hosts["web1"] = host(protocol="winrm")
    with pytest.raises(Invalid, match="db1 cannot jump through web1: WinRM leads nowhere else"):
        plan(command(targets="db1"), documents)


PUSH = {"kind": "push", "text": "x"}
SPREAD = {"kind": "distribute", "to": "/b/"}


@pytest.mark.parametrize(
    ("step", "targets", "words"),
    [
        ({**PUSH, "to": "C:/a/x"}, "web1", "host web1: C:/a/x is a path of Windows"),
        ({**PUSH, "to": "/x", "mode": "0640"}, "win", "host win: Windows has no `mode`"),
        ({**PUSH, "to": "/x", "owner": "me"}, "win,web1", "host win: Windows has no `owner`"),
        ({"kind": "pull", "files": ["/a", "D:/x"], "to": "/b"}, "win,web1", "host web1: D:/x is"),
        ({**SPREAD, "source": "web1", "files": ["D:/a"]}, "win", "host web1: D:/a is a path"),
        ({**SPREAD, "source": "win", "files": ["/a"], "mode": "0600"}, "win", "host win: Windows"),
    ],
)
def test_hosts_have_paths_and_rights_of_their_own_kind(
    documents: Documents, step: dict[str, Any], targets: str, words: str
) -> None:
    documents.hosts["win"] = host(protocol="winrm")
    request = {"step": {"name": "carry", **step}, "targets": targets, "run_as": "root"}
    with pytest.raises(Invalid, match=f"step carry, {words}"):
        plan(RunRequest.model_validate(request), documents)


@pytest.mark.parametrize(
    "step",
    [
        {**PUSH, "to": "C:/a/x"},
        {"kind": "pull", "files": ["~/logs/*.log"], "to": "/b"},
        {**SPREAD, "to": "D:/b/", "source": "web1", "files": ["/a"], "mode": None},
    ],
)
def test_files_are_carried_through_winrm(documents: Documents, step: dict[str, Any]) -> None:
    documents.hosts["win"] = host(protocol="winrm")
    request = {"step": {"name": "carry", **step}, "targets": "win", "run_as": "root"}
    assert plan(RunRequest.model_validate(request), documents).hosts[0].name == "win"


def test_files_are_not_fetched_from_hosts_that_are_away(documents: Documents) -> None:
    documents.jobs["share"] = job(
        {"kind": "distribute", "name": "f", "source": "web1,db1", "files": ["/a"], "to": "/b/"},
        targets="bare",
    )
    request = RunRequest(job="share", run_as="root")
    away = {"web1": "in maintenance: disk"}

    definition = resolve(request, documents, away)

    assert definition.sources == {"f": ("db1",)}
    assert definition.left_out == away
    with pytest.raises(Invalid, match="nothing to distribute") as refused:
        resolve(request, documents, {**away, "db1": "in maintenance"})
    (problem,) = refused.value.problems
    assert problem.where == "step f: source"
    assert "db1: in maintenance" in problem.what
    everybody = request.model_copy(update={"include_away": True})
    assert resolve(everybody, documents, away).sources == {"f": ("db1", "web1")}


def test_the_account_of_the_request_stands_in_for_the_hosts_own(documents: Documents) -> None:
    definition = plan(command(targets="bare", run_as="root"), documents)
    step = definition.graph.nodes[0]
    account = definition.account_for(step, definition.hosts[0])
    assert account == "root"
    assert definition.accounts[account].user == "root"


def test_steps_may_have_their_own_targets_and_a_local_step_runs_once(documents: Documents) -> None:
    documents.jobs["j"] = job(
        {"kind": "command", "name": "a", "command": "x"},
        {"kind": "command", "name": "b", "command": "x", "targets": "web2"},
        {"kind": "local", "name": "c", "command": "x"},
        targets="web1,web2",
    )
    definition = plan(RunRequest(job="j"), documents)
    names = [host.name for host in definition.hosts]
    assert names == ["web1", "web2", ENGINE_HOST]
    assert definition.step_hosts == {"a": (0, 1), "b": (1,), "c": (2,)}
    assert definition.origin == "job/j@7"


def test_a_target_list_parameter_stands_in_for_the_targets_of_the_job(documents: Documents) -> None:
    documents.jobs["j"] = job(
        {"kind": "command", "name": "a", "command": "x"},
        parameters=[{"name": "where", "type": "targets", "default": "web2"}],
        targets="web1",
    )
    by_default = plan(RunRequest(job="j"), documents)
    given = plan(RunRequest(job="j", parameters={"where": "db1"}), documents)
    asked = plan(RunRequest(job="j", parameters={"where": "db1"}, targets="web1"), documents)
    assert [plan.hosts[0].name for plan in (by_default, given, asked)] == ["web2", "db1", "web1"]


def test_a_script_is_copied_at_its_pinned_or_its_current_revision(documents: Documents) -> None:
    documents.scripts = {
        ("s", 1): ScriptSpec(text="one"),
        ("s", 2): ScriptSpec(text="two", language="bash"),
    }
    documents.jobs["j"] = job(
        {"kind": "script", "name": "old", "script": {"name": "s", "revision": 1}},
        {"kind": "script", "name": "new", "script": {"name": "s"}},
        targets="web1",
    )
    definition = plan(RunRequest(job="j"), documents)
    found = {step: (script.revision, script.text) for step, script in definition.scripts.items()}
    assert found == {"old": (1, "one"), "new": (2, "two")}


def test_secret_parameters_are_handed_over_apart_and_never_frozen(documents: Documents) -> None:
    documents.jobs["j"] = job(
        {"kind": "command", "name": "a", "command": "x"},
        parameters=[{"name": "token", "type": "secret", "required": True}, {"name": "v"}],
        targets="web1",
    )
    request = RunRequest(job="j", parameters={"token": "hunter2", "v": "1"})
    definition = plan(request, documents)
    assert secret_parameters(request, documents) == {"token": "hunter2"}
    assert definition.parameters == {"v": "1"}
    assert "hunter2" not in definition.model_dump_json()


def test_a_definition_survives_its_way_through_storage(documents: Documents) -> None:
    documents.jobs["j"] = job(
        {"kind": "command", "name": "a", "command": "x", "retry": {"times": 2}},
        {"kind": "local", "name": "b", "command": "y"},
        targets="all",
    )
    definition = plan(RunRequest(job="j", run_as="root"), documents)
    assert RunDefinition.model_validate(body_of(definition)) == definition


@pytest.mark.parametrize(
    ("request_", "error", "says"),
    [
        (command(), Invalid, "no targets given"),
        (command(targets="web[7-9]"), NotFound, "web7"),
        (command(targets="nothing*"), Invalid, "matches no host"),
        (command(targets="web1,"), Invalid, "column"),
        (command(hosts=("wbe1",)), NotFound, "did you mean 'web1'"),
        (command(targets="web1", run_as="rot"), NotFound, "did you mean 'root'"),
        (command(targets="bare"), Invalid, "no account"),
        (command(targets="web1", run_as="api"), Invalid, "account api has no user"),
        (RunRequest(job="nope"), NotFound, "job 'nope' does not exist"),
    ],
)
def test_what_cannot_run_is_refused_before_it_starts(
    documents: Documents, request_: RunRequest, error: type[OpsError], says: str
) -> None:
    with pytest.raises(error) as refused:
        plan(request_, documents)
    assert says in str(refused.value)


def test_matching_nothing_is_legal_only_where_somebody_said_so(documents: Documents) -> None:
    definition = plan(command(targets="nothing*", allow_empty=True), documents)
    assert definition.hosts == ()


def test_guard_rails_are_asked_before_anything_is_planned(documents: Documents) -> None:
    documents.environments["prod"] = EnvironmentSpec(confirm=True, change_required=True)
    request = command(targets="web2,db1", confirm_hosts=2)
    with pytest.raises(Forbidden, match="change number"):
        plan(request, documents)
    definition = plan(request.model_copy(update={"change": "CHG-1"}), documents)
    assert definition.change == "CHG-1"


def test_an_outline_is_read_from_the_text_of_a_definition(documents: Documents) -> None:
    request = RunRequest.model_validate(
        {
            "step": {"kind": "command", "name": "a", "command": "x"},
            "targets": "web*",
            "rolling": {"batch": "1"},
            "env": {"A": "b"},
            "timeout_s": 60,
        }
    )
    whole = plan(request, documents)
    outline = RunOutline.model_validate(body_of(whole))

    shown = outline.model_dump(mode="json")
    full = whole.model_dump(mode="json")
    assert shown.pop("hosts") == [{"name": host["name"]} for host in full["hosts"]]
    assert len(whole.hosts) > 1
    assert shown == {name: full[name] for name in shown}
    assert outline.batch_counts == whole.batch_counts == {"a": len(whole.hosts)}
