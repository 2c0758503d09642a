"""A WS-Management server for tests: shells over real HTTP(S), with real authentication, that run commands.

A double of the Windows service, by MS-WSMV: Create, Command, Send, Receive, Signal, Delete, faults,
message encryption. What it is sent is really run: our own program as `tests.support.windows` plays it,
any other line by /bin/sh. A session that is deleted takes its processes with it, as on Windows.
"""

from __future__ import annotations

import base64
import hashlib
import os
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import uuid
import xml.etree.ElementTree as ET
from collections import Counter, deque
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from core.clock import SystemClock
from core.executors.winrm.programs import REQUEST
from tests.support import windows
from tests.support.certificates import Authority
from tests.support.winrm_line import Cut, Handler, Server, close

TIMED_OUT, NO_ROOM, NO_SHELL, NO_READER = 2150858793, 2150859173, 2150858843, 232
_PIECE = 8 << 10
"""Of a stream, in one message."""

_NS = {
    "s": "http://www.w3.org/2003/05/soap-envelope",
    "a": "http://schemas.xmlsoap.org/ws/2004/08/addressing",
    "w": "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd",
    "rsp": "http://schemas.microsoft.com/wbem/wsman/1/windows/shell",
    "x": "http://schemas.xmlsoap.org/ws/2004/09/transfer",
    "f": "http://schemas.microsoft.com/wbem/wsman/1/wsmanfault",
}
_STATE = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/CommandState"


class Fault(Exception):
    """A no, by its number."""


