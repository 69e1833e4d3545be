"""Single mails: confirmation, welcome, goodbye, a link that was asked for.

Written in an outbox within the transaction that causes them, and sent at least once: unlike a letter, a
confirmation that arrives twice harms nobody, and one that never arrives does.  So the claim itself sets the
next try; only the relay's answer takes a notice off the list.
"""

import random
import smtplib
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr
from uuid import UUID

from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session

from mailer import telemetry, tokens
from mailer.db import transaction, utcnow
from mailer.issues.merge import GREETING, fill, greeting
from mailer.issues.models import Newsletter
from mailer.issues.typography import long_day
from mailer.people.models import ConsentPayload, Subscriber, Subscription, SubscriptionState, Suppression
from mailer.people.signup import Decided, Due
from mailer.sending.models import Notice, NoticeKind
from mailer.sending.relay import Relay
from mailer.sending.rules import FINAL, DeliveryState, Reply, reply, retry_at, verdict
from mailer.sending.wording import CONSENTED_ON, LEAVE, LEGAL_TEXT, LINK, SOURCE, Frame, worded
from mailer.settings import Settings
from mailer.tokens import Purpose

BATCH = 20
INTRODUCED = 100  # imported people told at a time: a confirmation does not wait for more of them
_WAITING = (DeliveryState.PENDING, DeliveryState.DEFERRED)
_MEANT_FOR = {
    NoticeKind.CONFIRMATION: {SubscriptionState.PENDING},
    NoticeKind.WELCOME: {SubscriptionState.ACTIVE},
    NoticeKind.GOODBYE: {SubscriptionState.ENDED},
    NoticeKind.ALREADY: {SubscriptionState.ACTIVE},
    NoticeKind.PREFERENCES: {SubscriptionState.ACTIVE, SubscriptionState.ENDED},
}
_ANSWERS = {Due.CONFIRMATION: NoticeKind.CONFIRMATION, Due.ALREADY: NoticeKind.ALREADY}

_Found = tuple[Notice, Subscriber, Subscription, Newsletter, ConsentPayload | None, Suppression | None]


@dataclass(frozen=True)
class Claimed:
    """A notice to send now, as it stood when claimed."""

    id: UUID
    kind: NoticeKind
    subscription_id: UUID
    subscriber_id: UUID
    email: str
    name: str | None
    locale: str
    newsletter: Newsletter
    attempts: int
    first_tried: datetime
    answers: str | None = None
    source: str | None = None  # of an imported consent…
    consented_at: datetime | None = None  # …and when it was given there
    legal_text: str | None = None  # what it rests on instead, for a public task


def answer_signup(db: Session, decided: Decided, *, now: datetime) -> None:
    """Have the mailbox asked whether it wants this, or told that it has it already."""
    _enqueue(db, _ANSWERS[decided.due], decided.subscription_id, now)


def welcome(db: Session, subscription_id: UUID, *, now: datetime) -> None:
    """Have the new subscriber told that it worked; if imported, told where the address comes from."""
    _enqueue(db, NoticeKind.WELCOME, subscription_id, now)


def goodbye(db: Session, subscription_id: UUID, *, now: datetime, answers: str | None = None) -> None:
    """Have whoever left told that it worked, and how to undo it; `answers`: the Message-ID of their mail."""
    _enqueue(db, NoticeKind.GOODBYE, subscription_id, now, answers)


def send_preferences(db: Session, subscription_id: UUID, *, now: datetime) -> None:
    """Have the address on file given a fresh link to its preferences."""
    _enqueue(db, NoticeKind.PREFERENCES, subscription_id, now)


def introduce(db: Session, *, now: datetime, limit: int = INTRODUCED) -> int:
    """Have a few of the imported people told who has their address, and from where; how many.

    Before any letter (RGPD 14, 3 b).  One notice for each import: whom the relay refused, nobody writes to.
    """
    told = exists().where(
        Notice.subscriber_id == Subscription.subscriber_id,
        Notice.newsletter_id == Subscription.newsletter_id,
        Notice.kind == NoticeKind.WELCOME, Notice.created_at >= Subscription.changed_at,
    )  # fmt: skip
    barred = exists().where(
        Subscriber.id == Subscription.subscriber_id, Suppression.fingerprint == Subscriber.fingerprint
    )
    uninformed = Subscription.state == SubscriptionState.ACTIVE, Subscription.informed_at.is_(None)
    found = db.scalars(select(Subscription.id).where(*uninformed, ~told, ~barred).limit(limit)).all()
    for subscription_id in found:
        welcome(db, subscription_id, now=now)
    return len(found)


