"""Whose mailboxes a domain's are, learnt from its mail exchangers: town.example may be at Outlook's."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import ColumnElement, case, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from mailer.smtp.models import Route
from mailer.smtp.providers import OTHER, Providers


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


def provider_of(domain: ColumnElement[str], providers: Providers) -> ColumnElement[str]:
    """Return the same of one domain, in SQL; `other` for one of which nothing is known."""
    learnt = select(Route.provider).where(Route.domain == domain, Route.provider.in_(providers.table))
    return case(providers.domains, value=domain, else_=func.coalesce(learnt.scalar_subquery(), OTHER))
