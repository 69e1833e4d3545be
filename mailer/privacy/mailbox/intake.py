"""Take in the mails to the published address: each is read once, answered at most once, and never lost.

A mail is first handled in one transaction, then marked in its mailbox.  Between the two a crash costs
nothing: it is read again, and known by its digest.  The loop here opens these transactions itself, since
none may stay open while a server is spoken to.
"""

import hashlib
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mailer.core import circuit, heartbeats, imap, jobs, throttle, tokens
from mailer.core.address import mailbox as counted
from mailer.core.db import transaction, utcnow
from mailer.core.fingerprint import fingerprint_of
from mailer.core.imap import Mailbox, MailboxDown
from mailer.core.logging import log
from mailer.core.settings import Settings
from mailer.core.tokens import BadToken, Purpose
from mailer.delivery import reports
from mailer.newsletters.models import Newsletter
from mailer.notices import outbox
from mailer.privacy.cases import register
from mailer.privacy.mailbox import parse
from mailer.privacy.mailbox.parse import ParsedMail, Reason, Sort
from mailer.privacy.models import Channel, Right, RightsEvent, RightsRequest
from mailer.subscribers import subscribers, subscriptions

MAILS = 20  # read at a time: a confirmation does not wait for more of them
RECEIPTS_AN_HOUR = 100  # to whoever writes: beyond, cases are opened, and their receipt waits for a person
KEPT_FOR = timedelta(days=30)  # what was dealt with, in the mailbox
JOB, TIDY = "inbox", "inbox tidy"
READ, _READING = "inbox", UUID(int=2)  # the sign of life of its last reading
CHANNEL = "mailto"  # of a withdrawal
_LOCK = 0x696E626F78  # "inbox"


def work(settings: Settings) -> bool:
    """Read a few of the mails that wait; return whether there are more.  A mailbox that is down waits.

    Raises RowFailed for a mail that could not be handled: it stays where it is.
    """
    if settings.inbox_url is None:
        return False
    with transaction() as db:
        if circuit.standing(db, [circuit.INBOX], now=utcnow()):
            return False
        ours, aside = _ours(db, settings), jobs.set_aside(db, JOB)
    try:
        with imap.opened(settings.inbox_url.get_secret_value()) as mailbox:
            waiting = [uid for uid in mailbox.waiting() if str(uid) not in aside]
            for uid in waiting[:MAILS]:
                _handle(mailbox, uid, ours)
    except MailboxDown as error:
        _rest(error)
        return False
    with transaction() as db:
        circuit.clear(db, circuit.INBOX)
        heartbeats.take_turn(db, _READING, READ)
    return len(waiting) > MAILS


def tidy(settings: Settings) -> None:
    """Once a day: put away what was left to a person whose case is closed, and delete what is old."""
    if settings.inbox_url is None:
        return
    with transaction() as db:
        aside = jobs.set_aside(db, TIDY)
    try:
        with imap.opened(settings.inbox_url.get_secret_value()) as mailbox:
            for uid in (each for each in mailbox.flagged() if str(each) not in aside):
                raw = mailbox.fetch(uid) or b""
                with jobs.row(TIDY, uid), transaction() as db:
                    case = _known(db, _digest(raw))
                    settled = case is not None and case.closed_at is not None
                if settled:
                    mailbox.put_away(uid)
            mailbox.forget(register.today(utcnow()) - KEPT_FOR)
    except MailboxDown as error:
        _rest(error)


def take(db: Session, raw: bytes, ours: Collection[str] = (), *, now: datetime) -> bool:
    """Handle one mail; return whether a person must look at it.  The same mail again changes nothing."""
    db.execute(select(func.pg_advisory_xact_lock(_LOCK)))  # two workers do not open the same case
    mail, digest = parse.read(raw, ours), _digest(raw)
    if mail.sort is Sort.LEAVE and _leave(db, mail, now):
        return False
    if mail.sort is Sort.OURS:
        log.info("our own mail is left in the mailbox", reason=mail.reason)
        return True  # our own alert, where the officer reads this very mailbox
    known = _known(db, digest)
    if known is not None:
        return known.closed_at is None and _for_a_person(mail)
    _keep(db, mail, digest, now)
    return _for_a_person(mail)


def _handle(mailbox: Mailbox, uid: int, ours: Collection[str]) -> None:
    raw = mailbox.fetch(uid)
    if raw is None:
        return
    with jobs.row(JOB, uid), transaction() as db:
        for_a_person = take(db, raw, ours, now=utcnow())
    if for_a_person:
        mailbox.flag(uid)
    else:
        mailbox.put_away(uid)


def _leave(db: Session, mail: ParsedMail, now: datetime) -> bool:
    """Unsubscribe whom the token names, whoever wrote; return whether the token is ours."""
    try:
        delivery = tokens.read_delivery(Purpose.UNSUBSCRIBE, mail.token or "")
    except BadToken:
        return False
    addressee = reports.addressee(db, *delivery)
    subscription_id = addressee.subscription_id if addressee else None
    if subscription_id and subscriptions.withdraw(db, subscription_id, channel=CHANNEL, now=now):
        outbox.goodbye(db, subscription_id, now=now, answers=mail.message_id)
    return True


