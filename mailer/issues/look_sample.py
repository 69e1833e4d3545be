"""Show a short letter in a look that need not be kept yet."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from mailer.core.i18n import words
from mailer.core.settings import Settings
from mailer.issues import draft_preview, drafts, looks
from mailer.issues.blocks import Content
from mailer.issues.render import render
from mailer.newsletters.models import Newsletter
from mailer.newsletters.presentation import faults, tidied
from mailer.rendering.color_scheme import fixed
from mailer.rendering.merge_fields import UNSUBSCRIBE_URL, fill, values_for

_SHOWN = ("name", "locale", "theme", "legal_basis", "accent", "ground", "signature", "footer")


def sample(
    db: Session, of: Newsletter, values: Mapping[str, Any], settings: Settings, *, dark: bool = False
) -> str:
    """Return the HTML of a sample in the look of a newsletter with these values; those that are wrong are
    left out.  Whatever the browser prefers, it is light or dark as asked.
    """
    tidy = tidied({name: values[name] for name in _SHOWN if name in values})
    wrong = faults(tidy)
    kept = {name: getattr(of, name) for name in _SHOWN}
    tried = kept | {name: value for name, value in tidy.items() if name not in wrong}
    shown = Newsletter(slug=of.slug, logo=of.logo, **tried)
    content = _letter(shown)
    around = looks.publication(
        db, shown, settings, issue_url=f"{settings.public_url}/{of.slug}/archive", locale=shown.locale
    )
    page = render(content, around, {}).html
    reader = values_for(shown.locale, words("samples", shown.locale)["reader"]) | {UNSUBSCRIBE_URL: "#"}
    return fixed(fill(page, reader, escape=True), dark=dark)


def _letter(of: Newsletter) -> Content:
    letter: dict[str, Any] = words("samples", of.locale)["letter"]
    masthead = {"kind": "masthead", "title": of.name, **letter["masthead"]}
    head = {"newsletter": of.slug, "locale": of.locale, "title": of.name, "subject": of.name}
    document = {**head, "preheader": of.name, "blocks": [masthead, *letter["blocks"]]}
    return draft_preview.content(drafts.identified(document), ())  # a name may be what no title can
