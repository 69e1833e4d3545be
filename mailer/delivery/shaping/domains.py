"""Which domains the DNS is asked about, to learn whose mailboxes theirs are (`smtp.routes`).

Asked from time to time, never at the freeze.  Only about domains that several people share: a question to
the DNS about a family's own domain would tell who reads us.
"""

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mailer.smtp.models import Route
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
