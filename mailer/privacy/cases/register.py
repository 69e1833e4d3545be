"""Keep every request as a case, with its deadline, its replies and its history (RGPD 12).

Replies are sent from here; what a right does to the data is done elsewhere, and recorded here by `close`.
A From line or a postal address identifies nobody: who a case is about is only claimed.
"""

from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from dateutil.relativedelta import relativedelta
from sqlalchemy import ColumnElement, exists, func, or_, select
from sqlalchemy.orm import Session

from mailer.core import i18n, jobs
from mailer.core.fingerprint import fingerprint_of
from mailer.core.settings import settings
from mailer.notices import outbox
from mailer.notices.message import Letterhead
from mailer.notices.models import Notice, NoticeKind
from mailer.notices.templates import LEAVE, LINK, Frame, notice_page, text_of
from mailer.privacy.cases import fulfilment
from mailer.privacy.cases.deadlines import Clock
from mailer.privacy.models import Channel, Outcome, Right, RightsEvent, RightsRequest
from mailer.privacylog import decisions
from mailer.privacylog.decisions import Decision
from mailer.rendering.merge_fields import GREETING, greeting
from mailer.rendering.typography import long_day
from mailer.smtp.replies import WAITING

PERSONAL = frozenset({"from", "subject", "text", "words", "details"})  # free text in a history
CHUNK = 100  # cases
CLOSED = "closed cases"  # the job that deletes their addresses
LISTED = 500  # at most
OLDEST = timedelta(days=730)  # a request that is recorded later came within that time
SERVICE, PERSON = "service", "person"  # who did something, when it was no staff
UNSAID = {Outcome.WITHDRAWN: "withdrawn", Outcome.UNIDENTIFIED: "unidentified"}  # told without words too
ERASING = "to erase"  # in a history: from here on, the case ends by itself


class ClosedCase(Exception):
    """Say that a case is closed."""

    def __init__(self) -> None:
        super().__init__("this case is closed: nothing more happens to it")


class BeingErased(Exception):
    """Say that a case about an erasure closes by itself, since it holds the address until then."""

    def __init__(self) -> None:
        super().__init__(
            "the data of this case are being erased: it closes by itself once the certificate has left, "
            "within the hour"
        )


class AlreadyPaused(Exception):
    """Say that the clock is stopped already, and that what was typed was not sent."""

    def __init__(self) -> None:
        super().__init__("the clock of this case is stopped already, and this question was not sent")


class TooLate(Exception):
    """Say that the last day to extend is past, or that a case was extended already (RGPD 12(3))."""

    def __init__(self, last: date) -> None:
        self.last = last
        super().__init__(f"this case can no longer be extended: once, and until its due date ({last})")


class BadDay(ValueError):
    """Say that a request cannot have come on that day: it is in the future, or years ago."""

    def __init__(self, future: bool) -> None:
        self.future = future


class AlreadyAnswered(Exception):
    """Say that a receipt has left: whoever has one is told how their case ends."""

    def __init__(self) -> None:
        super().__init__("a receipt has left for this case: close it with a reply")


class NoWords(Exception):
    """Say that a reply has no text: the reason of a refusal or of an extension, an answer."""

    def __init__(self) -> None:
        super().__init__("a reply needs words: say why")


def open(
    db: Session,
    *,
    right: Right,
    channel: Channel,
    email: str | None,
    locale: str,
    now: datetime,
    by: str = PERSON,
    name: str | None = None,
    received_at: datetime | None = None,
    message_id: str | None = None,
    receipt: bool = True,
    **details: Any,
) -> RightsRequest:
    """Open a case, from a normalised address if there is one, and send its receipt there.

    `received_at`: when it came in, for mail by post or a call recorded later.  `message_id`: of the mail it
    came in, which the receipt answers.  `details` go in its history, and leave it with the address.
    """
    received = received_at or now
    case = RightsRequest(
        right=right, channel=channel, email=email,
        fingerprint=fingerprint_of(email) if email else None,
        name=name, locale=locale, received_at=received, message_id=message_id,
        due_on=Clock(today(received)).due,
    )  # fmt: skip
    db.add(case)
    db.flush()
    decisions.write(
        db, Decision.CASE, case.fingerprint or decisions.NOBODY, subject=case.id, detail=right.value
    )
    note(db, case, "opened", by, now, right=right, channel=channel, **details)
    if receipt:
        acknowledge(db, case, now=now)
    return case


