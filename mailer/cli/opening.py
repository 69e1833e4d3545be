"""How a command opens the database: prepared, at this version's schema, in one transaction."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
from sqlalchemy.orm import Session

from mailer import celery_app
from mailer.backup import current, migrate
from mailer.core import after_commit, audit, bootstrap, restore_lock
from mailer.core.db import engine, transaction, utcnow
from mailer.newsletters import newsletters
from mailer.newsletters.models import Newsletter

_RESTORED = "this database was restored, and what people asked for since is missing"


@contextmanager
def opened(*, disarmed: bool = False) -> Iterator[Session]:
    """One transaction, which commits when the command succeeds; `disarmed`: also while the service is."""
    bootstrap.prepare()
    after_commit.install(celery_app.ask_for)
    with engine().connect() as connection:
        if migrate.current(connection) != migrate.head():
            raise click.ClickException(
                "the database is not at this version's schema: run `mailer db upgrade`"
            )
    with transaction() as db:
        if not disarmed and restore_lock.disarmed(db):
            raise click.ClickException(
                f"{restore_lock.reason(db) or _RESTORED}: run `mailer restore replay` first"
            )
        if not disarmed and (broken := current.contradiction(db)):
            raise click.ClickException(f"{broken}; is this the MAILER_DATA_DIR of the service?")
        yield db


def audited(db: Session, what: str, /, **details: Any) -> None:
    """Note in the audit what somebody at the terminal does; the details name nobody but by fingerprint."""
    audit.record(db, who=audit.TERMINAL, what=what, details=details, now=utcnow())


def newsletter_called(db: Session, slug: str) -> Newsletter:
    """Return the newsletter with this slug, or say how to find one."""
    found = newsletters.newsletter(db, slug)
    if found is None:
        raise click.ClickException(f"no newsletter is called {slug}: see `mailer newsletter list`")
    return found
