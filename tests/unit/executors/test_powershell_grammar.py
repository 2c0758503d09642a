"""Our programs in PowerShell, as its grammar reads them: a mistake in one is seen where there is no PowerShell."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import resources

import pytest
import tree_sitter
import tree_sitter_pwsh

from core.domain import gathering, probing
from core.executors.winrm.programs import READER, WATCHER_READER

PARSER = tree_sitter.Parser(tree_sitter.Language(tree_sitter_pwsh.language()))
FILES = sorted(
    (
        file
        for file in resources.files("core.executors.winrm").iterdir()
        if file.name[-4:] == ".ps1"
    ),
    key=lambda file: file.name,
)
PROGRAMS = {
    **{file.name: file.read_text("utf-8") for file in FILES},
    "the reader": READER,
    "the watcher's reader": WATCHER_READER,
    "a probe": probing.WINDOWS_PROGRAM,
    "facts": gathering.WINDOWS_PROGRAM,
}


def nodes(text: str) -> Iterator[tree_sitter.Node]:
    waiting = [PARSER.parse(text.encode()).root_node]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(node.children)


def mistakes(text: str) -> list[str]:
    return [
        f"line {node.start_point.row + 1}: {node.text!r}"
        for node in nodes(text)
        if node.is_missing or node.type == "ERROR"
    ]


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_is_one(name: str) -> None:
    assert mistakes(PROGRAMS[name]) == []


@pytest.mark.parametrize("name", ["ending.ps1", "files.ps1", "program.ps1"])
def test_a_program_that_is_cut_is_none(name: str) -> None:
    text = PROGRAMS[name]
    assert mistakes(text[: text.rindex("}")])
    assert mistakes(text.replace(") {", ") (", 1))


@pytest.mark.parametrize("name", PROGRAMS)
def test_no_variable_of_powershell_itself_is_assigned(name: str) -> None:
    assert not re.findall(
        r"(?i)\$(?:args|error|false|home|host|input|matches|null|pid|true)\s*=", PROGRAMS[name]
    )


@pytest.mark.parametrize("name", ["ending.ps1", "files.ps1", "program.ps1"])
def test_every_function_that_is_called_is_there(name: str) -> None:
    found = list(nodes(PROGRAMS[name]))
    functions = {
        node.children[1].text.decode()
        for node in found
        if node.type == "function_statement" and node.children[1].text
    }
    called = {node.text.decode() for node in found if node.type == "command_name" and node.text}
    theirs = {
        "Add-Type", "ConvertTo-Json", "ForEach-Object", "Get-ChildItem", "Get-CimInstance", "Get-Command",
        "Get-Date", "Get-Item", "Get-Process", "Invoke-CimMethod", "Join-Path", "New-Object",
        "Remove-Item", "Select-Object", "Start-Sleep", "Stop-Process", "Test-Path", "Where-Object",
    }  # fmt: skip
    assert called - functions - theirs == set()
    assert functions - called == set()