def restore(
    db: Session, case_id: UUID, *, right: Right, fingerprint: bytes | None, received_at: datetime,
    answered_at: datetime | None, now: datetime,
) -> None:  # fmt: skip
    """Open a case again of which a restore left only the right and the dates: it is owed an answer."""
    case = RightsRequest(
        id=case_id, right=right, channel=Channel.TERMINAL, fingerprint=fingerprint,
        locale=settings().default_locale, received_at=received_at, due_on=Clock(today(received_at)).due,
        closed_at=answered_at, outcome=Outcome.GRANTED if answered_at else None,
    )  # fmt: skip
    db.add(case)
    db.flush()
    note(db, case, "restored", SERVICE, now)


def acknowledge(
    db: Session, case: RightsRequest, *, answers: str | None = None, now: datetime
) -> bool:  # fmt: skip
    """Send the receipt, once, if there is an address; return whether it will be sent.

    `answers`: the Message-ID of the mail it came in, unless the case knows.
    """
    if case.acknowledged_at or case.email is None:
        return False
    case.acknowledged_at = now
    tell(db, case, NoticeKind.RECEIPT, SERVICE, now, answers=answers or case.message_id, link="/rights")
    return True


def find(db: Session, which: UUID | int) -> RightsRequest | None:
    """Return a case by its id, or by the number people quote, locked."""
    one = RightsRequest.id == which if isinstance(which, UUID) else RightsRequest.number == which
    return db.scalar(select(RightsRequest).where(one).with_for_update())


def unread() -> tuple[ColumnElement[bool], ...]:
    """Return the conditions that a mail opened a case and got no receipt: a person reads it first."""
    open_ = RightsRequest.closed_at.is_(None), RightsRequest.channel == Channel.EMAIL
    return *open_, RightsRequest.acknowledged_at.is_(None)


def count_unread(db: Session, *, before: datetime | None = None) -> int:
    """Return how many mails wait for a person; `before`: those that came by then."""
    came = () if before is None else (RightsRequest.received_at <= before,)
    return db.scalar(select(func.count()).select_from(RightsRequest).where(*unread(), *came)) or 0


def list_unread(db: Session, limit: int = LISTED) -> list[tuple[RightsRequest, dict[str, Any]]]:
    """Return the mails that wait for a person, the oldest first, each with what its first step says."""
    found = select(RightsRequest).where(*unread()).order_by(RightsRequest.received_at, RightsRequest.number)
    return [(case, history(db, case)[0].details) for case in db.scalars(found.limit(limit))]


def listing(db: Session, *, closed: bool = False, limit: int = LISTED) -> list[RightsRequest]:
    """Return the open cases by due date, the most urgent first; or the closed ones, the newest first."""
    if closed:
        order = RightsRequest.closed_at.desc(), RightsRequest.number.desc()
        chosen = select(RightsRequest).where(RightsRequest.closed_at.is_not(None)).order_by(*order)
    else:
        soonest = RightsRequest.paused_at.is_not(None), RightsRequest.due_on, RightsRequest.number
        chosen = select(RightsRequest).where(RightsRequest.closed_at.is_(None)).order_by(*soonest)
    return list(db.scalars(chosen.limit(limit)))


def history(db: Session, case: RightsRequest) -> list[RightsEvent]:
    """Return all that happened to it, the oldest first."""
    mine = select(RightsEvent).where(RightsEvent.request_id == case.id)
    return list(db.scalars(mine.order_by(RightsEvent.id)))


def clock(db: Session, case: RightsRequest) -> Clock:
    """Return what decides its due date."""
    paused = [step.details["days"] for step in history(db, case) if step.what == "resumed"]
    return Clock(
        received=today(case.received_at),
        extended=case.extended_at is not None,
        paused=timedelta(days=sum(paused)),
        paused_since=today(case.paused_at) if case.paused_at else None,
    )


def qualify(db: Session, case: RightsRequest, right: Right, *, by: str, now: datetime) -> None:
    """Set the right it is about, once somebody has read it.  Raises ClosedCase."""
    _must_be_open(case)
    if right is not case.right:
        case.right, case.handler = right, by
        note(db, case, "qualified", by, now, right=right)


