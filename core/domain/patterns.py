"""Patterns of texts in documents, and what they ask for in words.

The pattern is for schemas and machines; a person who got it wrong reads the words.
"""

from __future__ import annotations

from collections.abc import Mapping

CHANGE = r"^[^\s\x00-\x1f\x7f]([^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f])?$"
FILE = r"^/[^\x00-\x1f\x7f]+$"
FOLDER = r"^/[^\x00-\x1f\x7f]*$"
FINGERPRINT = r"^SHA256:[A-Za-z0-9+/]{43}$"
INTERPRETER = r"^[\w./+-]+$"
LABEL_KEY = r"^[\w][\w./-]{0,62}$"
SECRET_ID = r"^[0-9A-Z]{26}$"
TABLE = r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)?$"
URL = r"^https?://[^\s\x00-\x1f\x7f]+$"
USER_NAME = r"^[^\s:\-][^\s:]*$"

IN_WORDS: Mapping[str, str] = {
    CHANGE: "must be one line of text, without blanks at its ends",
    FILE: "must be the whole path of a file, beginning with /",
    FINGERPRINT: "must be a fingerprint as `ssh-keygen -lf` prints it: SHA256: and 43 characters",
    FOLDER: "must be the whole path of a folder, beginning with /",
    INTERPRETER: "must be the name or the path of a program: letters, digits and _ . / + -",
    LABEL_KEY: "cannot be the key of a label: letters, digits, _ . / and -, at most 63 of them",
    SECRET_ID: "must be the id of a secret in the vault, or the secret's own text instead",
    TABLE: "must be the name of a table, TABLE or SCHEMA.TABLE, in letters, digits and _",
    URL: "must be a web address, beginning with http:// or https://, without blanks",
    USER_NAME: "must be a user's name, without blanks and colons, and with no - at its beginning",
}
"""Pattern -> what is said of a text that does not match it."""
