"""Door: a newsletter at the desk: how it presents itself, with a sample beside it."""

from typing import Any

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user
from sqlalchemy.orm import Session

from mailer.core import audit
from mailer.core.db import transaction, utcnow
from mailer.core.i18n import LOCALES, words
from mailer.core.settings import settings
from mailer.issues import assets, look_sample, looks
from mailer.issues.assets import BadImage
from mailer.issues.blocks import KINDS
from mailer.newsletters import newsletters
from mailer.newsletters.models import LegalBasis, Newsletter, Theme
from mailer.newsletters.newsletters import PresentationRefused, Stale
from mailer.newsletters.presentation import EDITABLE, MOST_RUBRICS
from mailer.notices import testers
from mailer.rendering import colours, themes
from mailer.rendering.contrast import ratio
from mailer.rendering.typography import typeset
from mailer.subscribers.consent import wordings
from mailer.web.desk import labels
from mailer.web.desk.compose_draft import UPLOAD, number_in, received, said
from mailer.web.desk.preview import LETTER_CSP

newsletter = Blueprint("newsletter", __name__, url_prefix="/newsletters/<slug>")
SPARE_ROWS = 3  # empty ones, below the rubrics there are


@newsletter.url_value_preprocessor
def allow_logo(endpoint: str | None, _values: dict[str, object] | None) -> None:
    """Let staff send more than a form's worth, where there may be an image."""
    if endpoint == "desk.newsletter.save_logo" and current_user.is_authenticated:
        request.max_content_length = UPLOAD


@newsletter.get("")
def page(slug: str) -> ResponseReturnValue:
    with transaction() as db:
        of = fetch(db, slug)
        return show(db, of, _kept(of))


@newsletter.post("")
def save(slug: str) -> ResponseReturnValue:
    """Keep all of it, or say beside each field why not; nothing typed is lost."""
    typed, revision = _typed(), number_in("revision")
    try:
        with transaction() as db:
            of = fetch(db, slug)
            changed = looks.change(db, of, typed, revision=revision)
            _record(db, of, changed)
    except PresentationRefused as refused:
        return _again(slug, typed, faults=refused), 422
    except Stale:
        return _again(slug, typed, stale=True), 409
    flash(_("C’est enregistré.") if changed else _("Rien n’a changé."), "success" if changed else "info")
    return redirect(url_for("desk.newsletter.page", slug=slug), 303)


@newsletter.post("/logo")
def save_logo(slug: str) -> ResponseReturnValue:
    file, revision = request.files.get("logo"), number_in("revision")
    if file is None or not file.filename:
        flash(_("Choisissez d’abord une image."), "error")
        return _to_logo(slug)
    body = received(file, assets.MAX_BYTES + 1)
    return _logo_changed(
        slug, lambda db, of: looks.keep_logo(db, of, body, revision=revision), _("Le logo est enregistré.")
    )


@newsletter.post("/logo/remove")
def remove_logo(slug: str) -> ResponseReturnValue:
    revision = number_in("revision")
    return _logo_changed(
        slug, lambda db, of: looks.change(db, of, {"logo": ""}, revision=revision), _("Le logo est retiré.")
    )


@newsletter.get("/sample")
def sample(slug: str) -> ResponseReturnValue:
    """Show a short letter in the look that is kept."""
    with transaction() as db:
        return _framed(look_sample.sample(db, fetch(db, slug), {}, settings()))


@newsletter.post("/sample")
def try_out(slug: str) -> ResponseReturnValue:
    """Show it in the look that the form says, which is not kept."""
    dark = request.form.get("scheme") == "dark"
    with transaction() as db:
        return _framed(look_sample.sample(db, fetch(db, slug), _typed(), settings(), dark=dark))


def fetch(db: Session, slug: str) -> Newsletter:
    """Return the newsletter, or a 404."""
    return newsletters.newsletter(db, slug) or abort(404)


def show(
    db: Session, of: Newsletter, values: dict[str, Any], *, faults: PresentationRefused | None = None,
    stale: bool = False, tester: str = "", tester_fault: str = "",
) -> str:  # fmt: skip
    """Return a newsletter's page with these values in its form, and what is wrong with them."""
    locale, kept = labels.language(), _kept(of)
    return render_template(
        "desk/newsletter.html",
        of=of, values=values, kinds=KINDS, said=said(), locales=LOCALES, themes=labels.called(Theme),
        bases=labels.called(LegalBasis), empty_rows=min(SPARE_ROWS, MOST_RUBRICS - len(values["rubrics"])),
        faults={name: typeset(each.sentence(locale), locale) for name, each in _faults(faults).items()},
        theirs={name: kept[name] for name in EDITABLE if kept[name] != values[name]} if stale else {},
        stale=stale, contrasts=_contrasts(of), colours=themes.palette(of.theme, of.accent, of.ground),
        wording=wordings.current_wording(of.name, settings().controller_name, of.locale).text,
        testers=testers.of_newsletter(db, of.id), tester=tester, tester_fault=tester_fault,
    )  # fmt: skip


def _again(slug: str, typed: dict[str, Any], **more: Any) -> str:
    with transaction() as db:
        of = fetch(db, slug)
        return show(db, of, typed, **more)


def _faults(refused: PresentationRefused | None) -> dict[str, Any]:
    return refused.faults if refused else {}


def _kept(of: Newsletter) -> dict[str, Any]:
    return {name: getattr(of, name) for name in EDITABLE}


def _typed() -> dict[str, Any]:
    """Return what the form holds; a rubric without a kind is none."""
    rows = range(MOST_RUBRICS + SPARE_ROWS)
    rubrics = [
        {"kind": kind, "title": request.form.get(f"rubrics.{row}.title", "").strip()}
        for row in rows
        if (kind := request.form.get(f"rubrics.{row}.kind", ""))
    ]
    plain = {name: request.form.get(name, "") for name in EDITABLE if name != "rubrics"}
    return plain | {"rubrics": rubrics}


def _contrasts(of: Newsletter) -> dict[str, float]:
    """Return how well the accent and the text on the ground are read, as they are kept."""
    tokens = themes.palette(of.theme, of.accent, of.ground)
    return {
        "accent": colours.least(tokens["accent"], (tokens["card"], tokens["tint"], tokens["on_accent"])),
        "ground": ratio(tokens["page"], tokens["muted"]),
    }


def _logo_changed(slug: str, change: Any, done: str) -> ResponseReturnValue:
    try:
        with transaction() as db:
            of = fetch(db, slug)
            change(db, of)
            _record(db, of, ["logo"])
    except BadImage as fault:
        sentence = words("issues", labels.language())["faults"][str(fault)]
        flash(_("Cette image n’a pas été prise : %(why)s.", why=sentence), "error")
    except Stale:
        flash(_("Rien n’a changé : la lettre a été modifiée entre-temps. La voici comme elle est."), "info")
    else:
        flash(done, "success")
    return _to_logo(slug)


def _to_logo(slug: str) -> ResponseReturnValue:
    return redirect(url_for("desk.newsletter.page", slug=slug, _anchor="logo-title"), 303)


def _record(db: Session, of: Newsletter, changed: list[str]) -> None:
    """Note who changed what of a newsletter; the values may be somebody's address, and are not noted."""
    if changed:
        details = {"newsletter": of.slug, "changed": sorted(changed)}
        audit.record(db, who=str(current_user.id), what="newsletter edit", details=details, now=utcnow())


def _framed(html: str) -> Response:
    response = Response(html)
    response.headers["Content-Security-Policy"] = LETTER_CSP.format(images=settings().public_url)
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    return response
