"""`python -m bench.signup_timing`: does the time of the sign-up form's answer tell who is known?

Interleaved requests over HTTP to gunicorn, with the worker and the beat at work on what they cause.  The area
under the ROC curve of each class against the unknown is what a stranger can tell by a watch: 0.5 is nothing.
Its last line is one JSON object.
"""

import http.client
import json
import os
import random
import tempfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import cycle
from pathlib import Path
from urllib.parse import urlencode
from uuid import UUID

import click
from sqlalchemy.orm import Session

from bench import answer_times, services, sink
from mailer.core.db import transaction, utcnow
from mailer.core.fingerprint import fingerprint_of
from mailer.core.settings import settings
from mailer.delivery import follow
from mailer.imports import apply
from mailer.imports.rows import person
from mailer.newsletters import newsletters
from mailer.newsletters.models import LegalBasis, Theme
from mailer.subscribers import signup, subscriptions
from mailer.subscribers.consent import wordings
from mailer.subscribers.consent.bulk import Common
from mailer.subscribers.models import Suppression, SuppressionReason
from mailer.web.public.forms import shown_at

CLASSES = ("unknown", "known", "imported", "pending", "suppressed")
KNOWN_OF_A_CLASS = 200
SLUG = "lettre"


@click.command()
@click.option("--requests", default=5000, show_default=True, help="Of each class.")
def main(*, requests: int) -> None:
    """Measure, and print each class's median and what its time tells."""
    os.environ |= {"MAILER_PROXIES": "1", "MAILER_SIGNUPS_PER_HOUR": "1000000"}
    with (
        tempfile.TemporaryDirectory(prefix="mailer-timing-") as name,
        sink.running(Path(name)) as relay,
        services.opened(Path(name), relay),
    ):
        people = _people()
        with answer_times.site(Path(name)) as connection:
            times = _measured(connection, people, requests)
    areas = answer_times.told(times, "unknown")
    within = answer_times.is_within(areas)
    click.echo(json.dumps({"requests_a_class": requests, "auc": areas, "within": within}))


def _people() -> dict[str, Iterator[str]]:
    """Addresses of each class, all of one length; those of the unknown are never used twice."""
    with transaction() as db:
        newsletter = newsletters.create_newsletter(
            db, slug=SLUG, name="La lettre", description="", locale="fr", theme=Theme.NEUTRAL,
            legal_basis=LegalBasis.CONSENT, from_name="La lettre", from_address="lettre@example.org",
            reply_to="lettre@example.org", return_path_domain="example.org", now=utcnow(),
        )  # fmt: skip
    found = {}
    for each in CLASSES[1:]:
        addresses = [f"{each[0]}{n:07}@example.org" for n in range(KNOWN_OF_A_CLASS)]
        for address in addresses:
            _place(newsletter.id, each, address)
        found[each] = cycle(addresses)
    return {"unknown": (f"u{n:07}@example.org" for n in range(10_000_000)), **found}


def _place(newsletter_id: UUID, each: str, address: str) -> None:
    now = utcnow()
    with transaction() as db:
        if each == "suppressed":
            mark = fingerprint_of(address)
            db.add(Suppression(fingerprint=mark, reason=SuppressionReason.OBJECTED, at=now))
            return
        if each == "imported":
            _import(db, newsletter_id, address, now)
            return
        wording = wordings.current_wording("La lettre", "x", "fr")
        signup.request(
            db, newsletter_id=newsletter_id, email=address, name=None, locale="fr", wording=wording, now=now
        )
        asked = signup.next_due(db, now=utcnow())
        decided = signup.decide(db, asked, now=now - timedelta(days=2)) if asked else None
        if decided and each == "known":
            subscriptions.confirm(db, decided.subscription_id, now=now)


def _import(db: Session, newsletter_id: UUID, address: str, now: datetime) -> None:
    key = settings().fingerprint_key.get_secret_value().encode()
    who = person(address, name=None, locale="fr", source="bench", said_at=now, key=key)
    apply.import_people(db, Common(newsletter_id, now, "import", None), [who], informed_at=now)


def _measured(
    connection: http.client.HTTPConnection, people: dict[str, Iterator[str]], requests: int
) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {each: [] for each in CLASSES}
    wording = wordings.current_wording("La lettre", settings().controller_name, settings().default_locale)
    shown = shown_at(SLUG, wording, utcnow() - timedelta(minutes=1))
    with follow.bar(requests, "asking") as drawn:
        for number in range(requests + 50):
            for each in random.sample(CLASSES, len(CLASSES)):
                taken = _ask(connection, next(people[each]), shown)
                if number >= 50:  # the first warm everything up
                    times[each].append(taken)
            drawn.update(int(number >= 50))
    return times


def _ask(connection: http.client.HTTPConnection, address: str, shown: str) -> float:
    """Seconds from the request to its whole answer, from a network of its own."""
    body = urlencode({"email": address, "consent": "yes", "shown": shown})
    source = f"10.{random.randrange(256)}.{random.randrange(256)}.1"  # noqa: S311 -- any will do
    return answer_times.ask(connection, f"/{SLUG}/", body, {"X-Forwarded-For": source}, 303)


if __name__ == "__main__":
    main()
