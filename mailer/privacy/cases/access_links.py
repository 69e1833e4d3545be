"""Let people in by a link to their mailbox, valid once and for half an hour, which opens a short session.

Anybody may ask for a link in anybody's name, so what is limited is how many live at once: a used one gives
its place back, and the last that may leave for now lives until another may.

As with a sign-up, the form's request is only kept, with the same statements whoever asks; a worker decides.
Whoever controls the mailbox acts: nothing else is asked of them (RGPD 11, 12(6)).
"""

import hashlib
import hmac
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, delete, exists, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from mailer.core import jobs, throttle, tokens
from mailer.core.address import mailbox
from mailer.core.db import changed
from mailer.core.fingerprint import fingerprint_of
from mailer.core.settings import settings
from mailer.core.throttle import Bucket, Limit
from mailer.core.tokens import BadToken, Purpose
from mailer.notices import outbox
from mailer.notices.models import NoticeKind
from mailer.privacy.models import RightsIntake, RightsLink, RightsRequest
from mailer.subscribers.consent.models import ConsentPayload
from mailer.subscribers.models import Subscriber, Suppression

OPEN_FOR = timedelta(minutes=30)  # a link, from when its mail left; then the session it opened
KEPT = timedelta(hours=24)  # a link that nobody used, however late its mail leaves
DAY, HOUR = timedelta(hours=24), timedelta(hours=1)
LINKS = 3, timedelta(hours=8)  # to one mailbox, and until one more may leave; the older ones stay valid
UNKNOWN_AN_HOUR = 200  # notices that nothing is held; beyond, requests wait
PATH = "/rights/"
LONGEST_WAIT = timedelta(hours=2)  # what is too much in an hour waits for the next
JOB = "rights links"


def request(db: Session, *, email: str, locale: str, now: datetime) -> None:
    """Keep the address that a link was asked for.  Nothing is looked up."""
    db.execute(insert(RightsIntake).values(email=email, locale=locale, at=now, due_at=now))


def waiting(db: Session, *, now: datetime) -> bool:
    """Return whether a request is due."""
    return db.scalar(select(exists().where(*_due(now)))) or False


def decide_next(db: Session, *, now: datetime) -> bool:
    """Answer the oldest request, with a link or the notice that nothing is held; return False without one."""
    oldest = select(RightsIntake).where(*_due(now)).order_by(RightsIntake.due_at).limit(1)
    asked = db.scalar(oldest.with_for_update(skip_locked=True))
    if asked is None:
        return False
    with jobs.row(JOB, asked.id, db):
        _answer(db, asked, now)
    return True


