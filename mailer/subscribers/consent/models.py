"""Hold the chained consent record, and the wordings people agreed to."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from mailer.core.db import Base, enum


class ConsentKind(StrEnum):
    """Name what happened between a person and a newsletter."""

    REQUESTED = "requested"
    CONFIRMED = "confirmed"
    IMPORTED = "imported"
    RECTIFIED = "rectified"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    ERASED = "erased"


class Wording(Base):
    """Keep the exact text shown at sign-up, once for each version and locale."""

    __tablename__ = "wording"

    sha256: Mapped[bytes] = mapped_column(primary_key=True)
    version: Mapped[str]
    locale: Mapped[str]
    text: Mapped[str]


class ConsentEvent(Base):
    """Link one event into the chain, for ever: no personal data, only what proves payload and order."""

    __tablename__ = "consent_event"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    seq: Mapped[int] = mapped_column(BigInteger, Identity(always=True), unique=True)
    previous: Mapped[bytes] = mapped_column(unique=True)  # the mac before this one; unique: no fork
    payload_digest: Mapped[bytes]
    expires_at: Mapped[datetime | None]  # of the payload, at the earliest; sealed too: expiry proves itself
    sha256: Mapped[bytes]  # of this link and the one before it, without a key: anybody can follow the chain
    mac: Mapped[bytes]  # of the same, with the key that stays out of the database


class AnchorPosition(Base):
    """Record how far a host's file of anchors went when the last transaction that is anchored committed."""

    __tablename__ = "consent_anchor_position"

    host: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, default=0)  # +1 at each anchor while an issue leaves
    size: Mapped[int] = mapped_column(BigInteger)  # bytes
    seal: Mapped[str]  # of the last line


class VerifiedUpTo(Base):
    """Record what the last verification said, and up to which event the chain held.

    There is one row.  It is sealed with the key of the chain: nobody else can have a part passed over.
    """

    __tablename__ = "consent_verification"

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    seq: Mapped[int] = mapped_column(BigInteger)
    mac: Mapped[bytes]  # of that event, and…
    sha256: Mapped[bytes]  # …its hash
    anchors: Mapped[dict[str, Any]]  # how many bytes of each file were read
    logged: Mapped[int] = mapped_column(BigInteger)  # how far this host's privacy log went, by its anchors
    seal: Mapped[bytes]
    fault: Mapped[str | None]
    place: Mapped[str | None]  # a sentence


class ConsentPayload(Base):
    """Say what happened; only the retention function deletes it, after its expiry.

    A trigger checks once a statement that its event exists: a foreign key would check row by row.
    """

    __tablename__ = "consent_payload"
    __table_args__ = (
        Index("ix_consent_payload_no", "fingerprint",
              postgresql_where="kind IN ('withdrawn', 'expired', 'erased', 'rectified')"),
        Index("ix_consent_payload_moved", "fingerprint", postgresql_where="moved_to IS NOT NULL"),
    )  # fmt: skip

    event_id: Mapped[UUID] = mapped_column(primary_key=True)
    salt: Mapped[bytes]
    fingerprint: Mapped[bytes] = mapped_column(index=True)
    newsletter_id: Mapped[UUID]
    kind: Mapped[ConsentKind] = mapped_column(enum(ConsentKind))
    at: Mapped[datetime]
    channel: Mapped[str]  # form, link, one-click, import, terminal
    form_version: Mapped[str | None]
    wording_sha256: Mapped[bytes | None] = mapped_column(ForeignKey("wording.sha256"))
    source: Mapped[str | None]  # where an imported yes or no comes from…
    consented_at: Mapped[datetime | None]  # …and when it was said there
    import_id: Mapped[UUID | None]
    legal_text: Mapped[str | None]  # what an import for a public task rests on
    moved_from: Mapped[bytes | None]  # of a change of address: the fingerprint whose record goes on here…
    moved_to: Mapped[bytes | None]  # …or under which this record goes on
    continues: Mapped[UUID | None]  # of the same, here: the consent that was in force, and goes on
