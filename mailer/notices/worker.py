"""Send the notices that are due."""

import random
import smtplib
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from mailer.core import jobs, logging, tokens
from mailer.core.db import transaction, utcnow
from mailer.core.fingerprint import fingerprint_of
from mailer.core.logging import log
from mailer.core.settings import Settings
from mailer.core.tokens import Purpose
from mailer.newsletters.models import Newsletter
from mailer.notices.message import ClaimedNotice, Letterhead, compose, leave_link, link_of, return_path
from mailer.notices.models import Notice, NoticeKind
from mailer.notices.outbox import JOB, waiting
from mailer.rendering.typography import long_day, long_instant
from mailer.smtp import dkim
from mailer.smtp.dkim import Signer
from mailer.smtp.relay import Relay
from mailer.smtp.replies import FINAL, WAITING, DeliveryState, Reply, reply, retry_at, verdict
from mailer.subscribers import subscriptions
from mailer.subscribers.consent.given import given
from mailer.subscribers.consent.models import ConsentPayload
from mailer.subscribers.eligibility import Withheld, own_word, receives
from mailer.subscribers.models import Subscriber, Subscription, SubscriptionState
from mailer.subscribers.recipients import recipient

HANG_UPS = 2  # in a row, after which the relay is left alone for a while
NOT_COMPOSED = Reply(451, "", "not written")  # ours, when the mail cannot be composed: try again later
NO_SMTPUTF8 = Reply(553, "5.6.7", "the relay does not offer SMTPUTF8")  # RFC 6531, 3.5


_STATES_FOR = {
    NoticeKind.CONFIRMATION: {SubscriptionState.PENDING, SubscriptionState.ACTIVE},
    NoticeKind.WELCOME: {SubscriptionState.ACTIVE},
    NoticeKind.GOODBYE: {SubscriptionState.ENDED},
    NoticeKind.ALREADY: {SubscriptionState.ACTIVE},
    NoticeKind.PREFERENCES: {SubscriptionState.ACTIVE, SubscriptionState.ENDED},
}


_TO_READERS = {NoticeKind.WELCOME, NoticeKind.ALREADY}  # they say that the newsletter is being sent


def send_due(settings: Settings) -> int:
    """Send every notice that is due, each failing by itself alone; return how many were tried.

    Raises RelayDown, or DkimKeyMissing where they must be signed, before counting an attempt; RowFailed for
    one that cannot be composed.
    """
    tried, hung_up, signer = 0, 0, dkim.load(settings)
    while hung_up < HANG_UPS and _waiting():
        client = Relay.parse(settings.relay_url).connect()
        try:
            while claimed := _claim(settings):
                tried += 1
                with jobs.row(JOB, claimed.id, passing=(smtplib.SMTPServerDisconnected,)):
                    _send(client, claimed, settings, signer)
                hung_up = 0
            return tried
        except smtplib.SMTPServerDisconnected:
            log.warning("the relay hung up on a notice")
            hung_up += 1
        finally:
            client.close()
    return tried


def _waiting() -> bool:
    with transaction() as db:
        return waiting(db, now=utcnow())


def _claim(settings: Settings) -> ClaimedNotice | None:
    """Claim the next notice; withhold those whose reason no longer holds."""
    while True:
        with transaction() as db:
            row = _next_due(db, utcnow())
            if row is None:
                return None
            with jobs.row(JOB, row[0].id, db):
                claimed = _to_send(row, utcnow(), settings)
        if claimed:
            return claimed


def _next_due(db: Session, now: datetime) -> Row[*tuple[Any, ...]] | None:
    """Return the notice that has waited longest, locked, with what it is about."""
    due = Notice.state.in_(WAITING), Notice.due_at <= now, jobs.to_try(JOB, Notice.id)
    may_receive = recipient()
    return db.execute(
        select(Notice, Subscriber, Subscription, Newsletter, ConsentPayload, may_receive.c.withheld)
        .outerjoin(Subscriber, Subscriber.id == Notice.subscriber_id)
        .outerjoin(Newsletter, Newsletter.id == Notice.newsletter_id)
        .outerjoin(
            Subscription,
            (Subscription.subscriber_id == Subscriber.id) & (Subscription.newsletter_id == Newsletter.id),
        )
        .outerjoin(ConsentPayload, ConsentPayload.event_id == given(Subscription.consent_id))
        .outerjoin(may_receive, may_receive.c.subscription_id == Subscription.id)
        .where(*due)
        .order_by(Notice.due_at)
        .limit(1)
        .with_for_update(of=Notice, skip_locked=True)
    ).one_or_none()


def _to_send(row: Any, now: datetime, settings: Settings) -> ClaimedNotice | None:
    notice = row[0]
    if notice.email is None and not _has_reason(row):
        notice.state = DeliveryState.WITHHELD
        return None
    _charge(notice, now)
    return _to_an_address(notice, settings) if notice.email else _to_a_subscriber(row, settings)


def _has_reason(row: Any) -> bool:
    """Return whether what the notice says of a subscription still holds."""
    notice, subscriber, subscription, _, consent, withheld = row
    if subscriber is None or fingerprint_of(subscriber.email) != subscriber.fingerprint:
        return False  # the address is not the one that the person gave
    if subscription is None or subscription.state not in _STATES_FOR[notice.kind]:
        return False
    if notice.kind in _TO_READERS:
        return receives(withheld)
    if notice.kind is NoticeKind.CONFIRMATION and subscription.state is SubscriptionState.ACTIVE:
        return withheld is Withheld.SUPPRESSED or not own_word(consent.kind)
    return True


