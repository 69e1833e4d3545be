"""Whose mailboxes a domain's are, learnt from its mail exchangers: town.example may be at Outlook's.

Asked from time to time, never at the freeze.  Only about domains that several people share: a question to
the DNS about a family's own domain would tell who reads us.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from mailer.delivery.shaping.models import Route
from mailer.smtp.providers import Providers
from mailer.subscribers.models import Subscriber

SHARED = 5  # mailboxes
AT_ONCE = 500  # domains
KEPT = timedelta(days=7)


def to_ask(db: Session, providers: Providers, *, now: datetime) -> list[str]:
    """Return the domains to ask the DNS about, the most frequent first: neither in the table nor learnt
    lately.
    """
    domain = func.split_part(Subscriber.email, "@", 2)
    lately = select(Route.domain).where(Route.asked_at > now - KEPT)
    shared = (
        select(domain)
        .where(domain.not_in(list(providers.domains)), domain.not_in(lately))
        .group_by(domain)
        .having(func.count() >= SHARED)
        .order_by(func.count().desc(), domain)
        .limit(AT_ONCE)
    )
    return list(db.scalars(shared))


def learn(
    db: Session, providers: Providers, exchangers: Mapping[str, tuple[str, ...]], *, now: datetime
) -> None:
    """Keep which provider each domain's exchangers are of."""
    rows = [
        {"domain": domain, "provider": providers.of(domain, hosts), "asked_at": now}
        for domain, hosts in exchangers.items()
    ]
    if rows:
        said = insert(Route)
        db.execute(
            said.on_conflict_do_update(
                index_elements=[Route.domain],
                set_={"provider": said.excluded.provider, "asked_at": said.excluded.asked_at},
            ),
            rows,
        )


def providers(db: Session, providers: Providers) -> dict[str, str]:
    """Return the provider of each domain that is known by name or was learnt; the table of today has the last
    word.
    """
    learnt = {row.domain: row.provider for row in db.execute(select(Route.domain, Route.provider))}
    return {
        domain: provider for domain, provider in learnt.items() if provider in providers.table
    } | providers.domains
