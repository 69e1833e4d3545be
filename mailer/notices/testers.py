"""Keep whom the tests of a newsletter go to: staff, and people outside who agreed from their mailbox."""

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, and_, delete, func, or_, select
from sqlalchemy.orm import Session

from mailer.core import throttle
from mailer.core.address import InvalidAddress, normalise
from mailer.core.db import changed
from mailer.core.fingerprint import fingerprint_of
from mailer.core.i18n import Explained
from mailer.core.settings import settings
from mailer.core.tokens import Purpose
from mailer.newsletters import newsletters
from mailer.newsletters.models import Newsletter
from mailer.notices import outbox
from mailer.notices.models import NoticeKind, Tester
from mailer.staff import accounts
from mailer.subscribers import subscribers, suppressions
from mailer.subscribers.consent import wordings
from mailer.subscribers.consent.models import Wording

MOST = 20  # of a newsletter
AGREE_WITHIN = timedelta(days=7)
PATH = "/testers/"
_ASK_EVERY = timedelta(days=1)


class RefusedTester(Explained):
    """Tell why an address cannot receive tests."""

    sentences = "newsletters", "tester"


def of_newsletter(db: Session, newsletter_id: UUID) -> list[Tester]:
    """Return the testers of a newsletter, those who were asked and have not answered among them."""
    theirs = select(Tester).where(Tester.newsletter_id == newsletter_id)
    return list(db.scalars(theirs.order_by(Tester.asked_at, Tester.email)))


def reading(db: Session, newsletter_id: UUID) -> list[Tester]:
    """Return those to whom a test may be sent now."""
    listed = of_newsletter(db, newsletter_id)
    return [each for each in listed if each.confirmed_at and may_read(db, each)]


def find(db: Session, tester_id: UUID) -> Tester | None:
    return db.get(Tester, tester_id)


def add(db: Session, of: Newsletter, email: str, *, by: str, now: datetime) -> Tester:
    """Add staff at once; ask anybody else, by mail, whether they agree.  Raises RefusedTester."""
    try:
        address = normalise(email)
    except InvalidAddress:
        raise RefusedTester("no_address", address=email.strip()) from None
    newsletters.locked(db, of)
    _refuse(db, of, address)
    account = accounts.find(db, address)
    staff = account is not None and account.disabled_at is None
    tester = Tester(
        newsletter_id=of.id, email=address, locale=of.locale, staff=staff, asked_by=by, asked_at=now,
        confirmed_at=now if staff else None,
    )  # fmt: skip
    db.add(tester)
    db.flush()
    if not staff:
        _ask(db, of, tester, now)
    return tester


def wording_of(of: Newsletter, locale: str) -> Wording:
    """Return the text that a tester from outside agrees to."""
    return wordings.testing_wording(of.name, settings().controller_name, locale)


def agree(db: Session, tester: Tester, wording: Wording, *, now: datetime) -> None:
    """Record that they agreed, and to which text; once."""
    if tester.confirmed_at is None:
        wordings.keep_wording(db, wording)
        tester.confirmed_at, tester.wording_sha256 = now, wording.sha256


def end(db: Session, tester: Tester) -> None:
    """Send them no more tests: they are forgotten, and what still waits for them stays unsent."""
    db.delete(tester)
    db.flush()


def may_read(db: Session, tester: Tester) -> bool:
    """Return whether the reason for which they are written to still holds."""
    if tester.staff:
        account = accounts.find(db, tester.email)
        return account is not None and account.disabled_at is None
    return not barred(db, tester.email)


def barred(db: Session, email: str) -> bool:
    """Return whether an address is never written to, or its owner's data are restricted."""
    fingerprint = fingerprint_of(email)
    known = subscribers.by_fingerprint(db, fingerprint)
    restricted = known is not None and known.restricted_at is not None
    return restricted or suppressions.find(db, fingerprint) is not None


def erase(db: Session, emails: Collection[str]) -> int:
    """Delete these addresses from among the testers; return how many rows."""
    return changed(db, delete(Tester).where(Tester.email.in_(emails)))


def forget_requests(db: Session) -> int:
    """Delete all of them, after a restore: some may have stopped since, and no log says who."""
    return changed(db, delete(Tester))


def over(now: datetime) -> tuple[ColumnElement[bool], ...]:
    """Return the condition that a tester is kept no longer: unanswered, or agreed years ago."""
    years = now - timedelta(days=365 * settings().retention_years)
    unanswered = and_(Tester.confirmed_at.is_(None), Tester.asked_at <= now - AGREE_WITHIN)
    return (or_(unanswered, Tester.confirmed_at <= years),)


def _refuse(db: Session, of: Newsletter, address: str) -> None:
    mine = Tester.newsletter_id == of.id
    if db.scalar(select(Tester.id).where(mine, Tester.email == address)):
        raise RefusedTester("already")
    if (db.scalar(select(func.count()).select_from(Tester).where(mine)) or 0) >= MOST:
        raise RefusedTester("many", most=MOST)
    if barred(db, address):
        raise RefusedTester("suppressed")


def _ask(db: Session, of: Newsletter, tester: Tester, now: datetime) -> None:
    once = throttle.limit(1, _ASK_EVERY, "asked to test", str(of.id), tester.email)
    if not throttle.take(db, once, now=now):
        raise RefusedTester("asked")
    facts = {"letter": of.name, "link": PATH, "purpose": Purpose.TESTER.value, "of": tester.id.hex}
    outbox.post(db, NoticeKind.TESTER, email=tester.email, locale=tester.locale, facts=facts, now=now)
