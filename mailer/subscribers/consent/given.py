"""Find the consent that was given behind the event that a subscription rests on."""

from uuid import UUID

from sqlalchemy import ScalarSelect, func, select
from sqlalchemy.orm import InstrumentedAttribute, aliased

from mailer.subscribers.consent.models import ConsentPayload


def given(event: UUID | InstrumentedAttribute[UUID | None] | None) -> ScalarSelect[UUID]:
    """Return the event of the confirmation or import itself, where `event` may be a change of address."""
    rests_on = aliased(ConsentPayload)
    consent = func.coalesce(rests_on.continues, rests_on.event_id)
    return select(consent).where(rests_on.event_id == event).scalar_subquery()
