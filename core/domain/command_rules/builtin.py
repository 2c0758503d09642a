"""The built-in rules. A document of the same name takes a rule's place."""

from __future__ import annotations

from collections.abc import Mapping

from core.domain.command_rules import matchers as m
from core.domain.command_rules.rule import Rule
from core.domain.command_rules.values import Language, Level, Operation

_SHELL = frozenset({Language.SH})
_WINDOWS = frozenset({Language.CMD, Language.POWERSHELL})
_SQL = frozenset({Language.SQL})
_DATABASES = _SHELL | _SQL

BUILTIN: Mapping[str, Rule] = {
    rule.name: rule
    for rule in (
        Rule(name="remove-system", level=Level.BLOCK, languages=_SHELL, finds=m.removes_system,
             message="removes / or a folder without which the system does not run"),
        Rule(name="remove-precious", level=Level.CONFIRM, languages=_SHELL,
             finds=m.removes_precious,
             message="removes all of a folder that people or services keep things in"),
        Rule(name="remove-unknown", level=Level.SCAN, languages=_SHELL, finds=m.removes_unknown,
             message="removes below a variable: were it empty, a folder of the system would go"),
        Rule(name="move-system", level=Level.BLOCK, languages=_SHELL, finds=m.moves_system,
             message="moves a folder without which the system does not run"),
        Rule(name="open-to-all", level=Level.BLOCK, languages=_SHELL, finds=m.opens_to_all,
             message="lets everybody write to a folder of the system"),
        Rule(name="change-owners", level=Level.CONFIRM, languages=_SHELL, finds=m.changes_owners,
             message="changes owners or rights of everything in a folder of the system"),
        Rule(name="write-system-file", level=Level.CONFIRM, languages=_SHELL,
             finds=m.writes_system_file,
             message="empties or replaces a file that logins, mounts or the start depend on"),
        Rule(name="write-disk", level=Level.BLOCK, languages=_SHELL, finds=m.writes_disk,
             message="writes over a disk"),
        Rule(name="format-disk", level=Level.CONFIRM, languages=_SHELL, finds=m.formats_disk,
             message="makes a new file system, or wipes the signs of an old one"),
        Rule(name="partition-disk", level=Level.CONFIRM, languages=_SHELL,
             finds=m.partitions_disk, message="changes the partitions of a disk"),
        Rule(name="fork-bomb", level=Level.BLOCK, languages=_SHELL,
             pattern=r"([\w:.]+)\s*\(\s*\)\s*\{\s*\1\s*\|\s*\1\s*&\s*\}",
             message="starts itself over and over until the machine stands still"),
        Rule(name="stop-machine", level=Level.CONFIRM, languages=_SHELL, finds=m.stops_machine,
             message="stops or restarts the machine"),
        Rule(name="stop-access", level=Level.CONFIRM, languages=_SHELL, finds=m.stops_access,
             message="may cut off the way into the machine"),
        Rule(name="end-everything", level=Level.CONFIRM, languages=_SHELL,
             finds=m.ends_everything, message="ends every process that it may end"),
        Rule(name="run-download", level=Level.CONFIRM, languages=_SHELL, finds=m.runs_download,
             message="runs what it fetches, unseen"),
        Rule(name="remove-schedule", level=Level.CONFIRM, languages=_SHELL,
             finds=m.removes_schedule, message="removes all of a user's scheduled commands"),
        Rule(name="drop-database", level=Level.CONFIRM, languages=_DATABASES,
             finds=m.drops_database, message="removes a whole database or schema"),
        Rule(name="drop-table", level=Level.CONFIRM, languages=_DATABASES, finds=m.drops_table,
             message="removes a table, or all of its rows"),
        Rule(name="change-all-rows", level=Level.CONFIRM, languages=_DATABASES,
             finds=m.changes_all_rows, message="changes or deletes every row: it has no WHERE"),
        Rule(name="remove-drive", level=Level.BLOCK, languages=_WINDOWS, finds=m.removes_drive,
             message="removes a drive or a folder without which Windows does not run"),
        Rule(name="format-drive", level=Level.CONFIRM, languages=_WINDOWS, finds=m.formats_drive,
             message="formats or partitions a drive"),
        Rule(name="stop-windows", level=Level.CONFIRM, languages=_WINDOWS, finds=m.stops_windows,
             message="stops or restarts the machine"),
        Rule(name="run-download-windows", level=Level.CONFIRM, languages=_WINDOWS,
             finds=m.runs_download_windows, message="runs what it fetches, unseen"),
        Rule(name="write-system-path", level=Level.BLOCK,
             paths=("/", "/bin/**", "/boot/**", "/dev/**", "/lib*/**", "/proc/**", "/sbin/**",
                    "/sys/**", "/usr/bin/**", "/usr/lib*/**", "/usr/sbin/**"),
             operations=frozenset({Operation.WRITE, Operation.DELETE}),
             message="puts a file among those that the system itself is made of"),
        Rule(name="write-login-path", level=Level.CONFIRM,
             paths=("/etc/passwd", "/etc/shadow", "/etc/group", "/etc/gshadow", "/etc/sudoers",
                    "/etc/sudoers.d/**", "/etc/ssh/**", "/etc/pam.d/**", "/etc/fstab",
                    "/root/.ssh/**", "/home/*/.ssh/**", "~/.ssh/**"),
             operations=frozenset({Operation.WRITE, Operation.DELETE}),
             message="changes who may log in, or what is mounted at the start"),
        Rule(name="delete-system-folder", level=Level.BLOCK,
             paths=("/etc", "/home", "/opt", "/root", "/srv", "/usr", "/var", "/var/lib"),
             operations=frozenset({Operation.DELETE}),
             message="deletes a folder that the system or its people need"),
    )
}  # fmt: skip
"""Name -> rule."""
