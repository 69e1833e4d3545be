"""Claim single mails, the most urgent first, withholding those whose reason no longer holds."""

import random
from collections.abc import Collection
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from mailer.core import tokens
from mailer.core.fingerprint import fingerprint_of
from mailer.core.settings import Settings
from mailer.core.tokens import Purpose
from mailer.newsletters.models import Newsletter
from mailer.notices import issue_tests, testers
from mailer.notices.message import ClaimedNotice, Letterhead, leave_link, link_of
from mailer.notices.models import Notice, NoticeKind, Priority
from mailer.notices.outbox import due
from mailer.rendering.typography import long_day, long_instant
from mailer.smtp import routes
from mailer.smtp.providers import Providers
from mailer.smtp.replies import WAITING, DeliveryState, retry_at
from mailer.subscribers.consent.given import given
from mailer.subscribers.consent.models import ConsentPayload
from mailer.subscribers.eligibility import Withheld, own_word, receives
from mailer.subscribers.models import Subscriber, Subscription, SubscriptionState
from mailer.subscribers.recipients import recipient

_STATES_FOR = {
    NoticeKind.CONFIRMATION: {SubscriptionState.PENDING, SubscriptionState.ACTIVE},
    NoticeKind.WELCOME: {SubscriptionState.ACTIVE},
    NoticeKind.GOODBYE: {SubscriptionState.ENDED},
    NoticeKind.ALREADY: {SubscriptionState.ACTIVE},
    NoticeKind.PREFERENCES: {SubscriptionState.ACTIVE, SubscriptionState.ENDED},
}


_TO_READERS = {NoticeKind.WELCOME, NoticeKind.ALREADY}  # they say that the newsletter is being sent


PAUSED = {  # the words that say besides that no letter comes yet
    name: f"{name}_paused" for name in ("own_word", "welcome", "already")
}


class DueNotice(NamedTuple):
    """Hold a notice with what it is about, each as it is now."""

    notice: Notice
    subscriber: Subscriber | None
    subscription: Subscription | None
    newsletter: Newsletter | None
    consent: ConsentPayload | None
    withheld: Withheld | None
    provider: str

    @property
    def email(self) -> str | None:
        """Return the address it goes to."""
        return self.notice.email or (self.subscriber.email if self.subscriber else None)


def next_due(
    db: Session,
    priority: Priority,
    *,
    now: datetime,
    providers: Providers,
    full: Collection[str] = (),
    besides: Collection[UUID] = (),
) -> DueNotice | None:
    """Return the notice of this priority that has waited longest, locked, with what it is about.

    `full`: providers that are given nothing now.  `besides`: notices that are in flight.
    """
    provider = _provider(providers)
    wanted = _described(providers).where(
        *due(now), Notice.priority == priority, Notice.id.not_in(besides), provider.not_in(full)
    )
    row = db.execute(wanted.order_by(Notice.due_at).limit(1)).one_or_none()
    return DueNotice(*row) if row else None


def charge(db: Session, found: DueNotice, *, now: datetime, settings: Settings) -> ClaimedNotice:
    """Count an attempt, set when the next would be, and return what is to be sent."""
    notice = found.notice
    notice.first_tried = notice.first_tried or now
    notice.attempts += 1
    notice.due_at = retry_at(now, notice.attempts, jitter())
    if notice.kind is NoticeKind.TEST:
        return _of_a_test(db, notice, settings)
    return _to_an_address(notice, settings) if notice.email else _to_a_subscriber(found, settings)


def has_reason(db: Session, found: DueNotice) -> bool:
    """Return whether what the notice says of a subscription, or of a tester, still holds; an answer to an
    address always may leave.
    """
    notice = found.notice
    return issue_tests.is_wanted(db, notice) if notice.kind is NoticeKind.TEST else _holds(found)


def _holds(found: DueNotice) -> bool:
    notice, subscriber, subscription, _, consent, *_ = found
    if notice.email is not None:
        return True
    if subscriber is None or fingerprint_of(subscriber.email) != subscriber.fingerprint:
        return False  # the address is not the one that the person gave
    if subscription is None or subscription.state not in _STATES_FOR[notice.kind]:
        return False
    if notice.kind in _TO_READERS:
        return receives(found.withheld)
    if notice.kind is NoticeKind.CONFIRMATION and subscription.state is SubscriptionState.ACTIVE:
        return found.withheld is Withheld.SUPPRESSED or consent is None or not own_word(consent.kind)
    return True


def withhold(found: DueNotice) -> None:
    """Have a notice that has no reason left stay unsent."""
    found.notice.state = DeliveryState.WITHHELD


