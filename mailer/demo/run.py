"""Run the demo, from an empty folder to a letter in a mailbox."""

import fcntl
import json
import os
import secrets
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from itertools import islice
from pathlib import Path
from types import FrameType
from uuid import UUID

import click

from mailer.backup import migrate
from mailer.core import bootstrap, embedded, private_file
from mailer.core.db import engine, transaction, utcnow
from mailer.core.paths import templates_dir
from mailer.core.settings import Settings, settings
from mailer.delivery import follow
from mailer.delivery.certificate import certify
from mailer.demo.processes import Processes
from mailer.demo.sample_people import sample
from mailer.imports import apply
from mailer.imports.rows import person
from mailer.issues import lifecycle, yaml_file
from mailer.newsletters import newsletters
from mailer.newsletters.models import LegalBasis, Theme
from mailer.staff import accounts as access
from mailer.subscribers.consent.bulk import Common

MARKER = ".mailer-demo"
LETTER = "examples/lettre/lettre.yaml"
USUAL_PORT = 8000
LEAVES_IN = timedelta(seconds=8)
STAFF = "redaction@example.org"
_CHUNK = 1_000  # people imported in one transaction
_IDENTITY = {
    "CONTROLLER_NAME": "Commissariat à la lutte contre la pauvreté (démonstration)",
    "CONTROLLER_ADDRESS": "1 rue de l’Exemple, 59000 Lille",
    "RIGHTS_EMAIL": "droits@example.org",
    "DPO_EMAIL": "dpo@example.org",
    "RECIPIENTS": "le service communication du commissariat",
    "HOST_NAME": "cette machine, pour la démonstration",
    "ALERT_ADDRESS": "alerte@example.org",
}


class CannotDemonstrate(Exception):
    """Say that the demo cannot run as asked; the message says what to do."""


def run(*, once: bool, subscribers: int, port: int | None, folder: Path) -> int:
    """Run the demo until it is stopped; return the exit code.  With `once`, 0 only if
    every message was accepted.

    Raises CannotDemonstrate, processes.ProcessEnded, embedded.Unavailable; no process survives.
    """
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, _interrupt)
    with (
        _folder(folder.absolute()) as home,
        Processes(home / "logs") as processes,
        suppress(KeyboardInterrupt),
    ):
        mailbox_port = _configure(home, port)
        config = bootstrap.prepare()
        _refuse_a_used_database()
        migrate.upgrade(engine())
        _start(processes, config, home, mailbox_port)
        password = secrets.token_urlsafe(9)
        issue_id = _create_sample_data(config, subscribers, password)
        processes.wait_for(f"{config.public_url}/healthz")
        processes.wait_for(f"http://127.0.0.1:{mailbox_port}/count")
        follow.follow(issue_id, check=processes.check)
        if once:
            return _print_certificate(issue_id)
        _print_addresses(config, mailbox_port, password)
        while True:
            time.sleep(1)
            processes.check()
    click.echo("\nstopped: nothing is left running", err=True)
    return 1 if once else 0


def _interrupt(_: int, __: FrameType | None) -> None:
    raise KeyboardInterrupt


@contextmanager
def _folder(home: Path) -> Iterator[Path]:
    """Empty the folder of the previous demo, and lock it while this one runs."""
    home.mkdir(parents=True, exist_ok=True)
    if any(home.iterdir()) and not (home / MARKER).exists():
        raise CannotDemonstrate(f"{home} is not empty, and not a demo's: give another folder with --dir")
    with (home / MARKER).open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotDemonstrate(
                f"a demo is already running in {home}: stop it, or give another --dir"
            ) from None
        embedded.stop(home / "servers")  # what a kill -9 may have left
        for old in home.iterdir():
            if old.name != MARKER:
                shutil.rmtree(old) if old.is_dir() else old.unlink()
        yield home
        embedded.release(home / "servers")


def _configure(home: Path, port: int | None) -> int:
    """Configure this process and its children; return the port of the mailbox's page."""
    smtp, mailbox = embedded.free_port(), embedded.free_port()
    values = _IDENTITY | {
        "RELAY_URL": f"smtp://127.0.0.1:{smtp}",
        "PUBLIC_URL": f"http://127.0.0.1:{port or _usual_port()}",
        "DATA_DIR": str(home / "servers"),
        "SECRET_KEYS": secrets.token_urlsafe(48),
        "FINGERPRINT_KEY": secrets.token_urlsafe(48),
    }
    os.environ |= {f"MAILER_{name}": value for name, value in values.items()}
    file = home / "mailer.env"
    private_file.write(file, "".join(f'MAILER_{name}="{value}"\n' for name, value in values.items()))
    os.environ["MAILER_ENV_FILE"] = str(file)
    settings.cache_clear()
    return mailbox


