"""Documents: everything a person defines, in one shape.

A document is `kind`, `name`, `labels`, `spec`. `KINDS` is the only list of
kinds: the API schema, YAML import and export, history and forms follow from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import Field, ValidationError

from core.domain import findings, targets, variables
from core.domain.access import AccountSpec, EnvironmentSpec
from core.domain.channel import ChannelSpec
from core.domain.command_rules import CommandRuleSpec
from core.domain.files import contents
from core.domain.flow import Draft, FlowSpec, ForEach, Nested, check_draft, check_flow, check_undoes
from core.domain.flow.nodes import Approval, Notify
from core.domain.inventory import GroupSpec, HostSpec
from core.domain.inventorysource import InventorySourceSpec
from core.domain.job import JobSpec, ScriptSpec
from core.domain.schedule import CalendarSpec, ScheduleSpec
from core.domain.steps import LAST_TARGETS, StepBase
from core.domain.telling import Telling
from core.domain.values import Labels, Name, Value
from core.errors import Invalid, NotFound, Problem


class Document(Value):
    """One definition as people write it; `spec` is checked by its kind (see `parse`)."""

    kind: str
    name: Name
    labels: Labels = Field(default_factory=dict)
    spec: Any

    def body(self) -> dict[str, Any]:
        """JSON values, defaults left out: what a person would have written."""
        return {
            "kind": self.kind,
            "name": self.name,
            "labels": dict(self.labels),
            "spec": self.spec.model_dump(mode="json", exclude_defaults=True),
        }


@dataclass(frozen=True, slots=True)
class Reference:
    """A place in a document that names another document."""

    where: str
    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class TargetText:
    """A place in a document that holds a target expression."""

    where: str
    text: str | None

    def references(self) -> Iterator[Reference]:
        """The hosts and groups that it names; Invalid where it cannot be read."""
        if self.text is None:
            return
        try:
            expression = targets.parse(self.text)
        except Invalid as error:
            problems = [problem.within(self.where) for problem in error.problems]
            raise Invalid(error.message, problems, hint=error.hint) from error
        named = targets.references(expression)
        for name in named.hosts:
            yield Reference(self.where, "host", name)
        for name in named.groups:
            yield Reference(self.where, "group", name)


Mention = Reference | TargetText


def _no_mentions(_spec: Any) -> Iterator[Mention]:
    return iter(())


def _no_problems(_spec: Any) -> Sequence[Problem]:
    return ()


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of document: its spec and the documents that a spec names."""

    name: str
    plural: str
    spec: type[Value]
    mentions: Callable[[Any], Iterator[Mention]]
    """Where a spec names other documents."""
    summary: str
    check: Callable[[Any], Sequence[Problem]] = _no_problems
    """What is wrong with a spec beyond what its fields say one by one."""
    check_raw: Callable[[Any], Sequence[Problem]] = _no_problems
    """As much of that as can be told of plain values, some of whose fields are wrong."""

    def references(self, spec: Any) -> Iterator[Reference]:
        """The documents that a spec names; Invalid where one of its expressions cannot be read."""
        for mention in self.mentions(spec):
            if isinstance(mention, TargetText):
                yield from mention.references()
            else:
                yield mention


def _host_mentions(spec: HostSpec) -> Iterator[Mention]:
    if spec.account:
        yield Reference("spec.account", "account", spec.account)
    if spec.environment:
        yield Reference("spec.environment", "environment", spec.environment)
    for index, name in enumerate(spec.jump):
        yield Reference(f"spec.jump[{index}]", "host", name)


def _source_mentions(spec: InventorySourceSpec) -> Iterator[Mention]:
    if spec.account:
        yield Reference("spec.account", "account", spec.account)


def _group_mentions(spec: GroupSpec) -> Iterator[Mention]:
    for index, name in enumerate(spec.hosts):
        yield Reference(f"spec.hosts[{index}]", "host", name)
    yield TargetText("spec.expression", spec.expression)


def _job_mentions(spec: JobSpec) -> Iterator[Mention]:
    yield TargetText("spec.targets", spec.targets)
    for index, step in enumerate(spec.steps):
        yield from _step_mentions(step, f"spec.steps[{index}]")


def _step_mentions(step: StepBase, where: str) -> Iterator[Mention]:
    if step.targets not in LAST_TARGETS:
        yield TargetText(f"{where}.targets", step.targets)
    yield TargetText(f"{where}.source", step.fetched_from)
    if step.run_as:
        yield Reference(f"{where}.run_as", "account", step.run_as)
    if step.rolling and step.rolling.health:
        yield Reference(f"{where}.rolling.health", "job", step.rolling.health)
    if step.notify is not None:
        yield from _told(step.notify, f"{where}.notify")
    if used := step.script_used():
        yield Reference(f"{where}.script", "script", used.name)
    for number, sha256 in enumerate(step.contents_used):
        yield Reference(f"{where}.contents[{number}]", contents.KIND, sha256)


def _told(told: Telling, where: str) -> Iterator[Reference]:
    for field, names in (("channels", told.channels), ("escalate_to", told.escalate_to)):
        for number, name in enumerate(names):
            yield Reference(f"{where}.{field}[{number}]", "channel", name)


def _flow_mentions(spec: FlowSpec) -> Iterator[Mention]:
    yield TargetText("spec.targets", spec.targets)
    for index, node in enumerate(spec.nodes):
        where = f"spec.nodes[{index}]"
        if node.notify is not None and not isinstance(node, StepBase):
            yield from _told(node.notify, f"{where}.notify")
        if isinstance(node, StepBase):
            yield from _step_mentions(node, where)
        elif isinstance(node, Nested):
            if node.work is not None:
                yield Reference(f"{where}.{node.work[0]}", *node.work)
            if node.step is not None:
                yield from _step_mentions(node.step, f"{where}.step")
            yield TargetText(f"{where}.targets", node.targets)
            if isinstance(node, ForEach):
                yield TargetText(f"{where}.hosts", node.hosts)
        elif isinstance(node, Approval | Notify):
            for number, name in enumerate(node.channels):
                yield Reference(f"{where}.channels[{number}]", "channel", name)


