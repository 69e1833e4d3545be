"""Define issues, their images, and the frozen revisions that are sent."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import CheckConstraint, ForeignKey, Index, func
from sqlalchemy.dialects.postgresql import JSONB, TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column, relationship

from mailer.core.db import Base, enum
from mailer.issues.state_machine import IssueState
from mailer.newsletters.models import Newsletter


class Issue(Base):
    """Hold one number of a newsletter."""

    __tablename__ = "issue"
    __table_args__ = (
        CheckConstraint("state = 'draft' OR revision_id IS NOT NULL", name="leaves_with_a_revision"),
        CheckConstraint("state <> 'scheduled' OR due_at IS NOT NULL", name="scheduled_has_due_at"),
        CheckConstraint("candidates = audience + excluded", name="audience_adds_up"),
        Index("ix_issue_due", "due_at", postgresql_where="state = 'scheduled'"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    newsletter_id: Mapped[UUID] = mapped_column(ForeignKey("newsletter.id"), index=True)
    state: Mapped[IssueState] = mapped_column(enum(IssueState))
    content: Mapped[dict[str, Any]]  # the letter as it is written: see drafts.py
    assets: Mapped[dict[str, Any]] = mapped_column(default=dict)  # an image's src → "<sha256>.<ext>"
    title: Mapped[str]
    created_at: Mapped[datetime]
    revision_id: Mapped[bytes | None] = mapped_column(ForeignKey("revision.sha256"))
    due_at: Mapped[datetime | None]
    after_introductions: Mapped[bool] = mapped_column(default=False)  # waits for imported people to be told
    send_id: Mapped[UUID | None] = mapped_column(unique=True)  # minted at the freeze, random
    started_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    paused_for: Mapped[str | None]  # the relay's refusal for which the service itself paused it
    candidates: Mapped[int | None]  # active subscriptions looked at by the freeze
    audience: Mapped[int | None]  # ledger rows
    excluded: Mapped[int | None]  # at the freeze: suppressed, paused, or not yet told of their import
    newsletter: Mapped[Newsletter] = relationship(lazy="raise")


class Revision(Base):
    """Hold a frozen content, named by its SHA-256: the only content that is ever sent."""

    __tablename__ = "revision"
    __table_args__ = (Index("ix_revision_search", "search", postgresql_using="gin"),)

    sha256: Mapped[bytes] = mapped_column(primary_key=True)
    content: Mapped[dict[str, Any]]
    subject: Mapped[str]
    locale: Mapped[str]
    html: Mapped[str]  # with markers for merge fields
    text: Mapped[str]  # the same
    search: Mapped[Any] = mapped_column(
        TSVECTOR, deferred=True, server_default=""
    )  # for the archive's search
    created_at: Mapped[datetime]


class Act(StrEnum):
    """Name what made a version of a draft."""

    BEGIN = "begin"
    CHANGE = "change"
    REPLACE = "replace"  # by a file
    RESTORE = "restore"  # of an earlier version
    UNDO = "undo"
    REDO = "redo"


class Version(Base):
    """Hold a draft as it was once somebody had changed it; several saves of one block in a row are one."""

    __tablename__ = "version"
    __table_args__ = (
        CheckConstraint("NOT (undoable AND redoable)", name="one_way"),
        Index("ix_version_issue_by", "issue_id", "by"),
    )

    issue_id: Mapped[UUID] = mapped_column(ForeignKey("issue.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)  # from 1, in each issue
    content: Mapped[dict[str, Any]]
    assets: Mapped[dict[str, Any]]
    act: Mapped[Act] = mapped_column(enum(Act))
    about: Mapped[int | None]  # the number of the version that was undone, redone or restored
    by: Mapped[str | None]  # a staff id, or "terminal"; None: it was there before anybody changed it
    begun_at: Mapped[datetime]
    saved_at: Mapped[datetime]
    undoable: Mapped[bool] = mapped_column(default=False)  # by whoever made it
    redoable: Mapped[bool] = mapped_column(default=False)  # it was undone, and nothing else done since


class Approval(Base):
    """Record who approved which revision of an issue, and the warnings that were acknowledged one by one."""

    __tablename__ = "approval"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    issue_id: Mapped[UUID] = mapped_column(ForeignKey("issue.id"), index=True)
    revision_id: Mapped[bytes] = mapped_column(ForeignKey("revision.sha256"))
    approver: Mapped[str]  # a staff id, or "terminal"
    at: Mapped[datetime]
    acknowledged: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list)  # see acknowledgement.py


class Asset(Base):
    """Hold an image of an issue, served under its hash, or the original that it was cut from."""

    __tablename__ = "asset"

    sha256: Mapped[str] = mapped_column(primary_key=True)  # hexadecimal, as in its URL
    media_type: Mapped[str]
    width: Mapped[int]
    height: Mapped[int]
    body: Mapped[bytes] = mapped_column(deferred=True)
    double: Mapped[bool] = mapped_column(default=False)  # it has two pixels for one that is shown
    original: Mapped[str | None] = mapped_column(ForeignKey("asset.sha256"), index=True)
    crop: Mapped[dict[str, Any] | None]  # how it was cut: see crops.py
    kept_at: Mapped[datetime] = mapped_column(server_default=func.now())  # when somebody last gave it


class LibraryImage(Base):
    """Hold an image that a newsletter has at hand, as it is shown uncut."""

    __tablename__ = "library_image"

    newsletter_id: Mapped[UUID] = mapped_column(ForeignKey("newsletter.id"), primary_key=True)
    sha256: Mapped[str] = mapped_column(ForeignKey("asset.sha256"), primary_key=True, index=True)
    name: Mapped[str]  # of its file, as its author knows it
    alt: Mapped[str] = mapped_column(default="")  # proposed to a block that takes it
    credit: Mapped[str] = mapped_column(default="")
    added_at: Mapped[datetime]
    added_by: Mapped[str]  # a staff id, or "terminal"


class LinkVisit(Base):
    """Record that somebody asked whether an address of a letter answers, and what it answered."""

    __tablename__ = "link_visit"

    issue_id: Mapped[UUID] = mapped_column(ForeignKey("issue.id"), primary_key=True)
    url: Mapped[str] = mapped_column(primary_key=True)
    asked_at: Mapped[datetime]
    looked_at: Mapped[datetime | None]
    status: Mapped[int | None]  # of HTTP
    fault: Mapped[str | None]  # why there is none: core/public_web.py
