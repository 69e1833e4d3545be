"""`mailer doctor`: everything the service needs, looked at one by one; each line says what to do."""

import os
import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import click
import psycopg
import redis
from sqlalchemy.exc import SQLAlchemyError

from mailer.backup import migrate
from mailer.cli import show
from mailer.core import bootstrap, connection_faults, imap, postgres
from mailer.core.db import engine, transaction
from mailer.core.embedded import Unavailable
from mailer.core.settings import Settings, SettingsError, env_file, load
from mailer.monitoring.alarms import CLOCKS_APART
from mailer.newsletters import newsletters
from mailer.smtp import dkim, dns
from mailer.smtp.dns import NoDns
from mailer.smtp.relay import Relay, RelayDown

ROOM, LITTLE_ROOM = 1 << 30, 200 << 20  # bytes free
PATIENCE = 10.0  # seconds for each reply of a relay
OK, LOOK, WRONG = "ok", "look", "WRONG"


@dataclass(frozen=True)
class Finding:
    """Say how one thing stands: fine, to be looked at, or wrong."""

    check: str
    state: str
    sentence: str


Findings = Iterator[Finding]


@click.command()
@click.option("--nameserver", metavar="IP[:PORT]", help="Ask this DNS server instead of the machine's.")
@show.as_json
def doctor(nameserver: str | None, as_json: bool) -> None:
    """Look at everything the service needs: settings, servers, clock, disk, DNS.  Changes nothing.

    Each line says what to do; the exit code is 1 where something is wrong.
    """
    found = []
    for each in _all(nameserver):
        found.append(each)
        if not as_json:
            click.echo(f"{each.state:5}  {each.check:10}  {each.sentence}")
    if as_json:
        show.table([asdict(each) for each in found], as_json=True, empty="")
    if any(each.state == WRONG for each in found):
        sys.exit(1)


def _all(nameserver: str | None) -> Findings:
    try:
        load()
        settings = bootstrap.prepare()
    except SettingsError as error:
        for fault in error.faults:
            yield Finding("settings", WRONG, fault)
        yield Finding("settings", LOOK, "the rest is looked at once the settings can be read")
        return
    except Unavailable as error:
        yield Finding("settings", WRONG, str(error))
        return
    looks: dict[str, Callable[[], Findings]] = {
        "settings": lambda: _settings(settings),
        "disk": lambda: disk(settings.data_dir),
        "relay": lambda: relay(settings.relay_url),
        "inbox": lambda: _inbox(settings),
        "redis": lambda: redis_server(settings.redis_url or ""),
        "database": lambda: database(settings.database_url or ""),
        "schema": lambda: _in_the_database(nameserver),
    }
    for check, look in looks.items():
        yield from _tried(check, look)


def _tried(check: str, look: Callable[[], Findings]) -> Findings:
    """Look at one thing; what nobody foresaw there keeps nothing else from being looked at."""
    try:
        yield from look()
    except Exception as error:
        yield Finding(
            check, WRONG, f"this could not be looked at ({type(error).__name__}): tell whoever maintains it"
        )


def _settings(settings: Settings) -> Findings:
    file = env_file()
    yield Finding(
        "settings", OK, f"complete, {f'from {file} and ' if file.exists() else ''}from the environment"
    )
    if file.is_file() and stat.S_IMODE(file.stat().st_mode) & 0o077:
        yield Finding("settings", WRONG, f"{file} holds the keys, and others may read it: chmod 600 {file}")
    if not settings.public_url.startswith("https://"):
        yield Finding("settings", LOOK, "MAILER_PUBLIC_URL has no TLS: links and logins go in plain text")
    try:
        dkim.load(settings)
    except dkim.DkimKeyMissing as error:
        yield Finding("dkim", WRONG, str(error))
    else:
        if settings.dkim_selector:
            yield Finding("dkim", OK, "the key can be used; `mailer dkim check` compares it with the DNS")