def _due(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return RightsIntake.due_at <= now, jobs.to_try(JOB, RightsIntake.id)


def bring_back(db: Session, *, now: datetime) -> int:
    """Make due now what is due later than any wait we give: a clock was ahead; how many requests."""
    far = RightsIntake.due_at > now + LONGEST_WAIT
    return changed(db, update(RightsIntake).where(far).values(due_at=now))


def _answer(db: Session, asked: RightsIntake, now: datetime) -> None:
    if held(db, fingerprint_of(asked.email)):
        db.delete(asked)
        places = _places(asked.email)
        if throttle.pour(db, places, now=now) is None:
            last = throttle.next_place(db, places, now=now)
            send(db, email=asked.email, locale=asked.locale, lasts_until=last, now=now)
    elif later := throttle.full_until(db, _hourly_unknown(), now=now):
        asked.due_at = later
    else:
        db.delete(asked)
        if throttle.take(db, _limit(1, "nothing held", asked.email), now=now):
            throttle.take(db, _hourly_unknown(), now=now)
            outbox.post(
                db, NoticeKind.NOTHING_HELD, email=asked.email, locale=asked.locale,
                facts={"link": "/rights", "dpo": settings().dpo_email}, now=now,
            )  # fmt: skip


def forget_requests(db: Session) -> int:
    """Delete every request that waits, and every link; return how many requests."""
    db.execute(delete(RightsLink))
    return changed(db, delete(RightsIntake))


def held(db: Session, fingerprint: bytes) -> bool:
    """Return whether anything is kept under this fingerprint: after an erasure, the evidence still is."""
    columns = (Subscriber.fingerprint, ConsentPayload.fingerprint, Suppression.fingerprint,
            RightsRequest.fingerprint)  # fmt: skip
    return any(db.scalar(select(exists().where(column == fingerprint))) for column in columns)


def send(db: Session, *, email: str, locale: str, lasts_until: datetime | None = None, now: datetime) -> UUID:
    """Send a fresh link to this mailbox; return its id."""
    link = RightsLink(
        email=email, fingerprint=fingerprint_of(email), locale=locale, created_at=now,
        lasts_until=lasts_until, expires_at=now + KEPT,
    )  # fmt: skip
    db.add(link)
    db.flush()
    facts = {"link": PATH, "purpose": Purpose.RIGHTS, "of": link.id.hex}
    if lasts_until:
        facts["until"] = lasts_until.isoformat()
    outbox.post(db, NoticeKind.RIGHTS, email=email, locale=locale, facts=facts, now=now)
    return link.id


def valid(db: Session, token: str, *, now: datetime) -> RightsLink | None:
    """Return the link of a token, None once it was used or has expired.  This does not use it."""
    try:
        of, signed_at = tokens.dated(Purpose.RIGHTS, token, max_age=KEPT)
    except BadToken:
        return None
    link = db.get(RightsLink, UUID(of))
    return link if link and link.used_at is None and now < _ends(link, signed_at) else None


def _ends(link: RightsLink, signed_at: datetime) -> datetime:
    return min(link.expires_at, max(signed_at + OPEN_FOR, link.lasts_until or signed_at))


def enter(db: Session, token: str, *, now: datetime) -> str | None:
    """Use a link; return the secret of the session it opens, kept nowhere, or None if it was not valid."""
    link = valid(db, token, now=now)
    if link is None:
        return None
    secret = secrets.token_urlsafe(32)
    opened = {"used_at": now, "session_digest": _digest(secret), "session_until": now + OPEN_FOR}
    unused = RightsLink.id == link.id, RightsLink.used_at.is_(None)
    if not changed(db, update(RightsLink).where(*unused).values(opened)):
        return None
    throttle.give_back(db, _places(link.email))
    return secret


def session(db: Session, secret: str, *, now: datetime) -> RightsLink | None:
    """Return the link whose open session has this secret."""
    mine = RightsLink.session_digest == _digest(secret), RightsLink.session_until > now
    return db.scalar(select(RightsLink).where(*mine))


def leave(link: RightsLink, *, now: datetime) -> None:
    """Close the session."""
    link.session_until = now


def form_token(secret: str) -> str:
    """Return what the forms of a session carry, so that no other page can send them."""
    return hmac.digest(secret.encode(), b"mailer.rights-form", hashlib.sha256).hex()


def forget(db: Session, *, now: datetime) -> None:
    """Delete the links that have expired."""
    db.execute(delete(RightsLink).where(*over(now)))


def over(now: datetime) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions that a link and its session have expired."""
    until = RightsLink.session_until
    return RightsLink.expires_at <= now, until.is_(None) | (until <= now)


def revoke(db: Session, fingerprint: bytes) -> None:
    """End every link and session of an address that is no longer theirs."""
    db.execute(delete(RightsLink).where(RightsLink.fingerprint == fingerprint))


def revoke_all(db: Session, emails: Collection[str]) -> None:
    """End every link and session of these mailboxes."""
    db.execute(delete(RightsLink).where(RightsLink.email.in_(emails)))


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _places(email: str) -> Bucket:
    return throttle.bucket(*LINKS, "rights of", mailbox(email))


def _limit(times: int, name: str, email: str) -> Limit:
    return throttle.limit(times, DAY, name, mailbox(email))


def _hourly_unknown() -> Limit:
    return throttle.limit(UNKNOWN_AN_HOUR, HOUR, "strangers told")
