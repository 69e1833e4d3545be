"""Name what can be wrong with the proof, and where.  Pure."""

from dataclasses import dataclass
from enum import StrEnum


class Fault(StrEnum):
    """Name what was done to the chain, or to what rests on it, as far as it shows."""

    EDITED = "edited"
    DELETED = "deleted"
    SWAPPED = "swapped"
    REWRITTEN = "rewritten"
    CUT = "cut"
    PAYLOAD_EDITED = "payload edited"
    PAYLOAD_DELETED = "payload deleted"
    PAYLOAD_SWAPPED = "payload swapped"
    ANCHOR_DAMAGED = "anchor damaged"
    ANCHORS_CUT = "anchors cut"
    WORDING_EDITED = "wording edited"
    UNPROVEN = "subscription unproven"
    ADDRESS_REPLACED = "address replaced"
    SUPPRESSION_DELETED = "suppression deleted"
    RESTRICTION_DELETED = "restriction deleted"
    LOG_DAMAGED = "log damaged"
    LOG_CUT = "log cut"
    DATABASE_OLDER = "database older"


# The gate sees these by itself, row by row, or nobody is written to because of them; the others disarm.
SEEN_BY_THE_GATE = frozenset({Fault.UNPROVEN, Fault.ADDRESS_REPLACED})
EVIDENCE_ALONE = frozenset({Fault.WORDING_EDITED, Fault.ANCHOR_DAMAGED, Fault.ANCHORS_CUT})


@dataclass(frozen=True)
class Break:
    """Point to the first place where the chain, or what rests on it, does not hold."""

    fault: Fault
    seq: int | None  # of the event in question
    sentence: str

    @property
    def older(self) -> bool:
        """Return whether the database seems to be a copy of before: what left since is then in doubt."""
        return self.fault in {Fault.CUT, Fault.DATABASE_OLDER}

    @property
    def disarms(self) -> bool:
        """Return whether people could be written to wrongly because of it."""
        return self.fault not in SEEN_BY_THE_GATE | EVIDENCE_ALONE


def break_at(fault: Fault, seq: int, why: str) -> Break:
    """Point to an event."""
    return Break(fault, seq, f"event {seq}: {why}")