def _usual_port() -> int:
    return USUAL_PORT if embedded.is_free(USUAL_PORT) else embedded.free_port()


def _refuse_a_used_database() -> None:
    """Refuse a database with real people: sample ones have no place among them."""
    with engine().connect() as connection:
        if migrate.current(connection) is None:
            return
    with transaction() as db:
        if newsletters.newsletters(db):
            raise CannotDemonstrate(
                "MAILER_DATABASE_URL names a database that is in use: unset it, or give an empty one"
            )


def _start(processes: Processes, config: Settings, home: Path, mailbox_port: int) -> None:
    smtp = config.relay_url.rpartition(":")[2]
    web = config.public_url.rpartition("/")[2]
    folder = str(home / "mail")
    processes.start(
        "mailbox", "mailer.demo.mailbox", "--smtp", smtp, "--http", str(mailbox_port), "--dir", folder
    )
    processes.start("web", "gunicorn", "-c", "python:mailer.web.gunicorn", "--bind", web, "--threads", "8",
                    "mailer.web.app:create_app()")  # fmt: skip
    celery = ("celery", "-A", "mailer.tasks", "worker", "--without-gossip", "--without-mingle")
    for queue, count in (("letters", config.senders), ("notices", 1), ("ticks", 1), ("chores", 1)):
        processes.start(queue, *celery, "-Q", queue, "-n", f"{queue}@%h", "-c", str(count))
    processes.start("beat", "celery", "-A", "mailer.tasks", "beat", "--schedule", str(home / "beat"))


def _create_sample_data(config: Settings, subscribers: int, password: str) -> UUID:
    """Create a newsletter, its readers, an account for the desk and a scheduled issue; return its id."""
    with transaction() as db:
        newsletter = newsletters.create_newsletter(
            db, slug="lettre", name="La lettre du commissariat", locale="fr", now=utcnow(),
            description="Chaque mois, ce qui se fait dans les Hauts-de-France contre la pauvreté.",
            theme=Theme.NEUTRAL, legal_basis=LegalBasis.CONSENT, from_name="La lettre du commissariat",
            from_address="lettre@example.org", reply_to="contact@example.org",
            return_path_domain="retour.example.org",
        )  # fmt: skip
        access.create(db, email=STAFF, name="La rédaction", password=password, now=utcnow())
    _subscribe(newsletter.id, subscribers, config.fingerprint_key.get_secret_value().encode())
    content, assets = yaml_file.load(templates_dir() / LETTER)
    with transaction() as db:
        issue = lifecycle.import_issue(db, content, assets, now=utcnow())
        due = utcnow() + LEAVES_IN
        lifecycle.schedule(db, issue, due_at=due, approver="terminal", now=utcnow(), settings=config)
    return issue.id


def _subscribe(newsletter_id: UUID, count: int, key: bytes) -> None:
    agreed = utcnow() - timedelta(days=30)
    people = (
        person(p.email, name=p.name, locale="fr", source="démonstration", said_at=agreed, key=key)
        for p in sample(count)
    )
    with follow.bar(count, "importing") as drawn:
        while chunk := list(islice(people, _CHUNK)):
            now = utcnow()
            with transaction() as db:
                apply.import_people(db, Common(newsletter_id, now, "import", None), chunk, informed_at=now)
            drawn.update(len(chunk))


def _print_certificate(issue_id: UUID) -> int:
    """Print the certificate, one line of JSON; return 0 if everybody was reached."""
    with transaction() as db:
        certificate = certify(db, issue_id)
    click.echo(json.dumps(certificate.as_dict(), ensure_ascii=False))
    return 0 if certificate.accepted == certificate.audience else 1


def _print_addresses(config: Settings, mailbox_port: int, password: str) -> None:
    site = config.public_url
    click.echo(
        f"""
The letter has left.  Look around:

  site      {site}/lettre/        sign up with any address, then confirm in the mailbox
  mailbox   http://127.0.0.1:{mailbox_port}/        what was sent; unsubscribe from any of it
  desk      {site}/desk/        {STAFF}  {password}
  rights    {site}/rights

Ctrl-C stops everything.
""",
        err=True,
    )