def _charge(notice: Notice, now: datetime) -> None:
    """Count an attempt, and set when the next would be."""
    notice.first_tried = notice.first_tried or now
    notice.attempts += 1
    notice.due_at = retry_at(now, notice.attempts, _jitter())


def _to_an_address(notice: Notice, settings: Settings) -> ClaimedNotice:
    facts = dict(notice.facts or {})
    link, purpose, of = (facts.pop(name, "") for name in ("link", "purpose", "of"))
    token = tokens.issue(Purpose(purpose), of) if purpose else ""
    locale = notice.locale or settings.default_locale
    words = _words_of_last(notice, notice.kind.value)
    return ClaimedNotice(
        notice.id, notice.kind, words, Letterhead.of_controller(settings), notice.email or "",
        notice.name, locale, notice.attempts, notice.first_tried or notice.due_at,
        link=f"{settings.public_url}{link}{token}" if link else "",
        facts=facts | _until(notice, locale, settings), answers=notice.answers,
    )  # fmt: skip


def _to_a_subscriber(row: Any, settings: Settings) -> ClaimedNotice:
    notice, subscriber, subscription, newsletter, consent, withheld = row
    base, slug = settings.public_url, newsletter.slug
    received = consent is not None and withheld is not Withheld.SUPPRESSED
    words = _words_of_last(notice, _words_of(notice.kind, consent, received=received))
    until = (notice.facts or {}).get("until")
    return ClaimedNotice(
        notice.id, notice.kind, words, Letterhead.of_newsletter(newsletter),
        subscriber.email, subscriber.name, subscriber.locale, notice.attempts, notice.first_tried,
        link=link_of(notice.kind, slug, subscription.id, subscriber.id, base, until=until),
        leave=leave_link(slug, subscription.id, base),
        facts=_provenance(consent, subscriber.locale, settings) | _until(notice, subscriber.locale, settings),
        answers=notice.answers, subscription_id=subscription.id,
    )  # fmt: skip


def _words_of(kind: NoticeKind, consent: ConsentPayload | None, *, received: bool) -> str:
    if kind is NoticeKind.CONFIRMATION and received:
        return "own_word"
    if kind is NoticeKind.WELCOME and consent and consent.source:
        return "imported" if consent.legal_text is None else "imported_by_law"
    return kind.value


def _words_of_last(notice: Notice, words: str) -> str:
    """Return the words of a link that lives until another can leave, if it is such a one."""
    return f"{words}_last" if "until" in (notice.facts or {}) else words


def _until(notice: Notice, locale: str, settings: Settings) -> dict[str, str]:
    until = (notice.facts or {}).get("until")
    at = datetime.fromisoformat(until).astimezone(settings.zone) if until else None
    return {"until": long_instant(at, locale)} if at else {}


def _provenance(consent: ConsentPayload | None, locale: str, settings: Settings) -> dict[str, str]:
    """Return the source and the legal text of an imported consent."""
    if consent is None:
        return {}
    at = consent.consented_at
    return {
        "source": consent.source or "",
        "consented_on": long_day(at.astimezone(settings.zone).date(), locale) if at else "",
        "legal_text": consent.legal_text or "",
    }


def _send(client: smtplib.SMTP, claimed: ClaimedNotice, settings: Settings, signer: Signer | None) -> None:
    """Submit it, and record the answer; record also that it could not be composed, and raise why."""
    try:
        message = _encoded(compose(claimed, settings, utcnow()), claimed.email, signer)
    except Exception:
        _record(claimed, NOT_COMPOSED)
        raise
    _record(claimed, _submit(client, return_path(claimed), claimed.email, message))


def _record(claimed: ClaimedNotice, answer: Reply) -> None:
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
        if decided.state is DeliveryState.ACCEPTED:
            _accepted(db, claimed, now)
    logging.notices.labels(decided.state.value).inc()


def _accepted(db: Session, claimed: ClaimedNotice, now: datetime) -> None:
    """Apply what follows once the relay has accepted the mail."""
    if claimed.subscription_id is None:
        return
    if claimed.kind is NoticeKind.WELCOME:
        subscriptions.informed(db, claimed.subscription_id, now=now)
    if claimed.kind is NoticeKind.CONFIRMATION:
        subscriptions.keep_open(db, claimed.subscription_id, now=now)


def _encoded(message: EmailMessage, recipient: str, signer: Signer | None) -> bytes:
    encoded = message.as_bytes(policy=SMTP.clone(utf8=not recipient.isascii()))
    return signer.sign(encoded) if signer else encoded


def _submit(client: smtplib.SMTP, sender: str, recipient: str, message: bytes) -> Reply:
    """Return the reply that decides.  Raises SMTPServerDisconnected: the notice is then tried again later."""
    if not recipient.isascii() and not client.has_extn("smtputf8"):
        return NO_SMTPUTF8
    options = [] if recipient.isascii() else ["SMTPUTF8"]
    for code, text in (client.mail(sender, options), client.rcpt(recipient)):
        if code // 100 != 2:
            client.rset()
            return reply(code, text)
    try:
        return reply(*client.data(message))
    except smtplib.SMTPDataError as error:
        said = error.smtp_error
        return reply(error.smtp_code, said if isinstance(said, bytes) else said.encode())


def _jitter() -> float:
    return random.uniform(-1, 1)  # noqa: S311 -- spreads load, guards nothing
