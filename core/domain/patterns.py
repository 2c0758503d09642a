"""Patterns of texts in documents, and what they ask for in words.

The pattern is for schemas and machines; a person who got it wrong reads the words.
"""

from __future__ import annotations

from collections.abc import Mapping

CHANGE = r"^[^\s\x00-\x1f\x7f]([^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f])?$"
CLOCK_TIME = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"
EVENT_TYPE = r"^[a-z_-]+\.[a-z_-]+$"
FILE = r"^/[^\x00-\x1f\x7f]+$"
FOLDER = r"^(/|[A-Za-z]:[\\/]|\\\\)[^\x00-\x1f\x7f]*$"
FILE_MODE = r"^[0-7]{3,4}$"
FILE_OWNER = r"^[A-Za-z0-9_][A-Za-z0-9_.-]*(:[A-Za-z0-9_][A-Za-z0-9_.-]*)?$"
FINGERPRINT = r"^SHA256:[A-Za-z0-9+/]{43}$"
HEX_FINGERPRINT = r"^([0-9A-Fa-f]{2}:?){31}[0-9A-Fa-f]{2}$"
INTERPRETER = r"^[\w./+-]+$"
LABEL_KEY = r"^[\w][\w./-]*$"
"""Its length stands beside it: letters of all scripts, counted to 62, take 20 ms to compile."""
MAIL_ADDRESS = r"^[^\s@<>,;\"]+@[^\s@<>,;\"]+$"
SERVER_NAME = r"^[A-Za-z0-9]([A-Za-z0-9.:_-]*[A-Za-z0-9])?$"
SOURCE_PATH = r"^[^\s/?#%\x00-\x1f]+(/[^\s/?#%\x00-\x1f]+)+$"
SECRET_ID = r"^[0-9A-Z]{26}$"
SHA256 = r"^[0-9a-f]{64}$"
TABLE = r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)?$"
URL = r"^https?://[^\s\x00-\x1f\x7f]+$"
USER_NAME = r"^[^\s:\-][^\s:]*$"

IN_WORDS: Mapping[str, str] = {
    CHANGE: "must be one line of text, without blanks at its ends",
    CLOCK_TIME: "must be a time of the day, such as '22:00'",
    EVENT_TYPE: "must be the type of an entry, such as run.state, as `jobdeck events` shows it",
    FILE_MODE: "must be a mode of three or four octal digits, such as '0644'",
    FILE_OWNER: "must be USER or USER:GROUP, by name or number",
    FILE: "must be the whole path of a file, beginning with /",
    FINGERPRINT: "must be a fingerprint as `ssh-keygen -lf` prints it: SHA256: and 43 characters",
    FOLDER: "must be the whole path of a folder, beginning with / or, on Windows, a drive: C:\\",
    HEX_FINGERPRINT: "must be the SHA-256 fingerprint of a certificate: 64 hexadecimal digits",
    INTERPRETER: "must be the name or the path of a program: letters, digits and _ . / + -",
    LABEL_KEY: "cannot be the key of a label: letters, digits, _ . / and -",
    MAIL_ADDRESS: "must be a mail address, such as ops@example.org",
    SERVER_NAME: "must be the name or the address of a server",
    SECRET_ID: "must be the id of a secret in the vault, or the secret's own text instead",
    SOURCE_PATH: "must be MOUNT/PATH, such as secret/ops/db",
    SHA256: "must be a SHA-256 as `sha256sum` prints it: 64 digits 0-9 and a-f",
    TABLE: "must be the name of a table, TABLE or SCHEMA.TABLE, in letters, digits and _",
    URL: "must be a web address, beginning with http:// or https://, without blanks",
    USER_NAME: "must be a user's name, without blanks and colons, and with no - at its beginning",
}
"""Pattern -> what is said of a text that does not match it."""
