"""What the pictures show: a small company's engine, recorded. `python -m tests.tui.recording`.

Run it where the API has changed so that a picture lacks an answer; then write the pictures anew.
"""

from __future__ import annotations

import getpass
import sys

from core.clock import SystemClock
from tests.support.product import Product
from tests.support.recorded import Recorder, Replayed, write
from tests.support.unixhttp import UnixTransport
from tests.support.waiting import until
from tests.tui.pictures import CASES, ENGINE, LANGUAGES, take

DOCUMENTS = """
{kind: environment, name: production, spec: {confirm: true, host_cap: 50}}
---
{kind: environment, name: archive, spec: {read_only: true}}
---
{kind: host, name: web1, labels: {role: web, env: prod}, spec: {protocol: local}}
---
{kind: host, name: web2, labels: {role: web, env: prod}, spec: {protocol: local}}
---
{kind: host, name: 数据库, labels: {role: db, 区域: 华东}, spec: {protocol: local}}
---
{kind: host, name: old-archive, labels: {role: files}, spec: {protocol: local, environment: archive}}
---
{kind: group, name: web, spec: {expression: role=web}}
---
{kind: script, name: disk-report, spec: {language: sh, text: "df -P /", description: how full disks are}}
---
kind: job
name: deploy
labels: {team: shop}
spec:
  description: bring a version to the web servers
  parameters:
    - {name: VERSION, required: true, description: which version, pattern: '[0-9.]+'}
    - {name: MODE, type: choice, choices: [fast, careful], default: careful}
  targets: role=web
  steps:
    - {name: fetch, kind: command, command: 'echo "fetching $VERSION"'}
    - {name: check, kind: command, command: 'test "$VERSION" != 2'}
---
kind: flow
name: release
spec:
  description: build, ask, bring out
  targets: role=web
  nodes:
    - {name: build, kind: command, command: 'echo built'}
    - {name: ask, kind: approval, message: Shall 7.2 go out?, forbid_requester: false}
    - {name: go, kind: command, command: 'echo out'}
  edges: [build -> ask -> go]
---
kind: schedule
name: nightly
spec: {job: deploy, parameters: {VERSION: '7'}, trigger: {cron: '30 2 * * *'}}
---
kind: channel
name: operators
spec: {webhook: {url: 'https://hooks.example.com/ops'}}
"""
_PRINT = "seq 1 40; echo 完成; echo careful >&2"


def main() -> int:
    with Product() as product:
        applied = product.cli("apply", "-f", "-", stdin=DOCUMENTS.encode())
        if applied.code:
            sys.exit(applied.said)
        names = _runs(product)
        at = SystemClock().now()
        hidden = {
            str(product.home.root): "/home/alice/.local/share/jobdeck",
            str(product.folder): "/home/alice",
            f'"{getpass.getuser()}"': '"alice"',
            f'"pid":{product.engine_pid}': '"pid":4242',
        }
        recorder = Recorder(UnixTransport(product.home.socket, 60), hidden)
        replayed = Replayed(at, names, {})
        for name, case in CASES.items():
            for language in LANGUAGES:
                print(f"recording: {name} {language}", file=sys.stderr, flush=True)
                take(case, recorder, replayed, language)
        ENGINE.parent.mkdir(exist_ok=True)
        write(ENGINE, at, names, recorder.answers)
    print(f"{len(recorder.answers)} answers")
    return 0


def _runs(product: Product) -> dict[str, str]:
    """Runs of every kind; what the cases call them -> their ids."""
    names = {"good": product.detached("run", "--on", "role=web", "--", _PRINT)}
    product.ended(names["good"])
    for version in ("1", "2"):
        names["failed"] = product.detached("start", "deploy", "-p", f"VERSION={version}")
        product.ended(names["failed"])
    product.ended(
        product.detached("run", "--on", "数据库", "--title", "检查数据库", "--", "exit 3")
    )
    names["flow"] = _flow(product)
    names["live"] = product.detached(
        "run", "--on", "web1", "--title", "long work", "--", "sleep 600"
    )
    open_ = product.run("approvals", "list", "--json").json()
    names["approval"] = open_[0]["id"]
    return names


def _flow(product: Product) -> str:
    started = product.api("POST", "/runs", json={"flow": "release"})
    assert started.status_code == 202, started.text
    run: str = started.json()["id"]
    until(lambda: product.api("GET", "/approvals?state=open").json()["items"])
    return run


if __name__ == "__main__":
    sys.exit(main())
