"""Whatever happens to somebody, in whatever order: their file says what their subscription does."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from mailer.core import fingerprint
from mailer.core.db import transaction
from mailer.core.settings import settings
from mailer.imports import apply, copy, decide, jobs
from mailer.imports.bulk_consent import Common
from mailer.imports.models import Import, ImportState
from mailer.imports.rows import Act, person
from mailer.newsletters.models import Newsletter
from mailer.privacy.retention import reconfirmation
from mailer.subscribers import preferences, signup, subscriptions, suppressions
from mailer.subscribers.consent import record, wordings
from mailer.subscribers.consent.models import ConsentPayload
from mailer.subscribers.models import (
    Subscriber,
    Subscription,
    SubscriptionState,
    Suppression,
    SuppressionReason,
)
from mailer.subscribers.suppressions import Entry
from tests.support.make import EPOCH, ask, make_newsletter

DAY = timedelta(hours=25)  # a form is heard once in 24
WORDING = wordings.current_wording("La lettre", "L’association", "fr")
NUMBERS = count()


class Life:
    """One address, and what happens to it, a day apart."""

    def __init__(self, newsletter_id: UUID, import_id: UUID) -> None:
        self.newsletter_id, self.import_id = newsletter_id, import_id
        self.email, self.now = f"zoe{next(NUMBERS)}@example.org", EPOCH
        self.mark = fingerprint.fingerprint(self.email)

    def live(self, step: str) -> None:
        """One step, in a transaction, and a day passes."""
        self.now += DAY
        with transaction() as db:
            getattr(self, step)(db, self.subscription(db))

    def subscription(self, db: Session) -> Subscription | None:
        joined = select(Subscription).join(Subscriber, Subscriber.id == Subscription.subscriber_id)
        return db.scalar(joined.where(Subscriber.fingerprint == self.mark))

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

    def wait(self, db: Session, _: object) -> None:
        self.now += 8 * DAY
        signup.purge(db, now=self.now)

    def bar(self, db: Session, _: object) -> None:
        suppressions.add(db, [Entry(self.mark, SuppressionReason.HARD_BOUNCE, self.now)])

    def unbar(self, db: Session, _: object) -> None:
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
        common = Common(self.newsletter_id, self.now, "import", self.import_id)
        known = decide.gather(copy.connection(db), self.newsletter_id, [self.mark])
        apply.take(db, common, people, apply.prepare(common, people, known))

    def undo(self, db: Session, _: object) -> None:
        """Staff take all imports back."""
        db.execute(update(Import).values(state=ImportState.DONE))
        db.commit()
        jobs.undo(self.import_id, clock=lambda: self.now)

    def look(self) -> None:
        """The file and the subscription say the same."""
        with transaction() as db:
            of, letters = self.subscription(db), record.draw(db, self.email, {}, now=self.now).letters
            barred = db.get(Suppression, self.mark) is not None
            active = of is not None and of.state is SubscriptionState.ACTIVE
            said = letters[0].standing if letters else None
            assert (said is not None and said.may_write) is (active and not barred)
            assert (said is not None and said.state is SubscriptionState.ACTIVE) is active
            if of and active:
                assert said
                assert said.since == db.get_one(ConsentPayload, of.consent_id).at


STEPS = [name for name, step in vars(Life).items() if callable(step) and not name.startswith("_")]
STEPS = [name for name in STEPS if name not in {"live", "look", "subscription"}]


@pytest.mark.usefixtures("clean")
@given(steps=st.lists(st.sampled_from(STEPS), min_size=3, max_size=9))
@example(steps=["ask", "left_long_ago", "confirm"])
@example(steps=["joined_elsewhere", "ask", "undo", "confirm", "undo"])
@example(steps=["joined_elsewhere", "bar", "ask", "wait", "unbar"])
@hypothesis_settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_the_file_and_the_subscription_say_the_same(steps: Sequence[str]) -> None:
    with transaction() as db:
        newsletter = make_newsletter(db, slug=f"lettre-{next(NUMBERS)}")
        job = Import(
            newsletter_id=newsletter.id, state=ImportState.DONE, by="terminal", file_name="f", sha256=b"",
            records=1, preset="own", columns={}, source="test", locale="fr", created_at=EPOCH,
        )  # fmt: skip
        db.add(job)
        db.flush()
        life = Life(newsletter.id, job.id)
    for step in steps:
        life.live(step)
        life.look()
