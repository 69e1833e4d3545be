"""What the owner of the database can do to it, every trigger off."""

from sqlalchemy import text

from mailer.core.db import engine
from mailer.core.fingerprint import fingerprint_of

SUPERUSER = "SET LOCAL session_replication_role = replica"


def forge(*statements: str, **values: object) -> int:
    """Run these statements; how many rows the last of them changed."""
    rows = 0
    with engine().begin() as connection:
        connection.execute(text(SUPERUSER))
        for statement in statements:
            rows = connection.execute(text(statement), values).rowcount
    return rows


def rest_on(email: str, consent_of: str, kind: str = "imported") -> None:
    """Set somebody's subscription active, on the first event of that kind under an address."""
    assert forge(
        """
        UPDATE subscription u SET state = 'active', informed_at = now(), consent_id = (
            SELECT p.event_id FROM consent_payload p JOIN consent_event e ON e.id = p.event_id
            WHERE p.fingerprint = :whose AND p.kind = :kind ORDER BY e.seq LIMIT 1)
        FROM subscriber s WHERE s.id = u.subscriber_id AND s.email = :email
        """,
        email=email, whose=fingerprint_of(consent_of), kind=kind,
    ) == 1  # fmt: skip


def write_to(email: str, instead_of: str) -> None:
    """Replace an address under an unchanged fingerprint."""
    assert forge("UPDATE subscriber SET email = :new WHERE email = :old", new=email, old=instead_of) == 1