def _keep(db: Session, mail: ParsedMail, digest: str, now: datetime) -> None:
    """Add the mail to the case it is about, or open a case of its own, with its one receipt.

    One that quotes our reply from another mailbox is a stranger's: whoever was shown that reply can.
    """
    reason = Reason.BAD_TOKEN if mail.sort is Sort.LEAVE else mail.reason
    details: dict[str, Any] = {
        "mail": digest,
        "from": mail.written_by,
        "subject": mail.subject,
        "text": mail.text,
        "attachments": mail.attachments,
    }
    details |= {"reason": reason.value} if reason else {}
    answered = _answered(db, mail)
    theirs = answered if answered and _is_theirs(answered, mail) else None
    about = theirs if theirs and theirs.closed_at is None else _under_way(db, mail)
    if about is not None:
        register.note(db, about, "message", register.PERSON, now, **details)
        return
    locale = subscribers.locale_of(db, mail.sender, mail.locale) if mail.sender else mail.locale
    if answered:
        details["follows" if theirs else "quotes"] = answered.number
    case = register.open(
        db, right=parse.right_of(mail), channel=Channel.EMAIL, email=mail.sender, locale=locale,
        message_id=_unused(db, mail.message_id), receipt=False, now=now, **details,
    )  # fmt: skip
    if answered and not theirs and answered.closed_at is None:
        register.note(db, answered, "quoted", register.SERVICE, now, number=case.number)
    if reason is None and answered is None and _may_answer(db, mail, now):
        register.acknowledge(db, case, answers=mail.message_id, now=now)


def _is_theirs(case: RightsRequest, mail: ParsedMail) -> bool:
    """Return whether the mail says it comes from the mailbox that the case is about."""
    return mail.sender is not None and case.fingerprint == fingerprint_of(mail.sender)


def _answered(db: Session, mail: ParsedMail) -> RightsRequest | None:
    """Return the case of our mail that it says it answers."""
    for message_id in mail.answers:
        notice = message_id[1:].partition("@")[0]
        told = RightsEvent.what == "told", RightsEvent.details["notice"].astext == notice
        mine = select(RightsRequest).join(RightsEvent, RightsEvent.request_id == RightsRequest.id)
        case = db.scalar(mine.where(*told).limit(1)) if _is_id(notice) else None
        if case is not None:
            return case
    return None


def _under_way(db: Session, mail: ParsedMail) -> RightsRequest | None:
    """Return an open case that the same address began by mail, about the same right if one can tell."""
    if mail.sender is None:
        return None
    right = parse.right_of(mail)
    begun = RightsRequest.email == mail.sender, RightsRequest.channel == Channel.EMAIL
    cases = db.scalars(select(RightsRequest).where(*begun, RightsRequest.closed_at.is_(None)))
    return next((case for case in cases if Right.UNCLEAR in {right, case.right} or right is case.right), None)


def _may_answer(db: Session, mail: ParsedMail, now: datetime) -> bool:
    """Return whether a receipt may go: one a day to a mailbox, so that no machine is answered for ever.

    Beyond these limits it waits for a person: sent later by itself, it would flood whoever was forged.
    """
    if mail.sender is None:
        return False
    to_them = throttle.limit(1, timedelta(hours=24), "receipt to", counted(mail.sender))
    to_all = throttle.limit(RECEIPTS_AN_HOUR, timedelta(hours=1), "receipts")
    return throttle.take(db, to_them, now=now) and throttle.take(db, to_all, now=now)


def _for_a_person(mail: ParsedMail) -> bool:
    """Return whether a person must read it: it was not understood, or has attachments."""
    return mail.sort is not Sort.REQUEST or mail.attachments > 0


def _known(db: Session, digest: str) -> RightsRequest | None:
    """Return the case that this very mail is in already."""
    line = RightsEvent.details["mail"].astext == digest
    mine = select(RightsRequest).join(RightsEvent, RightsEvent.request_id == RightsRequest.id)
    return db.scalar(mine.where(line).limit(1))


def _unused(db: Session, message_id: str | None) -> str | None:
    """Return the Message-ID, None if another mail had the same: some programs repeat theirs."""
    taken = select(RightsRequest.id).where(RightsRequest.message_id == message_id)
    return None if message_id is None or db.scalar(taken) else message_id


def _ours(db: Session, settings: Settings) -> frozenset[str]:
    """Return the addresses we write from."""
    written_from = settings.rights_email, *db.scalars(select(Newsletter.from_address))
    return frozenset(address.lower() for address in written_from)


def _digest(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def _is_id(text: str) -> bool:
    try:
        return UUID(text).hex == text
    except ValueError:
        return False


def _rest(error: MailboxDown) -> None:
    log.warning("the inbox is down", inbox=str(error))
    with transaction() as db:
        circuit.hit(db, circuit.INBOX, str(error), now=utcnow())
