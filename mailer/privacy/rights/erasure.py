"""Erase somebody from all holdings (RGPD 17), in the caller's transaction: wholly, or not at all.

What stays is under a keyed fingerprint: the evidence and the case until their dates, a suppression, the
privacy log.  The ledger's rows stay without the person.  The case keeps the address until the
certificate has left, one hour at most (`finish`).

Whatever was held under an earlier address of theirs is theirs too.  While another mailbox may still undo a
change of address, mail stops and the erasure waits (erasure_wait.py); asked from that mailbox, it undoes the
change first.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    delete,
    exists,
    or_,
    select,
)
from sqlalchemy.orm import InstrumentedAttribute, Session

from mailer.core import audit
from mailer.core.db import changed
from mailer.core.fingerprint import fingerprint_of
from mailer.core.settings import settings
from mailer.delivery import erase as ledger
from mailer.delivery.models import Delivery
from mailer.imports import redact
from mailer.notices import erase as notices
from mailer.notices import testers
from mailer.notices.models import Notice, NoticeKind, Tester
from mailer.privacy.cases import old_mailbox, quoted, register
from mailer.privacy.cases.register import PERSON, SERVICE
from mailer.privacy.models import (
    AddressChange,
    Channel,
    Outcome,
    Right,
    RightsEvent,
    RightsIntake,
    RightsLink,
    RightsRequest,
)
from mailer.privacy.rights import address_undo, disclosures, erasure_certificate, erasure_wait, moves
from mailer.privacy.rights.erasure_certificate import ErasureCertificate
from mailer.privacy.rights.erasure_wait import ASKED, DONE
from mailer.privacylog import decisions
from mailer.privacylog.decisions import NEVER_AGAIN, Decision
from mailer.smtp.replies import WAITING
from mailer.subscribers import subscribers, suppressions
from mailer.subscribers.consent import chain, consent_file
from mailer.subscribers.consent.models import ConsentEvent, ConsentKind, ConsentPayload
from mailer.subscribers.models import (
    PreferencesRequest,
    SignupRequest,
    Subscriber,
    Subscription,
    Suppression,
    SuppressionReason,
)
from mailer.subscribers.suppressions import SuppressedAddress

CHANNEL = "rights"
WAIT = timedelta(hours=1)  # for the certificate to leave
FAILED = "not erased"  # in the case's history
STRUCTURE = frozenset({"right", "channel", "outcome", "kind", "notice", "by_post", "days", "end", "erased",
                       "never_again", "handed", "until", "restricted"})  # fmt: skip
EARLIER, TAKEN_FROM = "earlier", "taken_from"  # of what an erasure notes; they leave with the address
_BLANK = "—"  # instead of somebody's words
_BARE: tuple[InstrumentedAttribute[Any], ...] = (
    SignupRequest.email, PreferencesRequest.email, RightsIntake.email, Notice.email, Tester.email,
    AddressChange.old_email, AddressChange.new_email,
)  # fmt: skip


def ask(
    db: Session, email: str, *, never_again: bool, locale: str | None = None, channel: Channel = Channel.LINK,
    by: str = PERSON, case: RightsRequest | None = None, now: datetime,
) -> RightsRequest:  # fmt: skip
    """Record the request about a normalised address, in `case` or in one that is opened for it.

    In a transaction before the one that grants it, so that it outlives a failure (`erasure_worker.attempt`).
    Asking again while it waits changes nothing but `never_again`, and once it is done nothing.
    """
    fingerprint = fingerprint_of(email)
    waiting = select(RightsRequest).where(
        RightsRequest.fingerprint == fingerprint, RightsRequest.id.in_(erasure_wait.undone())
    )
    case = case or db.scalars(waiting.order_by(RightsRequest.number)).first()
    if case is None:
        case = register.open(
            db, right=Right.ERASURE, channel=channel, email=email, by=by, now=now, receipt=False,
            locale=locale or _locale(db, fingerprint),
        )  # fmt: skip
    elif any(step.what == DONE for step in register.history(db, case)):
        return case
    register.qualify(db, case, Right.ERASURE, by=by, now=now)
    case.email, case.fingerprint = email, fingerprint  # mail by post or a call may have come without any
    register.note(db, case, ASKED, by, now, never_again=never_again)
    return case


@dataclass(frozen=True)
class ErasureWaits:
    """Say until when an erasure waits: another mailbox may undo the change of address.  Mail has stopped."""

    case_id: UUID
    number: int
    until: date


def grant(db: Session, case_id: UUID, *, now: datetime) -> ErasureCertificate | ErasureWaits | None:
    """Erase all that is held, as a case asks, and send the certificate; return None when the case is closed.

    It is done once: a second call returns what was done.  The case stays open until the certificate has left.
    While a change of address may be undone, mail stops, and nothing is erased.

    The privacy officer is told of the files with the person in them that staff took out (RGPD 19).  The audit
    has a line if staff asked for it.  After any exception nothing is changed.
    """
    case = register.find(db, case_id)
    if case is None or case.closed_at or case.email is None:
        return None
    fingerprint = fingerprint_of(case.email)
    last = {step.what: step for step in register.history(db, case)}
    if done := last.get(DONE):
        return _outcome(db, case, fingerprint, done, first=False)
    request, case.acknowledged_at = last[ASKED], case.acknowledged_at or now
    never_again = request.details["never_again"]
    taken_from = address_undo.undo_all(db, case.email, now=now)
    if until := erasure_wait.hold(db, case, never_again=never_again, now=now):
        return ErasureWaits(case.id, case.number, register.today(until))
    handed = disclosures.files(db, fingerprint)
    earlier = earlier_addresses(db, fingerprint) - {case.email}
    rows = forget(db, fingerprint, {case.email}, never_again=never_again, now=now, keep=case.id)
    for email in sorted(taken_from):
        address_undo.tell_undone(db, email, case.locale, now=now)
    details = {
        "erased": rows, "never_again": never_again, "handed": disclosures.noted(handed),
        EARLIER: sorted(earlier), TAKEN_FROM: sorted(taken_from),
    }  # fmt: skip
    erased = _outcome(
        db, case, fingerprint, register.note(db, case, DONE, request.by, now, **details), first=True
    )
    words = erasure_certificate.words(case.locale, erased)
    register.tell(
        db, case, NoticeKind.ERASED, SERVICE, now, **erasure_certificate.facts(case.locale, words, now)
    )
    disclosures.tell(db, case, handed, now=now)
    if erased.by != PERSON:
        audited = {"case": erased.number, "rows": rows, "never_again": never_again}
        audit.record(db, who=erased.by, what="rights erase", details=audited, now=now)
    return erased


def _outcome(
    db: Session, case: RightsRequest, fingerprint: bytes, done: RightsEvent, *, first: bool
) -> ErasureCertificate:
    return ErasureCertificate(
        case_id=case.id, number=case.number, by=done.by, never_again=done.details["never_again"], first=first,
        rows=done.details["erased"], handed=disclosures.days(done.details),
        evidence_until=_evidence_until(db, fingerprint),
        backups_until=erasure_certificate.backups_until(done.at),
        suppressed=db.scalar(select(Suppression.reason).where(Suppression.fingerprint == fingerprint)),
        pending=_pending(db, fingerprint, case),
        earlier=len(consent_file.fingerprints(db, fingerprint)) > 1,
    )  # fmt: skip


def undone(db: Session, *, now: datetime) -> list[UUID]:
    """Return the cases whose erasure may be done and is not, the oldest first."""
    due = erasure_wait.undone().where(~erasure_wait.waiting(now))
    return list(db.scalars(due.order_by(RightsRequest.number)))


def failed(db: Session, case_id: UUID, *, now: datetime) -> None:
    """Record in the case, once, that it could not be done at once."""
    case = register.find(db, case_id)
    if case and all(step.what != FAILED for step in register.history(db, case)):
        register.note(db, case, FAILED, SERVICE, now)


def erase_fingerprint(
    db: Session, fingerprint: bytes, *, never_again: bool, now: datetime, channel: str = CHANNEL
) -> dict[str, int]:
    """Erase by fingerprint, without case or certificate; return as `forget` does."""
    return forget(
        db, fingerprint, addresses(db, fingerprint), never_again=never_again, now=now, channel=channel
    )


def forget(
    db: Session, fingerprint: bytes, emails: set[str], *, never_again: bool, now: datetime,
    keep: UUID | None = None, channel: str = CHANNEL,
) -> dict[str, int]:  # fmt: skip
    """Erase, leaving the case `keep` alone; return how many rows were deleted or blanked, by table.

    `emails`: the addresses of this fingerprint; those it had before are known here.
    """
    decisions.write(db, Decision.ERASURE, fingerprint, detail=NEVER_AGAIN if never_again else None)
    theirs = select(Subscriber.id).where(Subscriber.fingerprint == fingerprint)
    ids = list(db.scalars(theirs.with_for_update()))  # one, or none
    known, everywhere = (
        consent_file.fingerprints(db, fingerprint),
        emails | earlier_addresses(db, fingerprint),
    )
    _record(db, fingerprint, ids, channel, now)
    rows = Counter({
        Delivery.__tablename__: ledger.erase(db, ids),
        Notice.__tablename__: notices.erase(db, ids, emails),
        Tester.__tablename__: testers.erase(db, everywhere),
        **_erase_requests(db, ids, emails),
        AddressChange.__tablename__: _erase_changes(db, ids, emails, now),
        RightsLink.__tablename__: changed(
            db, delete(RightsLink).where(RightsLink.fingerprint == fingerprint)
        ),
        RightsRequest.__tablename__: _blank_cases(db, fingerprint, keep),
        **subscribers.erase(db, ids),
        **redact.erase(db, everywhere, known),
    })  # fmt: skip
    rows.update(quoted.erase(db, known))
    if never_again:
        suppressions.add_or_strengthen(db, SuppressedAddress(fingerprint, SuppressionReason.ERASED, now))
    return {table: count for table, count in rows.items() if count}


def addresses(db: Session, fingerprint: bytes) -> set[str]:
    """Return the addresses of this fingerprint, wherever they are still kept; nothing else can tell."""
    keyed: tuple[tuple[ColumnElement[Any], InstrumentedAttribute[Any]], ...] = (
        (Subscriber.fingerprint == fingerprint, Subscriber.email),
        (RightsLink.fingerprint == fingerprint, RightsLink.email),
        (RightsRequest.fingerprint == fingerprint, RightsRequest.email),
    )
    known = {email for mine, column in keyed for email in db.scalars(select(column).where(mine)) if email}
    if known:
        return known
    return {
        email
        for column in _BARE
        for email in db.scalars(select(column).where(column.is_not(None)).distinct())
        if fingerprint_of(email) == fingerprint
    }


def earlier_addresses(db: Session, fingerprint: bytes) -> set[str]:
    """Return the addresses that were theirs before this one, as far as they are still kept anywhere."""
    theirs = select(Subscriber.id).where(Subscriber.fingerprint == fingerprint)
    mine = AddressChange.subscriber_id.in_(theirs)
    kept: tuple[Select[Any], ...] = (
        select(Notice.email).where(Notice.about_id.in_(theirs), Notice.email.is_not(None)).distinct(),
        select(AddressChange.old_email).where(mine), select(AddressChange.new_email).where(mine),
    )  # fmt: skip
    known = consent_file.fingerprints(db, fingerprint)
    found = {email for query in kept for email in db.scalars(query)}
    return {email for email in found if fingerprint_of(email) in known}


def _locale(db: Session, fingerprint: bytes) -> str:
    known = db.scalar(select(Subscriber.locale).where(Subscriber.fingerprint == fingerprint))
    return known or settings().default_locale


def _record(db: Session, fingerprint: bytes, ids: list[UUID], channel: str, now: datetime) -> None:
    """Append one last event for each newsletter there is anything about, unless it was the last already."""
    subscribed = select(Subscription.newsletter_id).where(Subscription.subscriber_id.in_(ids))
    ended = set(db.scalars(subscribed.order_by(Subscription.id).with_for_update()))
    chain.lock(db)
    events = (
        select(ConsentPayload.newsletter_id, ConsentPayload.kind)
        .join(ConsentEvent, ConsentEvent.id == ConsentPayload.event_id)
        .where(ConsentPayload.fingerprint == fingerprint)
        .order_by(ConsentEvent.seq)
    )
    last = {row.newsletter_id: row.kind for row in db.execute(events)}
    ended |= {newsletter for newsletter, kind in last.items() if kind is not ConsentKind.ERASED}
    for newsletter_id in sorted(ended):
        chain.append(db, ConsentPayload(
            fingerprint=fingerprint, newsletter_id=newsletter_id, kind=ConsentKind.ERASED, at=now,
            channel=channel,
        ))  # fmt: skip


def _erase_requests(db: Session, ids: list[UUID], emails: set[str]) -> dict[str, int]:
    """Delete what forms received from these addresses, and from an earlier one until it was left."""
    left = AddressChange.subscriber_id.in_(ids), AddressChange.confirmed_at.is_not(None)
    before = db.execute(select(AddressChange.old_email, AddressChange.confirmed_at).where(*left)).all()
    rows = Counter[str]()
    for mine, until in [(emails, None), *(({row.old_email}, row.confirmed_at) for row in before)]:
        rows.update(subscribers.erase_requests(db, mine, until=until))
        asked = delete(RightsIntake).where(RightsIntake.email.in_(mine))
        intake = changed(db, asked.where(RightsIntake.at <= until) if until else asked)
        rows.update({RightsIntake.__tablename__: intake})
    return dict(rows)


def _erase_changes(db: Session, ids: list[UUID], emails: set[str], now: datetime) -> int:
    """Delete the changes of their address, and others' to or from it; close the cases that asked for them.

    Somebody else's change that may still be undone stays for those days: it is their way back.
    """
    theirs = AddressChange.subscriber_id.in_(ids)
    named = or_(AddressChange.old_email.in_(emails), AddressChange.new_email.in_(emails))
    gone = or_(theirs, named & ~and_(*old_mailbox.undoable(now)))
    found = db.scalars(select(AddressChange).where(gone).with_for_update()).all()
    for change in found:
        if change.confirmed_at is None:
            moves.close(db, change, Outcome.WITHDRAWN, now=now)
        db.delete(change)
    db.flush()
    return len(found)


def _blank_cases(db: Session, fingerprint: bytes, keep: UUID | None) -> int:
    """Blank the closed cases but for dates and outcome; open ones keep what their answer needs."""
    closed = RightsRequest.fingerprint == fingerprint, RightsRequest.closed_at.is_not(None)
    found = db.scalars(select(RightsRequest).where(*closed, RightsRequest.id != keep).with_for_update()).all()
    for case in found:
        _blank(db, case)
    return len(found)


def _blank(db: Session, case: RightsRequest) -> None:
    case.email = case.name = case.message_id = None
    case.extension_reason = case.extension_reason and _BLANK
    case.refusal_reason = case.refusal_reason and _BLANK
    for step in register.history(db, case):
        step.details = {name: value for name, value in step.details.items() if name in STRUCTURE}
    db.flush()


def _evidence_until(db: Session, fingerprint: bytes) -> date | None:
    """Return until when the last payload of the consent record is kept."""
    until = (
        select(ConsentEvent.expires_at)
        .join(ConsentPayload, ConsentPayload.event_id == ConsentEvent.id)
        .where(ConsentPayload.fingerprint == fingerprint)
        .order_by(ConsentEvent.expires_at.desc())
    )
    last = db.scalar(until.limit(1))
    return register.today(last) if last else None


def _pending(db: Session, fingerprint: bytes, case: RightsRequest) -> list[int]:
    others = (
        RightsRequest.fingerprint == fingerprint,
        RightsRequest.closed_at.is_(None),
        RightsRequest.id != case.id,
    )
    return list(db.scalars(select(RightsRequest.number).where(*others).order_by(RightsRequest.number)))


# -- afterwards ------------------------------------------------------------------


def unfinished(db: Session) -> list[UUID]:
    """Return the erasures whose case still has the address."""
    done = exists().where(RightsEvent.request_id == RightsRequest.id, RightsEvent.what == DONE)
    return list(
        db.scalars(
            select(RightsRequest.id)
            .where(RightsRequest.closed_at.is_(None), done)
            .order_by(RightsRequest.number)
        )
    )


def finish(db: Session, case_id: UUID, *, now: datetime) -> bool:
    """Delete the address, and close the case, once the certificate has left or an hour has passed."""
    case = register.find(db, case_id)
    if case is None or case.closed_at:
        return False
    told = written_to(db, case)
    leaving = select(exists().where(Notice.email.in_(told), Notice.state.in_(WAITING)))
    if db.scalar(leaving) and now < _erased_at(db, case) + WAIT:
        return False
    notices.erase_to(db, told)
    register.close(db, case, Outcome.GRANTED, by=SERVICE, now=now)
    _blank(db, case)
    return True


def written_to(db: Session, case: RightsRequest, *keys: str) -> set[str]:
    """Return the addresses that the case still has: where its certificate goes, and those they had before.

    `keys`: of what the erasure noted, those to be read; all by default.
    """
    done = next((step.details for step in register.history(db, case) if step.what == DONE), {})
    noted = {email for key in keys or (EARLIER, TAKEN_FROM) for email in done.get(key, [])}
    return noted | ({case.email} if case.email else set())


def _erased_at(db: Session, case: RightsRequest) -> datetime:
    done = RightsEvent.request_id == case.id, RightsEvent.what == DONE
    return (
        db.scalars(select(RightsEvent.at).where(*done).order_by(RightsEvent.id)).first() or case.received_at
    )