def waiting(db: Session, *, now: datetime) -> bool:
    """Whether a notice is due."""
    due = Notice.state.in_(_WAITING), Notice.due_at <= now
    return db.scalar(select(Notice.id).where(*due).limit(1)) is not None


def send_due(settings: Settings) -> int:
    """Send every notice that is due; how many were tried.  Raises RelayDown, before charging any with it."""
    tried = 0
    while True:
        with transaction() as db:
            if not waiting(db, now=utcnow()):
                return tried
        client = Relay.parse(settings.relay_url).connect()
        try:
            for claimed in _claim():
                _send(client, claimed, settings)
                tried += 1
        except smtplib.SMTPServerDisconnected:
            telemetry.log.warning("the relay hung up between notices")
            return tried
        finally:
            client.close()


def _enqueue(
    db: Session, kind: NoticeKind, subscription_id: UUID, now: datetime, answers: str | None = None
) -> None:
    of = db.get_one(Subscription, subscription_id)
    db.add(
        Notice(
            kind=kind,
            subscriber_id=of.subscriber_id,
            newsletter_id=of.newsletter_id,
            state=DeliveryState.PENDING,
            due_at=now,
            answers=answers,
            created_at=now,
        )
    )
    db.flush()


def _claim() -> list[Claimed]:
    """Take a few; what no longer has a reason to leave is withheld."""
    now = utcnow()
    with transaction() as db:
        due = Notice.state.in_(_WAITING), Notice.due_at <= now
        found = db.execute(
            select(Notice, Subscriber, Subscription, Newsletter, ConsentPayload, Suppression)
            .join(Subscriber, Subscriber.id == Notice.subscriber_id)
            .join(Newsletter, Newsletter.id == Notice.newsletter_id)
            .join(
                Subscription,
                (Subscription.subscriber_id == Subscriber.id) & (Subscription.newsletter_id == Newsletter.id),
            )
            .outerjoin(ConsentPayload, ConsentPayload.event_id == Subscription.consent_id)
            .outerjoin(Suppression, Suppression.fingerprint == Subscriber.fingerprint)
            .where(*due)
            .order_by(Notice.due_at)
            .limit(BATCH)
            .with_for_update(of=Notice, skip_locked=True)
        ).all()
        rows = (_taken(row, now) for row in found)
        return [row for row in rows if row]


def _taken(row: _Found, now: datetime) -> Claimed | None:
    notice, subscriber, subscription, newsletter, consent, suppression = row
    barred = suppression is not None and notice.kind is NoticeKind.WELCOME
    if barred or subscription.state not in _MEANT_FOR[notice.kind]:
        notice.state = DeliveryState.WITHHELD
        return None
    notice.first_tried = notice.first_tried or now
    notice.attempts += 1
    notice.due_at = retry_at(now, notice.attempts, _jitter())
    return Claimed(
        notice.id, notice.kind, subscription.id, subscriber.id, subscriber.email, subscriber.name,
        subscriber.locale, newsletter, notice.attempts, notice.first_tried, notice.answers,
        *((consent.source, consent.consented_at, consent.legal_text) if consent else ()),
    )  # fmt: skip


def _send(client: smtplib.SMTP, claimed: Claimed, settings: Settings) -> None:
    message = compose(claimed, settings, utcnow())
    answer = _submit(client, _return_path(claimed), claimed.email, message)
    now = utcnow()
    decided = verdict(
        answer, now=now, attempts=claimed.attempts, first_tried=claimed.first_tried, jitter=_jitter
    )
    with transaction() as db:
        notice = db.get(Notice, claimed.id, with_for_update=True)
        if notice is None or notice.state in FINAL:
            return
        notice.state, notice.code, notice.reply = decided.state, answer.code, answer.text
        notice.due_at = decided.due_at or now
        if decided.state is DeliveryState.ACCEPTED and claimed.kind is NoticeKind.WELCOME:
            mine = Subscription.id == claimed.subscription_id, Subscription.informed_at.is_(None)
            db.execute(update(Subscription).where(*mine).values(informed_at=now))
    telemetry.notices.labels(decided.state.value).inc()


