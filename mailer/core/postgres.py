"""Look at a PostgreSQL server, and say why one cannot be used: each cause has its own sentence."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import psycopg
from sqlalchemy import URL, make_url

MINIMUM = 15  # the oldest that the tests ran on; the embedded one is 18
CONNECT_TIMEOUT = 5  # seconds
_USUAL_PORT = 5432

# A server speaks its own language: English or French here, where the protocol's code is not kept.
_SAID = {
    "password": r"password authentication failed|authentification par mot de passe (a )?échou",
    "no_password": r"no password supplied",
    "no_role": r"(role|rôle) .* (does not exist|n'existe pas)",
    "no_database": r"(database|base de données) .* (does not exist|n'existe pas)",
    "not_let_in": r"no pg_hba\.conf entry|aucune entrée dans pg_hba\.conf|pg_hba\.conf reje",
    "no_host": r"could not translate host name|failed to resolve host|name or service not known",
    "refused": r"connection refused|connexion refusée",
    "silent": r"timeout|timed out|no route to host|network is unreachable",
    "full": r"too many (clients|connections)|remaining connection slots|trop de clients",
    "starting": r"the database system is|le système de bases? de données",
    "no_tls": r"server does not support SSL",
    "tls": r"certificate|SSL error",
}
_BY_STATE = {
    "28P01": "password", "28000": "not_let_in", "3D000": "no_database", "53300": "full", "57P03": "starting",
    "57P01": "starting", "42501": "not_owner",
}  # fmt: skip
_SENTENCES = {
    "password": (
        "PostgreSQL refuses the password of user {user}: mend it in MAILER_DATABASE_URL (write "
        "@ : / in it as %40 %3A %2F)"
    ),
    "no_password": "PostgreSQL wants a password for user {user}: MAILER_DATABASE_URL has none",
    "no_role": "PostgreSQL knows no user {user}: create it, or name another in MAILER_DATABASE_URL",
    "no_database": (
        "PostgreSQL has no database {database}: create it (`createdb --owner {user} "
        "{database}`), or name another in MAILER_DATABASE_URL"
    ),
    "not_let_in": (
        "PostgreSQL does not let user {user} into database {database} from this machine: add a "
        "line for it to its pg_hba.conf, and reload it"
    ),
    "no_host": "PostgreSQL cannot be reached: no machine is called {host}; mend MAILER_DATABASE_URL",
    "refused": (
        "PostgreSQL cannot be reached: nothing listens at {host}:{port}; start the server, or "
        "mend host and port in MAILER_DATABASE_URL"
    ),
    "silent": (
        "PostgreSQL cannot be reached: {host}:{port} does not answer; see the firewall, and the "
        "host in MAILER_DATABASE_URL"
    ),
    "full": "PostgreSQL has no connection left: raise its max_connections, or start fewer processes",
    "starting": "PostgreSQL is starting, stopping or recovering: try again in a moment, and see its log",
    "no_tls": ("PostgreSQL at {host}:{port} speaks no TLS, and MAILER_DATABASE_URL asks for it (sslmode)"),
    "tls": (
        "the certificate of PostgreSQL at {host}:{port} cannot be verified: see sslmode and "
        "sslrootcert in MAILER_DATABASE_URL"
    ),
    "not_owner": (
        "user {user} may not do this in database {database}: make it the owner (`ALTER DATABASE "
        "{database} OWNER TO {user}`)"
    ),
    "other": "PostgreSQL cannot be used: check MAILER_DATABASE_URL, and see the server's log",
}


class TooOld(Exception):
    """Say that this PostgreSQL is older than the oldest that is supported."""

    def __init__(self, version: str) -> None:
        super().__init__(f"this is PostgreSQL {version}: mailer needs {MINIMUM} or newer")


@dataclass(frozen=True)
class Server:
    """Say what a server is, and how its clock stands."""

    version: str
    major: int
    ahead: timedelta  # of this machine's clock; negative where the server is behind


def look(url: str) -> Server:
    """Ask a server for its version and its time.  Raises psycopg.OperationalError."""
    with psycopg.connect(_conninfo(url), connect_timeout=CONNECT_TIMEOUT, autocommit=True) as connection:
        version = connection.info.server_version
        connection.execute("SELECT 1")  # the first question pays for what the server sets up
        before = datetime.now(UTC)
        row = connection.execute("SELECT clock_timestamp()").fetchone()
        middle = before + (datetime.now(UTC) - before) / 2
    ahead = (row[0] - middle) if row else timedelta(0)
    return Server(f"{version // 10_000}.{version % 10_000}", version // 10_000, ahead)


def check_version(number: int) -> None:
    """Refuse a server by its number, as libpq gives it (150004 is 15.4).  Raises TooOld."""
    if number < MINIMUM * 10_000:
        raise TooOld(f"{number // 10_000}.{number % 10_000}")


def cause(error: BaseException, url: str | None) -> str:
    """Say in a sentence why PostgreSQL could not be used, and what to do; it quotes no password."""
    return _SENTENCES[_code(error)].format(**_named(make_url(url or "postgresql://")))


def _code(error: BaseException) -> str:
    known = _BY_STATE.get(getattr(error, "sqlstate", None) or "")
    if known:
        return known
    text = str(error)
    found = (code for code, pattern in _SAID.items() if re.search(pattern, text, re.IGNORECASE))
    return next(found, "other")


def _named(url: URL) -> Mapping[str, object]:
    return {
        "host": url.host or "localhost", "port": url.port or _USUAL_PORT, "user": url.username or "(none)",
        "database": url.database or url.username or "(none)",
    }  # fmt: skip


def _conninfo(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
