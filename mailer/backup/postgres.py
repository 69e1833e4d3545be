"""PostgreSQL's own tools, of the server's version, told where to go without a password in sight."""

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
    """pg_dump or pg_restore is missing, too old, or failed; the message is its own last line."""


def command(program: str, *arguments: str) -> tuple[list[str], dict[str, str]]:
    """Return how to run it on our database: the words, and the environment.  Raises ToolFailed."""
    url = make_url(settings().database_url or "").set(drivername="postgresql")
    environment = {**os.environ, "PGPASSWORD": url.password or "", "PGCONNECT_TIMEOUT": "10"}
    shown = url._replace(password=None).render_as_string()
    return [str(_binary(program)), *arguments, f"--dbname={shown}"], environment


def is_empty() -> bool:
    """Return whether the database has no table of anybody's."""
    with engine().connect() as connection:
        query = "SELECT NOT EXISTS (SELECT FROM pg_tables WHERE schemaname = current_schema())"
        return bool(connection.scalar(text(query)))


def _binary(program: str) -> Path:
    """Return the one of the server's major version, else the next newer: an older one refuses to dump."""
    with engine().connect() as connection:
        server = int(str(connection.scalar(text("SHOW server_version_num")))) // 10_000
    found = {_major(path): path for path in _candidates(program)}
    fit = [major for major in sorted(found) if major >= server]
    if not fit:
        have = f"only version {max(found)} is" if found else "none is"
        raise ToolFailed(
            f"{program} of PostgreSQL {server} is needed, and {have} on this machine: install it"
        )
    return found[fit[0]]


def _candidates(program: str) -> list[Path]:
    """List them; what is on the PATH comes last, and wins over another of its version."""
    debian = Path("/usr/lib/postgresql").glob(f"*/bin/{program}")
    on_path = shutil.which(program)
    ours = embedded.tool(program)
    return [*debian, *([ours] if ours else []), *([Path(on_path)] if on_path else [])]


def _major(path: Path) -> int:
    said = subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"\) (\d+)", said)
    return int(found[1]) if found else 0
