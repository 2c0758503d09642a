"""A dry run from a command line: made, followed while it probes, and shown."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import msgspec

from console.answers import PlanDetail
from console.cli.exit_codes import ExitCode
from console.cli.liveline import LiveLine
from console.cli.printing import err, out
from console.client import Client
from console.connecting import PROBING
from console.i18n import _
from console.presenters.plans import flag_lines, plan_parts, probe_progress
from core.clock import SystemClock
from core.domain.run import TargetState

_LOOK_S = 0.2
"""Between two looks at a probe."""


def dry_run(
    client: Client, request: Mapping[str, Any], level: str, *, as_json: bool, detach: bool
) -> int:
    """Make a dry run and show it; Ctrl-C cancels its probe."""
    plan = client.make_plan(request, level)
    if detach:
        out().print(plan.id)
        return ExitCode.OK
    if plan.state == PROBING:
        plan = follow(client, plan, quiet=as_json)
    show(plan, as_json=as_json)
    return exit_code(plan)


def follow(client: Client, plan: PlanDetail, *, quiet: bool) -> PlanDetail:
    """Look at a probe until it has ended."""
    clock = SystemClock()
    line = LiveLine(err(), clock)
    try:
        while plan.state == PROBING:
            if not quiet:
                line.show(probe_progress(plan))
            time.sleep(_LOOK_S)
            plan = client.plan(plan.id)
    except KeyboardInterrupt:
        line.clear()
        client.cancel_probe(plan.id)
        err().print(
            _("the probe was cancelled; what it saw: `jobdeck plans show {id}`").format(id=plan.id)
        )
        raise
    line.clear()
    return plan


def show(plan: PlanDetail, *, as_json: bool, hosts: bool = False) -> None:
    """A dry run on stdout."""
    if as_json:
        out().json(msgspec.to_builtins(plan))
        return
    out().lines(plan_parts(plan, SystemClock().now(), flag_lines(plan), hosts=hosts))


def exit_code(plan: PlanDetail) -> ExitCode:
    """Whether a start would be taken, and whether every host that was probed is ready for it."""
    if plan.refusals:
        return ExitCode.REFUSED
    if any(finding.state != TargetState.SUCCESS for finding in plan.findings):
        return ExitCode.FAILED
    return ExitCode.OK
