"""Write files that nobody else on the machine may read."""

import os
import stat
from pathlib import Path
from typing import IO, Any


def opened(path: Path, mode: str = "w", **how: Any) -> IO[Any]:
    """Open a file for its owner alone, one that was there before too; with an x in `mode`, none may be.

    The rest is as for the built-in open.
    """
    return open(path, mode, opener=_owned, **how)


def write(path: Path, body: str | bytes) -> None:
    """Write a whole file."""
    with opened(path, "wb") as file:
        file.write(body.encode() if isinstance(body, str) else body)


def _owned(path: str, flags: int) -> int:
    descriptor = os.open(path, flags, 0o600)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):  # /dev/null stays as it is
        os.fchmod(descriptor, 0o600)
    return descriptor
