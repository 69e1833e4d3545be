"""Find PostgreSQL's own tools, of the server's version, and keep the password out of their command line."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from sqlalchemy import make_url, text

from mailer.core import embedded
from mailer.core.db import engine
from mailer.core.settings import settings


class ToolFailed(Exception):
    """Say that pg_dump or pg_restore is missing or too old, or failed, with its own last line."""


def command(program: str, *arguments: str) -> tuple[list[str], dict[str, str]]:
    """Return the command line that runs it on our database, and the environment.  Raises ToolFailed."""
    url = make_url(settings().database_url or "").set(drivername="postgresql")
    environment = {**os.environ, "PGPASSWORD": url.password or "", "PGCONNECT_TIMEOUT": "10"}
    shown = url._replace(password=None).render_as_string()
    return [str(_binary(program)), *arguments, f"--dbname={shown}"], environment


def is_empty() -> bool:
    """Return whether the database has no table at all."""
    with engine().connect() as connection:
        query = "SELECT NOT EXISTS (SELECT FROM pg_tables WHERE schemaname = current_schema())"
        return bool(connection.scalar(text(query)))


def _binary(program: str) -> Path:
    """Return the program of the server's major version, else the next newer: an older one refuses to dump."""
    with engine().connect() as connection:
        server = int(str(connection.scalar(text("SHOW server_version_num")))) // 10_000
    by_version = {_major(path): path for path in _candidates(program)}
    fit = [major for major in sorted(by_version) if major >= server]
    if not fit:
        have = f"only version {max(by_version)} is" if by_version else "none is"
        raise ToolFailed(
            f"{program} of PostgreSQL {server} is needed, and {have} on this machine: install it"
        )
    return by_version[fit[0]]


def _candidates(program: str) -> list[Path]:
    """Return where it is installed; what is on the PATH comes last, and wins over others of its version."""
    debian = Path("/usr/lib/postgresql").glob(f"*/bin/{program}")
    on_path = shutil.which(program)
    ours = embedded.tool(program)
    return [*debian, *([ours] if ours else []), *([Path(on_path)] if on_path else [])]


def _major(path: Path) -> int:
    output = subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout
    version = re.search(r"\) (\d+)", output)
    return int(version[1]) if version else 0