def pause(db: Session, case: RightsRequest, words: str, *, by: str, now: datetime) -> None:
    """Ask who they are, and stop the clock until they have said (RGPD 12(6)).

    Raises ClosedCase, NoWords, AlreadyPaused.
    """
    _must_be_open(case)
    words = _worded(words)
    if case.paused_at:
        raise AlreadyPaused
    case.paused_at, case.handler = now, by
    note(db, case, "paused", by, now)
    tell(db, case, NoticeKind.IDENTITY, by, now, words=words)


def resume(db: Session, case: RightsRequest, *, by: str, now: datetime) -> bool:
    """Run the clock again, due later by the days it was stopped; return False if it was running.

    Raises ClosedCase.
    """
    _must_be_open(case)
    if case.paused_at is None:
        return False
    before = clock(db, case)
    after = before.resume(today(now))
    case.paused_at, case.due_on, case.handler = None, after.due, by
    note(db, case, "resumed", by, now, days=(after.paused - before.paused).days)
    tell(db, case, NoticeKind.LETTER, by, now, words=i18n.words("cases", case.locale)["enough"])
    return True


def extend(db: Session, case: RightsRequest, reason: str, *, by: str, now: datetime) -> None:
    """Extend by two months, and tell why.  Raises ClosedCase, NoWords, TooLate."""
    _must_be_open(case)
    running = clock(db, case)
    if not running.may_extend(today(now)):
        raise TooLate(running.due)
    case.extension_reason, case.extended_at = _worded(reason), now
    case.due_on, case.handler = running.extended_due, by
    note(db, case, "extended", by, now)
    tell(db, case, NoticeKind.EXTENDED, by, now, words=case.extension_reason)


def write(db: Session, case: RightsRequest, words: str, *, by: str, now: datetime) -> None:
    """Reply without closing the case.  Raises ClosedCase, NoWords."""
    _must_be_open(case)
    case.handler = by
    tell(db, case, NoticeKind.LETTER, by, now, words=_worded(words))


def refuse(db: Session, case: RightsRequest, reason: str, *, by: str, now: datetime) -> None:
    """Refuse, with the reason and the remedies (RGPD 12(4)).

    Raises ClosedCase, NoWords, BeingErased.
    """
    must_be_closable(db, case, by)
    case.refusal_reason = _worded(reason)
    tell(db, case, NoticeKind.REFUSED, by, now, words=case.refusal_reason)
    close(db, case, Outcome.REFUSED, by=by, now=now)


def close(
    db: Session, case: RightsRequest, outcome: Outcome, *, by: str, now: datetime, words: str = ""
) -> None:
    """End a case; with `words`, they are the answer.

    Raises ClosedCase, BeingErased; NoWords for a refusal without a reason, or when whoever has a receipt is
    to be told that it was no request; NotDone where the outcome contradicts the ledger or the file.

    A case keeps its address until its last reply has left, and is kept itself for as long as evidence is.
    """
    must_be_closable(db, case, by)
    if outcome is Outcome.REFUSED and not case.refusal_reason:
        raise NoWords
    if by != SERVICE:
        fulfilment.check(db, case, outcome)
        words = words.strip() or closing_words(case, outcome)
    if words.strip():
        tell(db, case, closing_notice(outcome), by, now, words=_worded(words))
    case.closed_at, case.outcome, case.handler, case.paused_at = now, outcome, by, None
    case.forget_at = now + relativedelta(years=settings().evidence_years)
    note(db, case, "closed", by, now, outcome=outcome)


def closing_notice(outcome: Outcome) -> NoticeKind:
    """Return the notice that says how a case ends."""
    return NoticeKind.GIVEN_UP if outcome is Outcome.WITHDRAWN else NoticeKind.ANSWERED


def closing_words(case: RightsRequest, outcome: Outcome) -> str:
    """Return what an ending says where nobody wrote anything; "" where it says nothing.

    Whoever says that a request is withdrawn may not be who made it: its mailbox is told.  Raises NoWords.
    """
    if outcome is Outcome.NOT_A_REQUEST and case.acknowledged_at:
        raise NoWords
    return str(i18n.words("cases", case.locale)[UNSAID[outcome]]) if outcome in UNSAID else ""


def dismiss(db: Session, case: RightsRequest, *, by: str, now: datetime) -> None:
    """Close, without a word, what is no request: a machine's mail that nobody was answered.

    Raises ClosedCase, BeingErased, AlreadyAnswered.
    """
    _must_be_open(case)
    if case.acknowledged_at:
        raise AlreadyAnswered
    close(db, case, Outcome.NOT_A_REQUEST, by=by, now=now)


