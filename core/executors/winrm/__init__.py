"""WinRM: Windows hosts, whose programs are PowerShell's."""

from core.executors.winrm.executor import WinrmExecutor

__all__ = ["WinrmExecutor"]