def disk(folder: Path) -> Findings:
    """Look at the folder of the journals: it must be ours to write, with room in it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
    except OSError as error:
        yield Finding("disk", WRONG, f"{folder} cannot be made ({error.strerror}): see MAILER_DATA_DIR")
        return
    if not os.access(folder, os.W_OK | os.X_OK):
        yield Finding("disk", WRONG, f"{folder} is not ours to write: chown it to the service's user")
    state = OK if free >= ROOM else LOOK if free >= LITTLE_ROOM else WRONG
    advice = "" if state == OK else ": a full disk stops letters and unsubscriptions; make room"
    yield Finding("disk", state, f"{free / (1 << 30):.1f} GiB free in {folder}{advice}")


def relay(url: str) -> Findings:
    """Open a connection to the relay, as the senders do: TLS, then the login."""
    server = Relay.parse(url)
    try:
        server.connect(patience=PATIENCE).close()
    except RelayDown as down:
        yield Finding("relay", WRONG, server.cause(down))
        return
    how = "without TLS" if server.plain else "TLS verified"
    who = f"logged in as {server.user}" if server.user else "without a login"
    yield Finding("relay", OK, f"{server.host}:{server.port} answers, {how}, {who}")


def _inbox(settings: Settings) -> Findings:
    if settings.inbox_url is None:
        return
    try:
        with imap.opened(settings.inbox_url.get_secret_value()) as mailbox:
            waiting = len(mailbox.waiting())
    except imap.MailboxDown as error:
        said = f"the mailbox of {settings.rights_email} cannot be read ({error}): see MAILER_INBOX_URL"
        yield Finding("inbox", WRONG, said)
    else:
        yield Finding("inbox", OK, f"the mailbox of {settings.rights_email} opens; to be read: {waiting}")


def redis_server(url: str) -> Findings:
    """Ask Redis whether it is there."""
    parts = urlsplit(url)
    try:
        with redis.Redis.from_url(url, socket_timeout=5, socket_connect_timeout=5) as client:
            client.ping()
    except redis.RedisError as error:
        yield Finding("redis", WRONG, connection_faults.redis_cause(error, url))
    else:
        yield Finding("redis", OK, f"{parts.hostname}:{parts.port or 6379} answers")


def database(url: str) -> Findings:
    """Look at PostgreSQL: whether it lets us in, its version, its clock."""
    try:
        server = postgres.look(url)
    except psycopg.Error as error:
        yield Finding("database", WRONG, postgres.cause(error, url))
        return
    known = server.major >= postgres.MINIMUM
    advice = "" if known else f": {postgres.MINIMUM} or newer is needed; upgrade it"
    yield Finding("database", OK if known else WRONG, f"PostgreSQL {server.version}{advice}")
    yield _clock(server.ahead)


def _clock(ahead: timedelta) -> Finding:
    seconds = ahead.total_seconds()
    if abs(seconds) <= CLOCKS_APART:
        return Finding("clock", OK, f"{abs(seconds):.1f} s from the database's")
    which = "behind" if seconds > 0 else "ahead of"
    said = f"this machine is {abs(seconds):.1f} s {which} the database: set both by NTP (timedatectl)"
    return Finding("clock", WRONG, said)


def _in_the_database(nameserver: str | None) -> Findings:
    """Look at what only a database that lets us in can tell."""
    try:
        with engine().connect() as connection:
            revision, head = migrate.current(connection), migrate.head()
        if revision != head:
            had = f"at revision {revision}" if revision else "empty"
            yield Finding("schema", WRONG, f"the database is {had}: run `mailer db upgrade`")
            return
        yield Finding("schema", OK, "this version's")
        with transaction() as db:
            domains = sorted({each.return_path_domain for each in newsletters.newsletters(db)})
    except SQLAlchemyError:
        return  # said already, by `database`
    yield from return_paths(domains, nameserver)


def return_paths(domains: list[str], nameserver: str | None = None) -> Findings:
    """Ask the DNS whether bounces can come back to these domains."""
    try:
        answered = dns.mx(domains, dns.resolver(nameserver))
    except (NoDns, ValueError) as error:
        yield Finding("dns", LOOK, f"return paths were not looked at: {error}")
        return
    for domain in domains:
        yield _return_path(domain, answered.get(domain))


def _return_path(domain: str, hosts: tuple[str, ...] | None) -> Finding:
    if hosts:
        return Finding("dns", OK, f"mail to {domain} goes to {hosts[0]}")
    if hosts is None:
        return Finding(
            "dns", LOOK, f"the DNS did not answer about {domain}: try again, or see its name servers"
        )
    said = (
        f"{domain} has no MX record: publish one, or bounces are lost and some providers refuse the letters"
    )
    return Finding("dns", LOOK, said)


LOOKS: dict[str, Callable[[str], Findings]] = {  # what a setting can be tried with, at once
    "relay_url": relay,
    "redis_url": redis_server,
    "database_url": database,
    "data_dir": lambda value: disk(Path(value)),
}
