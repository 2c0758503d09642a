"""Files that people name, opened where they are plain files and nothing else."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

_AT_ONCE = getattr(os, "O_NONBLOCK", 0)
"""Whoever opens a pipe waits for somebody who writes to it, and that may be nobody."""
_AS_IT_IS = getattr(os, "O_BINARY", 0)
"""Windows would read line ends as others."""


def open_plain(path: Path) -> BinaryIO:
    """The file, to be read from its beginning; OSError also for a pipe, a device, a folder."""
    descriptor = os.open(path, os.O_RDONLY | _AT_ONCE | _AS_IT_IS)
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        raise OSError(errno.EINVAL, "no plain file", str(path))
    return os.fdopen(descriptor, "rb")
