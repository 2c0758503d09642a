"""Work on hosts behind SSH.

    SshExecutor -> Pool (connections kept, shared, bounded)
                     -> Dialler (name, socket, handshake, login)
                          -> ProofReader (agent, keys, password), Visitor (host keys)
                -> SshLink (a channel an attempt) -> core.executors.conduct

asyncssh enters here and nowhere else.
"""

from core.executors.ssh.executor import SshExecutor

__all__ = ["SshExecutor"]
