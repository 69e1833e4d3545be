"""Single mails: confirmation, welcome, goodbye.

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

from sqlalchemy import select
from sqlalchemy.orm import Session

from mailer import telemetry, tokens
from mailer.db import transaction, utcnow
from mailer.issues.merge import GREETING, fill, greeting
from mailer.issues.models import Newsletter
from mailer.people.models import Subscriber, Subscription, SubscriptionState
from mailer.sending.models import Notice, NoticeKind
from mailer.sending.relay import Relay
from mailer.sending.rules import FINAL, DeliveryState, Reply, reply, retry_at, verdict
from mailer.sending.wording import LINK, Frame, worded
from mailer.settings import Settings
from mailer.tokens import Purpose

BATCH = 20
_WAITING = (DeliveryState.PENDING, DeliveryState.DEFERRED)
_MEANT_FOR = {
    NoticeKind.CONFIRMATION: SubscriptionState.PENDING,
    NoticeKind.WELCOME: SubscriptionState.ACTIVE,
    NoticeKind.GOODBYE: SubscriptionState.ENDED,
}


@dataclass(frozen=True)
class Claimed:
    """A notice to send now, as it stood when claimed."""

    id: UUID
    kind: NoticeKind
    subscription_id: UUID
    email: str
    name: str | None
    locale: str
    newsletter: Newsletter
    attempts: int
    first_tried: datetime


def ask_confirmation(db: Session, subscription_id: UUID, *, now: datetime) -> None:
    """Have the mailbox asked whether it wants this."""
    _enqueue(db, NoticeKind.CONFIRMATION, subscription_id, now)


def welcome(db: Session, subscription_id: UUID, *, now: datetime) -> None:
    """Have the new subscriber told that it worked."""
    _enqueue(db, NoticeKind.WELCOME, subscription_id, now)


def goodbye(db: Session, subscription_id: UUID, *, now: datetime) -> None:
    """Have whoever left told that it worked, and how to undo it."""
    _enqueue(db, NoticeKind.GOODBYE, subscription_id, now)


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


def _enqueue(db: Session, kind: NoticeKind, subscription_id: UUID, now: datetime) -> None:
    of = db.get_one(Subscription, subscription_id)
    db.add(
        Notice(
            kind=kind,
            subscriber_id=of.subscriber_id,
            newsletter_id=of.newsletter_id,
            state=DeliveryState.PENDING,
            due_at=now,
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
            select(Notice, Subscriber, Subscription, Newsletter)
            .join(Subscriber, Subscriber.id == Notice.subscriber_id)
            .join(Newsletter, Newsletter.id == Notice.newsletter_id)
            .join(
                Subscription,
                (Subscription.subscriber_id == Subscriber.id) & (Subscription.newsletter_id == Newsletter.id),
            )
            .where(*due)
            .order_by(Notice.due_at)
            .limit(BATCH)
            .with_for_update(of=Notice, skip_locked=True)
        ).all()
        rows = (_taken(*row, now) for row in found)
        return [row for row in rows if row]


def _taken(
    notice: Notice, subscriber: Subscriber, subscription: Subscription, newsletter: Newsletter, now: datetime
) -> Claimed | None:
    if subscription.state is not _MEANT_FOR[notice.kind]:
        notice.state = DeliveryState.WITHHELD
        return None
    notice.first_tried = notice.first_tried or now
    notice.attempts += 1
    notice.due_at = retry_at(now, notice.attempts, _jitter())
    return Claimed(
        notice.id, notice.kind, subscription.id, subscriber.email, subscriber.name, subscriber.locale,
        newsletter, notice.attempts, notice.first_tried,
    )  # fmt: skip


def _send(client: smtplib.SMTP, claimed: Claimed, settings: Settings) -> None:
    message = compose(claimed, settings, utcnow())
    answer = _submit(client, f"bounces@{claimed.newsletter.return_path_domain}", claimed.email, message)
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


def compose(claimed: Claimed, settings: Settings, now: datetime) -> EmailMessage:
    """The mail itself.  Auto-Submitted (RFC 3834): no out-of-office should answer it."""
    of = claimed.newsletter
    frame = Frame(of.name, of.theme, settings.controller_name, settings.public_url)
    page = worded(claimed.kind.value, claimed.locale, frame)
    values = {GREETING: greeting(claimed.locale, claimed.name), LINK: _link(claimed, settings.public_url)}
    message = EmailMessage(policy=SMTP)
    message["From"] = formataddr((of.from_name, of.from_address))
    message["To"] = formataddr((claimed.name or "", claimed.email))
    message["Reply-To"] = of.reply_to
    message["Subject"] = page.subject
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<{claimed.id.hex}@{of.return_path_domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(fill(page.text, values, escape=False), cte="quoted-printable")
    message.add_alternative(fill(page.html, values, escape=True), subtype="html", cte="quoted-printable")
    return message


def _link(claimed: Claimed, public_url: str) -> str:
    match claimed.kind:
        case NoticeKind.CONFIRMATION:
            token = tokens.issue(Purpose.CONFIRM, str(claimed.subscription_id))
            return f"{public_url}/confirm/{token}"
        case NoticeKind.GOODBYE:
            token = tokens.issue(Purpose.UNDO, str(claimed.subscription_id))
            return f"{public_url}/back/{token}"
        case NoticeKind.WELCOME:
            return f"{public_url}/{claimed.newsletter.slug}/archive"


def _jitter() -> float:
    return random.uniform(-1, 1)  # noqa: S311 -- spreads load, guards nothing
