"""The typed client of the HTTP API: one method for each route, synchronous.

Calls               HTTP over the engine's socket, answers and failures      calls.py
  <Family>Calls     the calls on one subject                                 a file each
    Client          all of them
"""

from console.client.approvals import ApprovalCalls
from console.client.channels import ChannelCalls
from console.client.contents import ContentCalls
from console.client.documents import DocumentCalls
from console.client.engine import EngineCalls
from console.client.events import EventCalls
from console.client.flows import FlowCalls
from console.client.hosts import HostCalls
from console.client.output import OutputCalls
from console.client.plans import PlanCalls
from console.client.queue import QueueCalls
from console.client.runs import RunCalls
from console.client.schedules import ScheduleCalls
from console.client.vault import VaultCalls


class Client(
    EngineCalls,
    VaultCalls,
    DocumentCalls,
    FlowCalls,
    HostCalls,
    RunCalls,
    OutputCalls,
    PlanCalls,
    QueueCalls,
    ScheduleCalls,
    ApprovalCalls,
    ChannelCalls,
    EventCalls,
    ContentCalls,
):
    """All calls on one engine. Safe to use from several threads; close it when done."""


__all__ = ["Client"]
