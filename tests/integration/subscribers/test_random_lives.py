"""Whatever happens to somebody, in whatever order: their file, their subscription and the send agree."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import product
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from mailer.core.db import transaction, utcnow
from mailer.delivery import audience, claim
from mailer.delivery.models import Delivery
from mailer.issues.models import Issue
from mailer.newsletters.models import Newsletter
from mailer.subscribers import recipients
from mailer.subscribers.consent import consent_file
from mailer.subscribers.consent import given as consents
from mailer.subscribers.consent.models import ConsentPayload
from mailer.subscribers.eligibility import Standing, Why, Withheld
from mailer.subscribers.models import SubscriptionState, Suppression
from mailer.subscribers.recipients import recipient
from tests.support.life import STEPS, Life, make_newsletters
from tests.support.make import EPOCH, all_of, make_scheduled_issue

NEVER = datetime.min.replace(tzinfo=UTC)
NOT_FRESH = [HealthCheck.function_scoped_fixture]
ASKED, IMPORTED = ("ask", "confirm"), ("joined_elsewhere",)
Steps = tuple[str, ...]
BEGINNINGS = (), ASKED, IMPORTED, (*IMPORTED, "be_introduced")
Act = tuple[int, str, int]  # who, what, of which newsletter
OF_ONE = [step for step in STEPS if step != "sign_up_where_they_were"]  # makes a second record of somebody
ACTS = st.tuples(st.integers(0, 1), st.sampled_from(OF_ONE), st.integers(0, 1))
pytestmark = pytest.mark.usefixtures("clean")


@given(steps=st.lists(st.sampled_from(STEPS), min_size=3, max_size=9))
@example(steps=["ask", "left_long_ago", "confirm"])
@example(steps=["joined_elsewhere", "ask", "undo", "confirm", "undo"])
@example(steps=["joined_elsewhere", "bar", "ask", "wait", "unbar"])
@example(steps=["ask", "confirm", "change_address", "sign_up_where_they_were", "leave", "undo_change"])
@example(steps=["ask", "confirm", "change_address", "leave", "sign_up_where_they_were", "undo_change"])
@example(steps=["joined_elsewhere", "change_address", "sign_up_where_they_were", "undo_change", "undo"])
@example(steps=["ask", "confirm", "change_address", "object_to", "sign_up_where_they_were", "undo_change"])
@example(steps=["ask", "confirm", "change_address", "change_address", "undo_change", "leave"])
@hypothesis_settings(deadline=None, max_examples=60, suppress_health_check=NOT_FRESH)
def test_the_file_and_the_subscription_say_the_same(steps: Sequence[str]) -> None:
    with transaction() as db:
        life = Life(make_newsletters(db, 1))
    for step in steps:
        life.live(step)
        with transaction() as db:
            of, said = life.subscription(db), _file(db, life).get(life.newsletter_id)
            barred = db.get(Suppression, life.mark) is not None
            active = of is not None and of.state is SubscriptionState.ACTIVE
            assert (said is not None and said.may_write) is (active and not barred)
            assert (said is not None and said.state is SubscriptionState.ACTIVE) is active
            if of and active:
                assert said
                assert (
                    said.since
                    == db.get_one(ConsentPayload, db.scalar(select(consents.given(of.consent_id)))).at
                )


@given(
    begun=st.tuples(*[st.sampled_from(BEGINNINGS)] * 4), before=st.lists(ACTS, max_size=6),
    after=st.lists(ACTS, max_size=3),
)  # fmt: skip
@example(begun=(IMPORTED, (), (), ()), before=[(0, "go_on", 0)], after=[])
@example(begun=(ASKED, (), IMPORTED, ()), before=[(0, "restrict", 0)], after=[(1, "restrict", 0)])
@example(begun=(ASKED, (), ASKED, ()), before=[(0, "rest", 0)], after=[(1, "rest", 0)])
@example(begun=(ASKED, (), ASKED, ()), before=[(0, "bar", 0)], after=[(1, "bar", 0)])
@example(begun=(ASKED, (), ASKED, ()), before=[], after=[(0, "be_erased", 0), (1, "change_address", 0)])
@hypothesis_settings(deadline=None, max_examples=30, suppress_health_check=NOT_FRESH)
def test_who_is_written_to(
    begun: Sequence[Sequence[str]], before: Sequence[Act], after: Sequence[Act]
) -> None:
    """The SQL function is the fold of the file under what forbids letters; the send is the function."""
    with transaction() as db:
        imports = make_newsletters(db, 2)
    lives, newsletters = [Life(imports), Life(imports)], list(imports)
    for (who, of), steps in zip(product((0, 1), (0, 1)), begun, strict=True):
        for step in steps:
            lives[who].live(step, newsletters[of])
    _the_function_is_the_fold(lives)
    for who, step, of in before:
        lives[who].live(step, newsletters[of])
        _the_function_is_the_fold(lives)
    sends = [_frozen(newsletter_id, lives) for newsletter_id in newsletters]
    for who, step, of in after:
        lives[who].live(step, newsletters[of])
        _the_function_is_the_fold(lives)
    for issue, frozen in sends:
        _let_through(issue, frozen)


def _the_function_is_the_fold(lives: Sequence[Life]) -> None:
    """For each person and newsletter, at any instant."""
    with transaction() as db:
        for life in lives:
            subscriber, file = life.subscriber(db), _file(db, life)
            until = (subscriber and subscriber.paused_until) or utcnow()
            for at in (NEVER, until - timedelta(microseconds=1), until, until + timedelta(days=999)):
                of = recipient(at)
                found = db.execute(select(of).where(of.c.subscriber_id == (subscriber and subscriber.id)))
                rows = {row.newsletter_id: (row.withheld, row.email, row.consent_id) for row in found}
                for newsletter_id in life.imports:
                    expected = _withheld(db, life, file, newsletter_id, at)
                    subscription = life.subscription(db, newsletter_id)
                    if subscription is None:
                        assert (rows.get(newsletter_id), expected) == (None, Withheld.WITHDRAWN)
                    else:
                        assert rows[newsletter_id] == (expected, life.email, subscription.consent_id)


def _withheld(
    db: Session, life: Life, file: Mapping[UUID, Standing], newsletter_id: UUID, at: datetime
) -> Withheld | None:
    """Why not, as their file and what is noted of the person have it."""
    said, subscriber = file.get(newsletter_id), life.subscriber(db)
    if said is None or said.state is not SubscriptionState.ACTIVE or said.since is None:
        return Withheld.WITHDRAWN
    assert subscriber
    if db.get(Suppression, life.mark):
        return Withheld.SUPPRESSED
    if subscriber.restricted_at:
        return Withheld.RESTRICTED
    if subscriber.paused_until and subscriber.paused_until > at:
        return Withheld.PAUSED
    told = said.why is Why.CONFIRMED or life.introduced.get(newsletter_id, NEVER) >= said.since
    return None if told else Withheld.UNINFORMED


def _file(db: Session, life: Life) -> dict[UUID, Standing]:
    """What their file says, by newsletter."""
    return {
        UUID(each.name): each.standing for each in consent_file.draw(db, life.email, {}, now=life.now).letters
    }


def _frozen(newsletter_id: UUID, lives: Sequence[Life]) -> tuple[Issue, dict[UUID, Life]]:
    """Freeze an issue, for as many as were counted before: it, and whom it is for."""
    with transaction() as db:
        allowed = {}
        for life in lives:
            subscriber = life.subscriber(db)
            if subscriber and _withheld(db, life, _file(db, life), newsletter_id, utcnow()) is None:
                allowed[subscriber.id] = life
        counted = recipients.count(db, newsletter_id)
        issue = make_scheduled_issue(db, db.get_one(Newsletter, newsletter_id))
        frozen = audience.freeze(db, issue.id, now=EPOCH)
        assert frozen
        assert frozen.audience == counted == len(allowed)
        mine = select(Delivery.subscriber_id).where(Delivery.issue_id == issue.id)
        assert set(db.scalars(mine)) == allowed.keys()
        return issue, allowed


def _let_through(issue: Issue, frozen: dict[UUID, Life]) -> None:
    """The gate lets through those who may still be written to, at the address they have now."""
    with transaction() as db:
        rows = select(Delivery).where(Delivery.issue_id == issue.id).execution_options(populate_existing=True)
        expected: dict[int, str] = {}
        for row in db.scalars(rows):
            life = frozen[row.subscriber_id] if row.subscriber_id else None
            expected[row.position] = _through(db, life, issue.newsletter_id) if life else Withheld.ERASED
        taken = claim.claim(db, uuid4(), all_of(issue.id), limit=100, now=utcnow())
        passed = {row.position: row.address for row in taken.rows}
        found = {row.position: row.withheld or passed[row.position] for row in db.scalars(rows)}
        assert found == expected


def _through(db: Session, life: Life, newsletter_id: UUID) -> str:
    """Why they are not written to now, or at which address they are."""
    return _withheld(db, life, _file(db, life), newsletter_id, utcnow()) or life.email
