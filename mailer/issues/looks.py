"""Put a newsletter's look around an issue, and change it: what it keeps, and the image of its logo."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from mailer.core.settings import Settings
from mailer.issues import fields, stored_images
from mailer.issues.blocks import KINDS, Heading
from mailer.issues.drafts import Values
from mailer.issues.models import Asset, Issue
from mailer.issues.render import LegalNotice, Look, Publication
from mailer.issues.state_machine import IssueState
from mailer.newsletters import newsletters
from mailer.newsletters.models import Newsletter
from mailer.newsletters.newsletters import PresentationRefused
from mailer.newsletters.presentation import SENDER, NewsletterRefused

_TITLES = ("title", "label")  # the field that a rubric's title goes to
LOGO_WIDTH, LOGO_HEIGHT = 240, 96  # pixels, at most
_ON_ITS_WAY = (IssueState.SENDING, IssueState.PAUSED)


def publication(
    db: Session, of: Newsletter, settings: Settings, *, issue_url: str, locale: str
) -> Publication:
    """Return what the layout shows around an issue of a newsletter, as it presents itself now."""
    base = settings.public_url
    return Publication(
        newsletter_name=of.name,
        public_url=base,
        issue_url=issue_url,
        archive_url=f"{base}/{of.slug}/archive",
        rights_url=f"{base}/rights",
        privacy_url=f"{base}/privacy",
        theme=of.theme,
        look=_look(db, of, base),
        legal=LegalNotice(
            controller_name=settings.controller_name,
            controller_address=settings.controller_address,
            dpo_email=settings.dpo_email,
            rights_email=settings.rights_email,
            legal_basis=of.legal_basis,
            recipients=settings.recipients,
            retention=settings.kept(locale),
        ),
    )


def change(db: Session, of: Newsletter, values: Mapping[str, Any], *, revision: int | None) -> list[str]:
    """Present a newsletter otherwise; return the names of what changed.

    Revisions that were frozen before stay as they are.  While an issue is being sent its sender stays: some
    of its copies would have another.  Raises Stale, PresentationRefused.
    """
    rubrics = values.get("rubrics") or ()
    for unknown in (rubric["kind"] for rubric in rubrics if rubric["kind"] not in KINDS):
        raise PresentationRefused({"rubrics": NewsletterRefused("rubric", kind=unknown)})
    fixed = SENDER if _is_leaving(db, of) else frozenset[str]()
    return newsletters.change(db, of, values, revision=revision, fixed=fixed)


def keep_logo(db: Session, of: Newsletter, body: bytes, *, revision: int) -> None:
    """Give a newsletter a logo.  Raises BadImage, Stale."""
    image = stored_images.read(db, body)
    stored_images.keep(db, image)
    newsletters.change(db, of, {"logo": image.name}, revision=revision)


def rubric_blocks(of: Newsletter) -> list[Values]:
    """Return the usual blocks of a newsletter, empty but for their titles."""
    return [
        _rubric_block(rubric["kind"], rubric["title"]) for rubric in of.rubrics if rubric["kind"] in KINDS
    ]


def _rubric_block(kind: str, title: str) -> Values:
    named = {field.name for field in fields.of_kind(kind)}
    name = "text" if kind == Heading.__name__.lower() else next((n for n in _TITLES if n in named), "")
    return {"kind": kind, name: title} if name and title else {"kind": kind}


def logo_size(width: int, height: int) -> int:
    """Return how wide a logo is shown, so that it is neither wider nor higher than there is room for."""
    return max(1, min(width, LOGO_WIDTH, round(width * LOGO_HEIGHT / height)))


def _is_leaving(db: Session, of: Newsletter) -> bool:
    leaving = exists().where(Issue.newsletter_id == of.id, Issue.state.in_(_ON_ITS_WAY))
    return bool(db.scalar(select(leaving)))


def _look(db: Session, of: Newsletter, base: str) -> Look:
    logo = db.get(Asset, of.logo.partition(".")[0]) if of.logo else None
    return Look(
        accent=of.accent,
        ground=of.ground,
        logo_url=f"{base}/assets/{of.logo}" if logo else "",
        logo_width=logo_size(logo.width, logo.height) if logo else 0,
        signature=of.signature,
        footer=of.footer,
    )