def _rule_mentions(spec: CommandRuleSpec) -> Iterator[Mention]:
    yield TargetText("spec.targets", spec.targets)
    for index, name in enumerate(spec.environments):
        yield Reference(f"spec.environments[{index}]", "environment", name)
    for index, name in enumerate(spec.exempt):
        yield Reference(f"spec.exempt[{index}]", "job", name)
    for index, name in enumerate(spec.approval.channels):
        yield Reference(f"spec.approval.channels[{index}]", "channel", name)


def _channel_mentions(spec: ChannelSpec) -> Iterator[Mention]:
    if spec.escalate:
        yield Reference("spec.escalate.to", "channel", spec.escalate.to)


def _schedule_mentions(spec: ScheduleSpec) -> Iterator[Mention]:
    kind, _, name = spec.work.partition("/")
    yield Reference(f"spec.{kind}", kind, name)
    yield TargetText("spec.targets", spec.targets)
    for index, name in enumerate(spec.blackout):
        yield Reference(f"spec.blackout[{index}]", "calendar", name)
    if spec.trigger.after is not None:
        for index, name in enumerate(spec.trigger.after.jobs):
            yield Reference(f"spec.trigger.after.jobs[{index}]", "job", name)
        for index, name in enumerate(spec.trigger.after.flows):
            yield Reference(f"spec.trigger.after.flows[{index}]", "flow", name)
    if spec.trigger.condition is not None:
        where = "spec.trigger.condition.hosts"
        yield TargetText(where, spec.trigger.condition.hosts)


def _check_job(spec: JobSpec) -> Sequence[Problem]:
    return [*variables.check_defaults(spec.parameters), *check_undoes(spec.steps, "spec.steps")]


KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            "environment",
            "environments",
            EnvironmentSpec,
            _no_mentions,
            "variables and guard rails",
        ),
        Kind("account", "accounts", AccountSpec, _no_mentions, "a login and what proves it"),
        Kind("host", "hosts", HostSpec, _host_mentions, "a machine"),
        Kind("group", "groups", GroupSpec, _group_mentions, "a named set of hosts"),
        Kind(
            "inventory-source",
            "inventory-sources",
            InventorySourceSpec,
            _source_mentions,
            "where hosts come from by themselves",
        ),
        Kind("script", "scripts", ScriptSpec, _no_mentions, "a script and its interpreter"),
        Kind("job", "jobs", JobSpec, _job_mentions, "ordered steps with parameters", _check_job),
        Kind(
            "channel",
            "channels",
            ChannelSpec,
            _channel_mentions,
            "where people are told, of what, and how often",
        ),
        Kind(
            "flow",
            "flows",
            FlowSpec,
            _flow_mentions,
            "steps, decisions and people, joined by edges",
            check_flow,
            lambda raw: check_draft(Draft.read(raw)),
        ),
        Kind(
            "command-rule",
            "command-rules",
            CommandRuleSpec,
            _rule_mentions,
            "a rule for dangerous commands or paths",
        ),
        Kind("calendar", "calendars", CalendarSpec, _no_mentions, "days off"),
        Kind(
            "schedule",
            "schedules",
            ScheduleSpec,
            _schedule_mentions,
            "when a saved job starts by itself",
        ),
    )
}
"""Every kind, in an order in which what is referred to comes first."""


def kind_of(name: str) -> Kind:
    """The kind called `name` (singular or plural); NotFound suggests the nearest."""
    for kind in KINDS.values():
        if name in (kind.name, kind.plural):
            return kind
    raise NotFound("kind", name, list(KINDS))


def parse(raw: Any) -> Document:
    """A document from plain JSON or YAML values; Invalid lists all problems at once."""
    if not isinstance(raw, Mapping):
        raise Invalid("a document is a mapping with kind, name, labels and spec")
    if not isinstance(raw.get("kind"), str):
        raise Invalid(
            "the document has no kind",
            [Problem(where="kind", what="is missing", hint=f"one of {', '.join(KINDS)}")],
        )
    kind = kind_of(raw["kind"])
    title = f"{kind.name} {raw.get('name', '(no name)')}"
    problems: list[Problem] = []
    spec: Any = None
    try:
        spec = kind.spec.model_validate(raw.get("spec") or {})
    except ValidationError as error:
        problems += [*problems_of(error, kind.spec, "spec"), *kind.check_raw(raw.get("spec"))]
    try:
        document = Document.model_validate({**raw, "kind": kind.name, "spec": spec})
    except ValidationError as error:
        problems += problems_of(error, Document)
        raise Invalid(f"{title} is not valid", problems) from None
    if not problems:
        problems += [*kind.check(document.spec), *_unreadable(kind.mentions(document.spec))]
    if problems:
        raise Invalid(f"{title} is not valid", problems)
    return document


def _unreadable(mentions: Iterable[Mention]) -> Iterator[Problem]:
    for mention in mentions:
        if isinstance(mention, TargetText):
            try:
                for _ in mention.references():
                    pass
            except Invalid as error:
                yield from error.problems


def problems_of(error: ValidationError, model: Any = None, prefix: str = "") -> list[Problem]:
    """What pydantic found in a value of type `model`, as our own problems; see `findings`."""
    return findings.describe(error.errors(include_url=False, include_input=False), model, prefix)
