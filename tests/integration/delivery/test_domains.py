"""A town whose mail is at a provider's has that provider's pace."""

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from mailer.core.db import utcnow
from mailer.delivery import audience
from mailer.delivery.models import Delivery
from mailer.delivery.shaping import domains
from mailer.smtp import dns, routes
from mailer.smtp.providers import Providers
from tests.support.make import import_people, make_newsletter, make_scheduled_issue
from tests.support.nameserver import running_nameserver

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
    asked = domains.to_ask(db, providers, now=now)
    assert asked == ["ville.example.org", "asso.example.org"]  # a family's domain is nobody's business
    with running_nameserver(RECORDS) as server:
        routes.learn(db, providers, dns.mx(asked, dns.resolver(server)), now=now)
    assert domains.to_ask(db, providers, now=now) == []
    assert domains.to_ask(db, providers, now=now + timedelta(days=8)) == asked
    issue = make_scheduled_issue(db, newsletter)
    audience.freeze(db, issue.id, now=now, providers=routes.providers(db, providers))
    of = list(db.scalars(select(Delivery.provider)))
    assert (of.count("outlook"), of.count("gmail"), of.count("other")) == (6, 5, 6)


def test_a_provider_that_left_the_table_has_no_lane(db: Session) -> None:
    town = Providers().changed("town: {mx: [ville.example.org]}")
    routes.learn(db, town, {"quartier.example.org": ("mx.ville.example.org",)}, now=utcnow())
    assert routes.providers(db, town)["quartier.example.org"] == "town"
    assert "quartier.example.org" not in routes.providers(db, Providers())
