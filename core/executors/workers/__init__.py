"""SSH sessions in worker processes, so that big fan-outs use every core."""

from core.executors.workers.messages import Setup
from core.executors.workers.pool import WorkerPool, Workers
from core.executors.workers.remote import WorkerStatus
from core.executors.workers.zygote import Zygote

__all__ = ["Setup", "WorkerPool", "WorkerStatus", "Workers", "Zygote"]
