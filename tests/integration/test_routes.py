"""A town whose mail is at a provider's has that provider's pace."""

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from mailer.db import utcnow
from mailer.sending import audience, lookup, routes
from mailer.sending.models import Delivery
from mailer.sending.providers import Providers
from tests.make import import_people, make_newsletter, make_scheduled_issue
from tests.nameserver import running_nameserver

RECORDS = {
    ("ville.example.org", "MX"): ["10 ville-example-org.mail.protection.outlook.com."],
    ("asso.example.org", "MX"): ["10 mx.asso.example.org."],
    ("famille.example.org", "MX"): ["10 aspmx.l.google.com."],
}
PEOPLE = [
    *(f"agent{n}@ville.example.org" for n in range(6)),
    *(f"membre{n}@asso.example.org" for n in range(5)),
    *(f"reader{n}@gmail.com" for n in range(5)),
    "zoe@famille.example.org",
]


def test_shared_domains_are_asked_about_once_a_week_and_have_their_provider_s_lane(db: Session) -> None:
    providers, now = Providers(), utcnow()
    newsletter = make_newsletter(db)
    import_people(db, newsletter, PEOPLE, informed_at=now)
    asked = routes.to_ask(db, providers, now=now)
    assert asked == ["ville.example.org", "asso.example.org"]  # a family's domain is nobody's business
    with running_nameserver(RECORDS) as server:
        routes.learn(db, providers, lookup.mx(asked, lookup.resolver(server)), now=now)
    assert routes.to_ask(db, providers, now=now) == []
    assert routes.to_ask(db, providers, now=now + timedelta(days=8)) == asked
    issue = make_scheduled_issue(db, newsletter)
    audience.freeze(db, issue.id, now=now, lanes=routes.lanes(db, providers))
    lanes = list(db.scalars(select(Delivery.lane)))
    assert (lanes.count("outlook"), lanes.count("gmail"), lanes.count("other")) == (6, 5, 6)


def test_a_provider_that_left_the_table_has_no_lane(db: Session) -> None:
    town = Providers().changed("town: {mx: [ville.example.org]}")
    routes.learn(db, town, {"quartier.example.org": ("mx.ville.example.org",)}, now=utcnow())
    assert routes.lanes(db, town)["quartier.example.org"] == "town"
    assert "quartier.example.org" not in routes.lanes(db, Providers())
