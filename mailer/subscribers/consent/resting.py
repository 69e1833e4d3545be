"""Check the rows that rest on the chain: wordings, subscriptions, addresses, suppressions, restrictions."""

import hashlib

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mailer.core import address
from mailer.core.settings import settings
from mailer.privacylog.decisions import LogDamaged
from mailer.subscribers import against_log
from mailer.subscribers.consent.faults import Break, Fault
from mailer.subscribers.consent.models import ConsentPayload, Wording
from mailer.subscribers.eligibility import Withheld
from mailer.subscribers.models import Subscriber
from mailer.subscribers.recipients import recipient

PAGE = 5_000  # rows


def broken(db: Session, *, addresses: bool = True) -> Break | None:
    """Return the first row that does not hold.  `addresses`: each person's too, which takes the longest."""
    return _wording(db) or _subscription(db) or (_address(db) if addresses else None) or _against_the_log(db)


def _wording(db: Session) -> Break | None:
    """Return a text that is not the one people agreed to."""
    for row in db.execute(select(Wording.sha256, Wording.text)):
        if hashlib.sha256(row.text.encode()).digest() != row.sha256:
            used = select(func.count()).where(ConsentPayload.wording_sha256 == row.sha256)
            where = f"wording {row.sha256.hex()}, shown in {db.scalar(used)} events"
            return Break(Fault.WORDING_EDITED, None, f"{where}: its text is not the one that was shown")
    return None


def _subscription(db: Session) -> Break | None:
    """Return a subscription without a consent of its person, for its newsletter, in force.

    Planned as a whole: for the first row alone PostgreSQL would look each subscription up by itself, which
    takes three times as long where there is none.
    """
    now = recipient()
    unproven = select(now.c.subscription_id, now.c.consent_id).where(now.c.withheld == Withheld.UNPROVEN)
    whole = unproven.cte("unproven").prefix_with("MATERIALIZED", dialect="postgresql")
    row = db.execute(select(whole).limit(1)).one_or_none()
    if row is None:
        return None
    why = f"event {row.consent_id} is no consent in force of that person for that newsletter"
    return Break(Fault.UNPROVEN, None, f"subscription {row.subscription_id}: {why}")


def _address(db: Session) -> Break | None:
    """Return a person whose address is not the one of their fingerprint."""
    fingerprint = address.fingerprinter(settings().fingerprint_key.get_secret_value().encode())
    columns = select(Subscriber.id, Subscriber.email, Subscriber.fingerprint)
    with db.execute(columns.execution_options(yield_per=PAGE)) as people:
        replaced = next((row.id for row in people if fingerprint(row.email) != row.fingerprint), None)
    if replaced is None:
        return None
    why = "their address is not the one that their fingerprint, and so their consent, is of"
    return Break(Fault.ADDRESS_REPLACED, None, f"subscriber {replaced}: {why}")


def _against_the_log(db: Session) -> Break | None:
    """Return what people decided, as the privacy log has it, and the database has not."""
    try:
        suppressed, restricted = against_log.missing(db)
    except LogDamaged as error:
        return Break(Fault.LOG_DAMAGED, None, str(error))
    if suppressed:
        why = "the privacy log says that this address is never to be written to, and its suppression is gone"
        return Break(Fault.SUPPRESSION_DELETED, None, f"fingerprint {min(suppressed).hex()}: {why}")
    if restricted:
        why = "the privacy log says that their data are restricted, and the database does not"
        return Break(Fault.RESTRICTION_DELETED, None, f"fingerprint {min(restricted).hex()}: {why}")
    return None