def _submit(client: smtplib.SMTP, sender: str, recipient: str, message: EmailMessage) -> Reply:
    """The reply that decides.  Raises SMTPServerDisconnected: the notice is then tried again later."""
    options = [] if recipient.isascii() else ["SMTPUTF8"]
    for code, text in (client.mail(sender, options), client.rcpt(recipient)):
        if code // 100 != 2:
            client.rset()
            return reply(code, text)
    try:
        return reply(*client.data(message.as_bytes(policy=SMTP.clone(utf8=not recipient.isascii()))))
    except smtplib.SMTPDataError as error:
        said = error.smtp_error
        return reply(error.smtp_code, said if isinstance(said, bytes) else said.encode())


def _return_path(claimed: Claimed) -> str:
    """Null for what answers a mail: an answer to an answer would be a loop (RFC 3834, 3.3)."""
    return "" if claimed.answers else f"bounces@{claimed.newsletter.return_path_domain}"


def compose(claimed: Claimed, settings: Settings, now: datetime) -> EmailMessage:
    """The mail itself.  Auto-Submitted (RFC 3834): no out-of-office should answer it."""
    of = claimed.newsletter
    frame = Frame(of.name, of.theme, settings.controller_name, settings.public_url)
    page = worded(_words_of(claimed), claimed.locale, frame)
    name = _trusted_name(claimed)
    values = {
        GREETING: greeting(claimed.locale, name),
        LINK: _link(claimed, settings.public_url),
        LEAVE: f"{settings.public_url}/u/{_token(Purpose.LEAVE, claimed.subscription_id, of.slug)}",
        SOURCE: claimed.source or "",
        CONSENTED_ON: _day(claimed, settings),
        LEGAL_TEXT: claimed.legal_text or "",
    }
    message = EmailMessage(policy=SMTP)
    message["From"] = formataddr((of.from_name, of.from_address))
    message["To"] = formataddr((name or "", claimed.email))
    message["Reply-To"] = of.reply_to
    message["Subject"] = page.subject
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<{claimed.id.hex}@{of.return_path_domain}>"
    message["Auto-Submitted"] = "auto-replied" if claimed.answers else "auto-generated"
    if claimed.answers:
        message["In-Reply-To"] = message["References"] = claimed.answers
    message.set_content(fill(page.text, values, escape=False), cte="quoted-printable")
    message.add_alternative(fill(page.html, values, escape=True), subtype="html", cte="quoted-printable")
    return message


def _words_of(claimed: Claimed) -> str:
    if claimed.kind is NoticeKind.WELCOME and claimed.source:
        return "imported" if claimed.legal_text is None else "imported_by_law"
    return claimed.kind.value


def _trusted_name(claimed: Claimed) -> str | None:
    """The name the mailbox's owner gave: what a form says before they confirm may be anybody's text."""
    return None if claimed.kind is NoticeKind.CONFIRMATION else claimed.name


def _day(claimed: Claimed, settings: Settings) -> str:
    if claimed.consented_at is None:
        return ""
    return long_day(claimed.consented_at.astimezone(settings.zone).date(), claimed.locale)


def _link(claimed: Claimed, public_url: str) -> str:
    slug = claimed.newsletter.slug
    match claimed.kind:
        case NoticeKind.CONFIRMATION:
            return f"{public_url}/confirm/{_token(Purpose.CONFIRM, claimed.subscription_id, slug)}"
        case NoticeKind.GOODBYE:
            return f"{public_url}/back/{_token(Purpose.UNDO, claimed.subscription_id, slug)}"
        case NoticeKind.WELCOME:
            return f"{public_url}/{slug}/archive"
        case NoticeKind.ALREADY | NoticeKind.PREFERENCES:
            return f"{public_url}/preferences/{_token(Purpose.PREFERENCES, claimed.subscriber_id, slug)}"


def _token(purpose: Purpose, of: UUID, slug: str) -> str:
    """Whose link this is, and of which newsletter: an expired link still knows the way on."""
    return tokens.issue(purpose, [of.hex, slug])


def _jitter() -> float:
    return random.uniform(-1, 1)  # noqa: S311 -- spreads load, guards nothing
