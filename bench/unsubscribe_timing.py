"""`python -m bench.unsubscribe_timing`: does a repeated unsubscription's time tell who was erased?

The link of an old letter is posted again (RFC 8058), interleaved, by people who left and stayed on file and
by people who were erased since.  Reads and prints as bench.signup_timing does.
"""

import http.client
import json
import os
import random
import tempfile
from pathlib import Path
from uuid import UUID

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from bench import answer_times, sending, services, sink
from bench.sample_data import SampleSubscribers
from mailer.core import tokens
from mailer.core.db import transaction, utcnow
from mailer.core.tokens import Purpose
from mailer.delivery import audience, follow
from mailer.delivery.models import Delivery
from mailer.issues.models import Issue
from mailer.privacy.rights import erasure
from mailer.subscribers import subscriptions
from mailer.subscribers.models import Subscriber, Subscription

PEOPLE = 200
SLUG = "lettre"
ONE_CLICK = "List-Unsubscribe=One-Click"


@click.command()
@click.option("--requests", default=5000, show_default=True, help="Of each class.")
def main(*, requests: int) -> None:
    """Measure, and print each class's median and what its time tells."""
    os.environ["MAILER_PROXIES"] = "1"
    with (
        tempfile.TemporaryDirectory(prefix="mailer-timing-") as name,
        sink.running(Path(name)) as relay,
        services.opened(Path(name), relay) as opened,
    ):
        links = _links(opened)
        with answer_times.site(Path(name)) as connection:
            times = _measured(connection, links, requests)
    areas = answer_times.told(times, "left")
    click.echo(json.dumps({"requests_a_class": requests, "auc": areas,
                           "within": answer_times.is_within(areas)}))  # fmt: skip


def _links(opened: services.Services) -> dict[str, list[str]]:
    """The paths in a letter, of people who left it, and of others who were erased."""
    SampleSubscribers().subscribe(sending.newsletter(SLUG), PEOPLE)
    issue_id = sending.draft(SLUG)
    sending.schedule(opened, issue_id)
    with transaction() as db:
        audience.freeze(db, issue_id, now=utcnow())  # unless the beat was faster
    found: dict[str, list[str]] = {"left": [], "erased": []}
    with transaction() as db:
        send_id = db.get_one(Issue, issue_id).send_id
        rows = select(Delivery.position, Subscriber.id, Subscriber.email).join_from(Delivery, Subscriber)
        rows = rows.where(Delivery.issue_id == issue_id).order_by(Delivery.position)
        for number, (position, subscriber_id, email) in enumerate(db.execute(rows).all()):
            fate = ("left", "erased")[number % 2]
            _place(db, fate, subscriber_id, email)
            token = tokens.issue_delivery(Purpose.UNSUBSCRIBE, send_id or UUID(int=0), position)
            found[fate].append(f"/u/{token}")
    return found


def _place(db: Session, fate: str, subscriber_id: UUID, email: str) -> None:
    now = utcnow()
    if fate == "erased":
        erasure.grant(db, erasure.ask(db, email, never_again=False, now=now).id, now=now)
        return
    theirs = select(Subscription.id).where(Subscription.subscriber_id == subscriber_id)
    subscriptions.withdraw(db, db.scalars(theirs).one(), channel="one-click", now=now)


def _measured(
    connection: http.client.HTTPConnection, links: dict[str, list[str]], requests: int
) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {each: [] for each in links}
    with follow.bar(requests, "asking") as drawn:
        for number in range(requests + 50):
            for each in random.sample(list(links), len(links)):
                path = links[each][number % len(links[each])]
                taken = answer_times.ask(connection, path, ONE_CLICK, {}, 200)
                if number >= 50:  # the first warm everything up
                    times[each].append(taken)
            drawn.update(int(number >= 50))
    return times


if __name__ == "__main__":
    main()