def tell(
    db: Session, case: RightsRequest, kind: NoticeKind, by: str, now: datetime, *, words: str = "",
    answers: str | None = None, link: str = "", **more: str,
) -> UUID | None:  # fmt: skip
    """Send a notice about a case; return its id.

    Without an address, return None: it goes by post, as the history says.
    """
    notice = None
    if case.email:
        facts = {**facts_of(case, case.locale), **more, "words": words, "link": link}
        notice = outbox.post(
            db, kind, email=case.email, name=case.name, locale=case.locale, facts=facts, answers=answers,
            now=now,
        )  # fmt: skip
    sent = {"notice": notice.hex} if notice else {"by_post": True}
    note(db, case, "told", by, now, kind=kind, **sent, **({"words": words} if words else {}))
    return notice


def forget_addresses(db: Session) -> int:
    """Delete the address, name and free text of closed cases whose last reply has left; return how many."""
    leaving = exists().where(Notice.email == RightsRequest.email, Notice.state.in_(WAITING))
    named = or_(RightsRequest.email.is_not(None), RightsRequest.name.is_not(None))
    done = RightsRequest.closed_at.is_not(None), named, ~leaving, jobs.to_try(CLOSED, RightsRequest.id)
    chosen = select(RightsRequest).where(*done).limit(CHUNK).with_for_update(skip_locked=True)
    found = db.scalars(chosen).all()
    for case in found:
        with jobs.row(CLOSED, case.id, db):
            case.email = case.name = None
            for step in history(db, case):
                step.details = {name: value for name, value in step.details.items() if name not in PERSONAL}
    return len(found)


def reply_text(case: RightsRequest, kind: NoticeKind, words: str, *, due: date | None = None) -> str:
    """Return the text of a reply as it would leave; for an extension, with its new due date."""
    letterhead = Letterhead.of_controller(settings())
    frame = Frame(letterhead.name, letterhead.theme, settings().controller_name, settings().public_url)
    facts = facts_of(case, case.locale) | ({"due": long_day(due, case.locale)} if due else {})
    values = {**facts, "words": words, GREETING: greeting(case.locale, case.name), LINK: "", LEAVE: ""}
    return text_of(notice_page(kind, case.locale, frame), values)


def facts_of(case: RightsRequest, locale: str) -> dict[str, str]:
    """Return the values of the placeholders in a reply's text."""
    return {
        "number": str(case.number),
        "right": i18n.label(case.right, locale, "told"),
        "received": long_day(today(case.received_at), locale),
        "due": long_day(case.due_on, locale),
        "dpo": settings().dpo_email,
        "court": i18n.words("cases", locale)["court"][settings().public_body],
    }


def note(db: Session, case: RightsRequest, what: str, by: str, now: datetime, **details: Any) -> RightsEvent:
    """Add a step to its history.  The details hold JSON values."""
    step = RightsEvent(request_id=case.id, at=now, what=what, by=by, details=details)
    db.add(step)
    db.flush()
    return step


def arrived(day: date, now: datetime) -> datetime:
    """Return the instant of a request whose day alone is known: noon, or now if today.  Raises BadDay."""
    current = today(now)
    if day > current or day < current - OLDEST:
        raise BadDay(day > current)
    return now if day == current else datetime.combine(day, time(12), settings().zone)


def today(at: datetime) -> date:
    """Return the day it is then, where the body is."""
    return at.astimezone(settings().zone).date()


def _must_be_open(case: RightsRequest) -> None:
    if case.closed_at:
        raise ClosedCase


def must_be_closable(db: Session, case: RightsRequest, by: str) -> None:
    """Check that it is open, and does not close by itself.  Raises ClosedCase, BeingErased."""
    _must_be_open(case)
    if by != SERVICE and is_erasing(db, case):
        raise BeingErased


def is_erasing(db: Session, case: RightsRequest) -> bool:
    """Return whether an erasure was asked for in it."""
    return any(step.what == ERASING for step in history(db, case))


def tidy(words: str) -> str:
    """Return what somebody typed, with uniform line ends and without unprintable characters."""
    lines = "\n".join(line.rstrip() for line in words.strip().splitlines())
    return "".join(c for c in lines if c.isprintable() or c == "\n")


def _worded(words: str) -> str:
    """Return tidied text.  Raises NoWords if there is none."""
    text = tidy(words)
    if not text.strip():
        raise NoWords
    return text