class _Command:
    """One process, and what it printed that nobody has received yet."""

    def __init__(self, argv: list[str], env: dict[str, str], cwd: Path) -> None:
        self._status = Path(env["JOBDECK_DOUBLE_STATUS"])
        self.process = subprocess.Popen(
            argv,
            env=env,
            cwd=cwd,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self.changed = threading.Condition()
        self.pieces: deque[tuple[str, bytes]] = deque()
        self._readers = [
            threading.Thread(target=self._read, args=(name, pipe), daemon=True)
            for name, pipe in (("stdout", self.process.stdout), ("stderr", self.process.stderr))
        ]
        self._open = len(self._readers)
        for reader in self._readers:
            reader.start()

    @property
    def is_over(self) -> bool:
        return self._open == 0

    @property
    def status(self) -> int:
        """As Windows sends it: 32 bits, without a sign."""
        told = self._status.exists()
        status = int(self._status.read_text()) if told else self.process.returncode
        return status % (1 << 32)

    def _read(self, name: str, pipe: Any) -> None:
        with pipe:
            while data := os.read(pipe.fileno(), _PIECE):
                with self.changed:
                    if self.pieces and self.pieces[-1][0] == name:
                        data = self.pieces.pop()[1] + data
                    for begin in range(0, len(data), _PIECE):
                        self.pieces.append((name, data[begin : begin + _PIECE]))
                    self.changed.notify_all()
        self.process.wait()
        with self.changed:
            self._open -= 1
            self.changed.notify_all()

    def end(self) -> None:
        """Kill it, and all that it started in its session."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):
            self.process.stdin.close()
        for reader in self._readers:
            reader.join()


@dataclass(slots=True)
class _Shell:
    env: dict[str, str]
    asked_s: float = field(default_factory=SystemClock().monotonic)
    commands: dict[str, _Command] = field(default_factory=dict)


class WinrmServer:
    """Serves one Windows host, whose user's home is `home`."""

    def __init__(
        self,
        home: Path,
        authority: Authority | None = None,
        *,
        proof: str = "ntlm",
        asks_late: bool = False,
        patience_s: float = 600.0,
    ) -> None:
        self.home = home
        self.proof = proof
        """What it takes: ntlm, credssp, basic, or a certificate of `authority`."""
        self.asks_late = asks_late
        """For a certificate, as Windows does: in the middle of a connection, not at its beginning."""
        self._scratch = tempfile.TemporaryDirectory()
        self._statuses = Path(self._scratch.name)
        self._patience_s = patience_s
        """A session that nobody has asked about for so long is ended, as Windows does."""
        self._over = threading.Event()
        self.tls = authority is not None
        self.operations: Counter[str] = Counter()
        self.faults: dict[str, list[int]] = {}
        """Operation -> what its next requests are refused with."""
        self.recorded: dict[str, list[tuple[int, bytes]]] = {}
        """Operation -> HTTP status and body that its next requests are answered with, as they are."""
        self.cuts: Counter[str] = Counter()
        """Operation -> how many of its next requests lose their connection instead of an answer."""
        self.seen: list[bytes] = []
        """All messages, as they came over the line."""
        self.logins = 0
        self.handed_on: Any = None
        self.shells: dict[str, _Shell] = {}
        self._lock = threading.Lock()
        self._sockets: set[socket.socket] = set()
        handler = type("Handler", (Handler,), {"owner": self})
        tls = authority.server_context("127.0.0.1") if authority is not None else None
        if authority is not None and tls is not None:
            tls.load_verify_locations(cadata=authority.pem)
            tls.verify_mode = ssl.CERT_OPTIONAL
            tls.post_handshake_auth = asks_late
        self._server = Server(handler, tls)
        self._threads = [
            threading.Thread(target=self._server.serve_forever, args=(0.02,)),
            threading.Thread(target=self._expire),
        ]

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def fingerprint(self) -> str:
        """Of its certificate, as a host's document pins it."""
        pem = ssl.get_server_certificate(("127.0.0.1", self.port))
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._server.shutdown()
        for thread in self._threads:
            thread.join()
        for each in list(self.shells):
            self.delete(each)
        for each in list(self._sockets):
            close(each)
        self._server.server_close()
        self._scratch.cleanup()

    def cut(self) -> None:
        """The connection breaks that waits for output, or the next one that asks for it."""
        self.cuts["Receive"] = 1
        for shell in list(self.shells.values()):
            for command in shell.commands.values():
                with command.changed:
                    command.changed.notify_all()

    def cut_all(self) -> None:
        """Every connection breaks, whether something is asked there or not."""
        for each in list(self._sockets):
            close(each)

    def connected(self, its: socket.socket, *, is_open: bool) -> None:
        (self._sockets.add if is_open else self._sockets.discard)(its)

    def answer(self, message: bytes) -> tuple[bytes, int]:
        """The answer to a SOAP message, and its HTTP status."""
        root = ET.fromstring(message)  # noqa: S314 - our own client wrote it
        operation = _text(root, "a:Action").rpartition("/")[2]
        message_id = _text(root, "a:MessageID")
        with self._lock:
            self.operations[operation] += 1
            planned = self.faults.get(operation)
            number = planned.pop(0) if planned else None
            recorded = self.recorded.get(operation)
        if recorded:
            status, text = recorded.pop(0)
            return text, status
        try:
            if number is not None:
                raise Fault(number)
            self._cut_here(operation)
            body = getattr(self, f"_{operation.lower()}")(root)
        except Fault as fault:
            return _envelope(message_id, _fault_body(fault.args[0])).encode(), 500
        return _envelope(message_id, body).encode(), 200

    def _expire(self) -> None:
        while not self._over.wait(0.5):
            for shell_id, shell in list(self.shells.items()):
                if SystemClock().monotonic() - shell.asked_s > self._patience_s:
                    with suppress(KeyError):
                        self.delete(shell_id)

    def _cut_here(self, operation: str) -> None:
        with self._lock:
            if self.cuts[operation] > 0:
                self.cuts[operation] -= 1
                raise Cut

    def delete(self, shell_id: str) -> None:
        """End a session and what runs in it."""
        for command in self.shells.pop(shell_id).commands.values():
            command.end()

    # ------------------------------------------------------------------ operations

    def _create(self, root: ET.Element) -> str:
        env = {
            node.get("Name", ""): node.text or "" for node in root.iterfind(".//rsp:Variable", _NS)
        }
        shell_id = _new_id()
        self.shells[shell_id] = _Shell(env)
        return (
            "<x:ResourceCreated><a:Address>http://host/wsman</a:Address><a:ReferenceParameters>"
            f'<w:SelectorSet><w:Selector Name="ShellId">{shell_id}</w:Selector></w:SelectorSet>'
            "</a:ReferenceParameters></x:ResourceCreated>"
        )

    def _command(self, root: ET.Element) -> str:
        shell = self._shell(root)
        line = _text(root, "rsp:Command")
        argv = windows.ARGV if line == REQUEST else ["/bin/sh", "-c", line]
        command_id = _new_id()
        env = {
            **windows.environment(self.home),
            **shell.env,
            "JOBDECK_DOUBLE_STATUS": str(self._statuses / command_id),
        }
        shell.commands[command_id] = _Command(argv, env, self.home)
        return f"<rsp:CommandResponse><rsp:CommandId>{command_id}</rsp:CommandId></rsp:CommandResponse>"

    def _send(self, root: ET.Element) -> str:
        node = root.find(".//rsp:Send/rsp:Stream", _NS)
        assert node is not None
        stdin = self._command_of(root, node).process.stdin
        assert stdin is not None
        try:
            stdin.write(base64.b64decode(node.text or ""))
            stdin.flush()
        except BrokenPipeError:
            raise Fault(NO_READER) from None
        return "<rsp:SendResponse/>"

    def _receive(self, root: ET.Element) -> str:
        node = root.find(".//rsp:DesiredStream", _NS)
        assert node is not None
        command, command_id = self._command_of(root, node), node.get("CommandId")
        wait_s = float(_text(root, "w:OperationTimeout").strip("PTS"))
        with command.changed:
            command.changed.wait_for(
                lambda: command.pieces or command.is_over or self.cuts["Receive"], wait_s
            )
        self._cut_here("Receive")
        with command.changed:
            pieces = [command.pieces.popleft() for _ in range(min(4, len(command.pieces)))]
            is_over = command.is_over and not command.pieces
        if not pieces and not is_over:
            raise Fault(TIMED_OUT)
        streams = "".join(
            f'<rsp:Stream Name="{name}" CommandId="{command_id}">'
            f"{base64.b64encode(data).decode()}</rsp:Stream>"
            for name, data in pieces
        )
        state = f'<rsp:CommandState CommandId="{command_id}" State="{_STATE}/Running"/>'
        if is_over:
            state = (
                f'<rsp:CommandState CommandId="{command_id}" State="{_STATE}/Done">'
                f"<rsp:ExitCode>{command.status}</rsp:ExitCode></rsp:CommandState>"
            )
        return f"<rsp:ReceiveResponse>{streams}{state}</rsp:ReceiveResponse>"

    def _signal(self, root: ET.Element) -> str:
        node = root.find(".//rsp:Signal", _NS)
        assert node is not None
        self._command_of(root, node).end()
        return "<rsp:SignalResponse/>"

    def _delete(self, root: ET.Element) -> str:
        self._shell(root)
        self.delete(_text(root, "w:Selector"))
        return ""

    def _shell(self, root: ET.Element) -> _Shell:
        try:
            shell = self.shells[_text(root, "w:Selector")]
        except KeyError:
            raise Fault(NO_SHELL) from None
        shell.asked_s = SystemClock().monotonic()
        return shell

    def _command_of(self, root: ET.Element, node: ET.Element) -> _Command:
        try:
            return self._shell(root).commands[node.get("CommandId", "")]
        except KeyError:
            raise Fault(NO_SHELL) from None


def _new_id() -> str:
    return str(uuid.UUID(bytes=os.urandom(16))).upper()


def _text(root: ET.Element, path: str) -> str:
    node = root.find(f".//{path}", _NS)
    assert node is not None, path
    return node.text or ""


def _envelope(relates_to: str, body: str) -> str:
    spaces = " ".join(f'xmlns:{name}="{uri}"' for name, uri in _NS.items())
    return (
        f"<s:Envelope {spaces}><s:Header><a:RelatesTo>{relates_to}</a:RelatesTo></s:Header>"
        f"<s:Body>{body}</s:Body></s:Envelope>"
    )


def _fault_body(number: int) -> str:
    return (
        "<s:Fault><s:Code><s:Value>s:Receiver</s:Value><s:Subcode><s:Value>w:InternalError</s:Value>"
        "</s:Subcode></s:Code><s:Reason><s:Text>The server says no.</s:Text></s:Reason><s:Detail>"
        f'<f:WSManFault Code="{number}" Machine="host"><f:Message>no</f:Message></f:WSManFault>'
        "</s:Detail></s:Fault>"
    )