def may_still_leave(db: Session, claimed: ClaimedNotice, providers: Providers) -> bool:
    """Look again at what was claimed a while ago: is it ours, are its reason and its address as they were?"""
    mine = Notice.id == claimed.id, Notice.state.in_(WAITING), Notice.attempts == claimed.attempts
    row = db.execute(_described(providers).where(*mine)).one_or_none()
    if row is None:
        return False
    found = DueNotice(*row)
    if not has_reason(db, found):
        withhold(found)
        return False
    return found.email == claimed.email


def give_back(db: Session, claimed: ClaimedNotice, *, now: datetime) -> None:
    """Make a notice due at once that was claimed and did not begin."""
    notice = db.get(Notice, claimed.id, with_for_update=True)
    if notice and notice.state in WAITING and notice.attempts == claimed.attempts:
        notice.attempts, notice.due_at = notice.attempts - 1, now
        notice.first_tried = notice.first_tried if notice.attempts else None


def jitter() -> float:
    """Return a number in [-1, 1] that spreads the next tries."""
    return random.uniform(-1, 1)  # noqa: S311 -- spreads load, guards nothing


def _described(providers: Providers) -> Select[Any]:
    """Return the query for notices, locked, with what they are about and whose mailboxes they go to."""
    may_receive = recipient()
    return (
        select(
            Notice, Subscriber, Subscription, Newsletter, ConsentPayload, may_receive.c.withheld,
            _provider(providers),
        )
        .outerjoin(Subscriber, Subscriber.id == Notice.subscriber_id)
        .outerjoin(Newsletter, Newsletter.id == Notice.newsletter_id)
        .outerjoin(
            Subscription,
            (Subscription.subscriber_id == Subscriber.id) & (Subscription.newsletter_id == Newsletter.id),
        )
        .outerjoin(ConsentPayload, ConsentPayload.event_id == given(Subscription.consent_id))
        .outerjoin(may_receive, may_receive.c.subscription_id == Subscription.id)
        .with_for_update(of=Notice, skip_locked=True)
    )  # fmt: skip


def _provider(providers: Providers) -> Any:
    address = func.coalesce(Notice.email, Subscriber.email)
    return routes.provider_of(func.split_part(address, "@", 2), providers)


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


def _of_a_test(db: Session, notice: Notice, settings: Settings) -> ClaimedNotice:
    letter, newsletter = issue_tests.letter_of(db, notice, settings)
    token = tokens.issue(Purpose.TESTER, letter.tester) if letter.tester else ""
    return ClaimedNotice(
        notice.id, notice.kind, notice.kind.value, Letterhead.of_newsletter(newsletter), notice.email or "",
        notice.name, letter.locale, notice.attempts, notice.first_tried or notice.due_at,
        leave=f"{settings.public_url}{testers.PATH}{token}/stop" if token else "", letter=letter,
    )  # fmt: skip


def _to_a_subscriber(found: DueNotice, settings: Settings) -> ClaimedNotice:
    notice, subscriber, subscription, newsletter, consent, withheld, _ = found
    if subscriber is None or subscription is None or newsletter is None or notice.first_tried is None:
        raise ValueError("it is about no subscription")
    base, slug = settings.public_url, newsletter.slug
    received = consent is not None and withheld is not Withheld.SUPPRESSED
    words = _words_of_last(notice, _words_of(notice.kind, consent, received=received))
    if withheld is Withheld.PAUSED and words in PAUSED:
        words = PAUSED[words]
    until = (notice.facts or {}).get("until")
    return ClaimedNotice(
        notice.id, notice.kind, words, Letterhead.of_newsletter(newsletter),
        subscriber.email, subscriber.name, subscriber.locale, notice.attempts, notice.first_tried,
        link=link_of(notice.kind, slug, subscription.id, subscriber.id, base, until=until),
        leave=leave_link(slug, subscription.id, base),
        facts=_provenance(consent, subscriber.locale, settings) | _pause(subscriber, settings)
        | _until(notice, subscriber.locale, settings),
        answers=notice.answers, subscription_id=subscription.id,
    )  # fmt: skip


def _words_of(kind: NoticeKind, consent: ConsentPayload | None, *, received: bool) -> str:
    if kind is NoticeKind.CONFIRMATION and received:
        return "own_word"
    if kind is NoticeKind.WELCOME and consent and consent.source:
        return "imported" if consent.legal_text is None else "imported_by_law"
    return kind.value


def _pause(subscriber: Subscriber, settings: Settings) -> dict[str, str]:
    """Return the day before which they asked for no letter, if they did."""
    until = subscriber.paused_until
    return {"resumes": long_day(until.astimezone(settings.zone).date(), subscriber.locale) if until else ""}


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
