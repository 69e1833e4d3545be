"""Somebody's life with us: what people, staff and time do to a subscription, one step after another."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from mailer.core import pg_copy
from mailer.core.db import transaction, utcnow
from mailer.core.fingerprint import fingerprint_of
from mailer.core.settings import settings
from mailer.imports import apply, decide, lifecycle
from mailer.imports.models import Import, ImportState
from mailer.imports.rows import Act, person
from mailer.newsletters.models import Newsletter
from mailer.privacy.models import AddressChange, Channel, Right
from mailer.privacy.retention import reconfirmation
from mailer.privacy.rights import address_undo, objection, rectification, restriction
from mailer.subscribers import preferences, signup, subscriptions, suppressions
from mailer.subscribers.consent import wordings
from mailer.subscribers.consent.bulk import Common
from mailer.subscribers.models import Subscriber, Subscription, SuppressionReason
from mailer.subscribers.suppressions import PersonalSuppression, SuppressedAddress
from tests.support.make import EPOCH, ask, erase, make_newsletter, open_case

DAY = timedelta(hours=25)  # a form is heard once in 24
WORDING = wordings.current_wording("La lettre", "L’association", "fr")
NUMBERS = count()


def make_newsletters(db: Session, number: int) -> dict[UUID, UUID]:
    """So many newsletters, each with an import to take people over by."""
    made = {}
    for _ in range(number):
        newsletter = make_newsletter(db, slug=f"lettre-{next(NUMBERS)}")
        job = Import(
            newsletter_id=newsletter.id, state=ImportState.DONE, by="terminal", file_name="f",
            file_fingerprint=b"", records=1, preset="own", columns={}, source="test", locale="fr",
            created_at=EPOCH,
        )  # fmt: skip
        db.add(job)
        db.flush()
        made[newsletter.id] = job.id
    return made


class Life:
    """One person, and what happens to them, a day apart.

    `imports` has the newsletters, each with its import; `newsletter_id` is the one that a step is about.
    """

    def __init__(self, imports: Mapping[UUID, UUID]) -> None:
        self.imports, self.newsletter_id = imports, next(iter(imports))
        self.email, self.now = f"zoe{next(NUMBERS)}@example.org", EPOCH
        self.left: str | None = None  # the address before this one
        self.introduced: dict[UUID, datetime] = {}  # when they learnt who writes to them, by newsletter

    @property
    def mark(self) -> bytes:
        return fingerprint_of(self.email)

    def live(self, step: str, newsletter_id: UUID | None = None) -> None:
        """One step, in a transaction, and a day passes."""
        self.now += DAY
        self.newsletter_id = newsletter_id or self.newsletter_id
        with transaction() as db:
            getattr(self, step)(db, self.subscription(db))

    def subscriber(self, db: Session) -> Subscriber | None:
        return db.scalar(select(Subscriber).where(Subscriber.fingerprint == self.mark))

    def subscription(self, db: Session, newsletter_id: UUID | None = None) -> Subscription | None:
        to = newsletter_id or self.newsletter_id
        joined = select(Subscription).join(Subscriber, Subscriber.id == Subscription.subscriber_id)
        mine = Subscriber.fingerprint == self.mark, Subscription.newsletter_id == to
        return db.scalar(joined.where(*mine))

    def ask(self, db: Session, _: object) -> None:
        ask(db, db.get_one(Newsletter, self.newsletter_id), self.email, now=self.now)
        asked = signup.next_due(db, now=self.now)
        assert asked
        signup.decide(db, asked, now=self.now)

    def confirm(self, db: Session, of: Subscription | None) -> None:
        if of:
            subscriptions.confirm(db, of.id, wording=WORDING, now=self.now)

    def leave(self, db: Session, of: Subscription | None) -> None:
        if of:
            subscriptions.withdraw(db, of.id, channel="link", now=self.now)

    def come_back(self, db: Session, of: Subscription | None) -> None:
        if of:
            subscriptions.renew(db, of.id, wording=WORDING, now=self.now)

    def choose(self, db: Session, of: Subscription | None) -> None:
        if of:
            subscriber = db.get_one(Subscriber, of.subscriber_id)
            preferences.subscribe(db, subscriber, self.newsletter_id, wording=WORDING, now=self.now)

    def go_on(self, db: Session, of: Subscription | None) -> None:
        if of:
            reconfirmation.go_on(db, of.subscriber_id, WORDING, now=self.now)

    def change_address(self, db: Session, of: Subscription | None) -> None:
        """Once an earlier change of theirs can no longer be undone."""
        if of is None:
            return
        self.now += 8 * DAY
        new = f"zoe{next(NUMBERS)}@example.org"
        case = open_case(
            db, now=self.now, right=Right.RECTIFICATION, channel=Channel.LINK, email=self.email, receipt=False
        )
        change = AddressChange(
            subscriber_id=of.subscriber_id, request_id=case.id, old_email=self.email, new_email=new,
            asked_at=self.now, expires_at=self.now + DAY,
        )  # fmt: skip
        db.add(change)
        db.flush()
        if rectification.confirm(db, change.id, now=self.now) is rectification.Change.DONE:
            self.left = self.email
            self.email = new

    def undo_change(self, db: Session, _: object) -> None:
        """From the old mailbox, if it still may: whoever signed up there since is the same person."""
        if self.left and address_undo.undo_all(db, self.left, now=self.now):
            self.email, self.left = self.left, None

    def sign_up_where_they_were(self, db: Session, _: object) -> None:
        """Somebody confirms from the mailbox that they have left."""
        if self.left:
            ask(db, db.get_one(Newsletter, self.newsletter_id), self.left, now=self.now)
            asked = signup.next_due(db, now=self.now)
            assert asked
            if decided := signup.decide(db, asked, now=self.now):
                subscriptions.confirm(db, decided.subscription_id, wording=WORDING, now=self.now)
                self.introduced[self.newsletter_id] = self.now

    def be_introduced(self, db: Session, of: Subscription | None) -> None:
        """The mail that says who has their address reached them."""
        if of and of.informed_at is None:
            of.informed_at = self.introduced[self.newsletter_id] = self.now

    def rest(self, db: Session, _: object) -> None:
        self._rest_until(db, utcnow() + 30 * DAY)

    def have_rested(self, db: Session, _: object) -> None:
        self._rest_until(db, utcnow() - DAY)

    def rest_no_more(self, db: Session, _: object) -> None:
        self._rest_until(db, None)

    def _rest_until(self, db: Session, until: datetime | None) -> None:
        db.execute(update(Subscriber).where(Subscriber.fingerprint == self.mark).values(paused_until=until))

    def restrict(self, db: Session, _: object) -> None:
        if subscriber := self.subscriber(db):
            restriction.restrict(db, subscriber, now=self.now)

    def lift(self, db: Session, _: object) -> None:
        if subscriber := self.subscriber(db):
            restriction.lift(db, subscriber, now=self.now)

    def leave_all(self, db: Session, _: object) -> None:
        objection.withdraw(db, self.mark, now=self.now)

    def object_to(self, db: Session, _: object) -> None:
        objection.object_to(db, email=self.email, locale="fr", now=self.now)

    def be_erased(self, db: Session, _: object) -> None:
        erase(db, self.email, never_again=False, now=self.now)

    def be_erased_for_ever(self, db: Session, _: object) -> None:
        erase(db, self.email, never_again=True, now=self.now)

    def wait(self, db: Session, _: object) -> None:
        self.now += 8 * DAY
        signup.purge(db, now=self.now)

    def bar(self, db: Session, _: object) -> None:
        suppressions.add(db, [SuppressedAddress(self.mark, SuppressionReason.HARD_BOUNCE, self.now)])

    def unbar(self, db: Session, _: object) -> None:
        with suppress(PersonalSuppression):
            suppressions.remove(db, self.mark)

    def joined_elsewhere(self, db: Session, _: object) -> None:
        self._take(db, Act.JOIN, self.now - DAY / 2)

    def joined_long_ago(self, db: Session, _: object) -> None:
        self._take(db, Act.JOIN, EPOCH - DAY)

    def left_elsewhere(self, db: Session, _: object) -> None:
        self._take(db, Act.LEAVE, self.now - DAY / 2)

    def left_long_ago(self, db: Session, _: object) -> None:
        self._take(db, Act.LEAVE, EPOCH)

    def left_some_day(self, db: Session, _: object) -> None:
        self._take(db, Act.LEAVE, None)

    def _take(self, db: Session, act: Act, said_at: Any) -> None:
        key = settings().fingerprint_key.get_secret_value().encode()
        row = person(self.email, name=None, locale="fr", source="test", said_at=EPOCH, key=key)
        people = [row._replace(act=act, said_at=said_at)]
        common = Common(self.newsletter_id, self.now, "import", self.imports[self.newsletter_id])
        known = decide.gather(pg_copy.connection(db), self.newsletter_id, [self.mark])
        apply.take(db, common, people, apply.prepare(common, people, known))

    def undo(self, db: Session, _: object) -> None:
        """Staff take all imports back."""
        db.execute(update(Import).values(state=ImportState.DONE))
        db.commit()
        lifecycle.undo(self.imports[self.newsletter_id], clock=lambda: self.now)


STEPS = sorted(
    name for name, step in vars(Life).items()
    if callable(step) and not name.startswith("_") and name not in {"live", "subscriber", "subscription"}
)  # fmt: skip
