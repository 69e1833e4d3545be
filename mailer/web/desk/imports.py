"""Door: people taken over from a file.  It is looked at first; a person then says go.  A worker does both."""

from datetime import UTC, date, datetime
from uuid import UUID

from flask import abort, flash, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import format_decimal
from flask_babel import gettext as _
from flask_login import current_user
from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from sqlalchemy.orm import Session
from wtforms import SelectField, StringField

from mailer.core import audit
from mailer.core.db import transaction, utcnow
from mailer.core.settings import settings
from mailer.imports import export, file_format, lifecycle, refused_introductions, uploads
from mailer.imports.columns import Role
from mailer.imports.file_format import ENCODINGS, Choices, UnreadableFile
from mailer.imports.lifecycle import Order
from mailer.imports.messages import sentence
from mailer.imports.models import Import, ImportState
from mailer.imports.rows import MAX_SOURCE, Terms
from mailer.imports.uploads import Given
from mailer.newsletters import newsletters
from mailer.newsletters.models import LegalBasis, Newsletter
from mailer.web.desk import downloads, labels
from mailer.web.desk.import_columns import people, recognised

__all__ = ("people",)

UPLOAD = 128 * 1024 * 1024  # bytes: two million rows
LIVE = frozenset({ImportState.CHECKING, ImportState.RUNNING, ImportState.UNDOING})


class FileForm(FlaskForm):  # type: ignore[misc]
    """Take a file, the newsletter it is for, and what the whole of it rests on."""

    newsletter = SelectField(validate_choice=False)
    file = FileField()
    source = StringField()
    consented_at = StringField()
    legal_text = StringField()
    encoding = SelectField(validate_choice=False)


class Refusal(Exception):
    """Say what is wrong with what was sent, in the reader's language."""


@people.url_value_preprocessor
def allow_files(endpoint: str | None, _: dict[str, object] | None) -> None:
    """Staff may send more than a form's worth, and only here."""
    if endpoint == "desk.people.send" and current_user.is_authenticated:
        request.max_content_length = UPLOAD


@people.get("")
def home() -> ResponseReturnValue:
    return _home(FileForm(newsletter=request.args.get("newsletter")))


@people.post("")
def send() -> ResponseReturnValue:
    """Keep the file, and ask what its columns hold."""
    given = FileForm()
    try:
        with transaction() as db:
            job = _begun(db, given)
            import_id = job.id
    except Refusal as refusal:
        return _home(given, str(refusal)), 422
    except UnreadableFile as fault:
        return _home(given, fault.sentence(labels.language())), 422
    return redirect(url_for("desk.people.columns", import_id=import_id), 303)


@people.get("/imports/<uuid:import_id>")
def page(import_id: UUID) -> ResponseReturnValue:
    with transaction() as db:
        job = _fetch(db, import_id)
        newsletter = db.get_one(Newsletter, job.newsletter_id)
        held = uploads.held(db, import_id)
    if job.state is ImportState.MAPPING:
        return redirect(url_for("desk.people.columns", import_id=import_id), 303)
    return render_template("desk/import.html", job=job, letter=newsletter.name, held=held, **_shown(job))


@people.get("/imports/<uuid:import_id>/progress.json")
def progress(import_id: UUID) -> ResponseReturnValue:
    """Show what imports.js asks each second."""
    with transaction() as db:
        job = _fetch(db, import_id)
    counts = {name: format_decimal(getattr(job, name)) for name in ("new", "known", "refused")}
    said = _sentence(job)
    return jsonify({"state": job.state, "done": job.done, "records": job.records, "sentence": said} | counts)


@people.get("/imports/<uuid:import_id>/report")
def report(import_id: UUID) -> ResponseReturnValue:
    """Hand out what became of every row."""
    with transaction() as db:
        _fetch(db, import_id)
        rows = lifecycle.report(db, import_id)
        response, _rows = downloads.write(export.report(rows, labels.language()), f"import-{import_id}")
    return response


@people.post("/export")
def hand_out() -> ResponseReturnValue:
    """Hand out the subscribers of a newsletter.  The audit keeps it."""
    everybody = request.form.get("everybody") == "yes"
    with transaction() as db:
        newsletter = newsletters.newsletter(db, request.form.get("newsletter", "")) or abort(404)
        listed = export.subscribers(db, newsletter.id, everybody=everybody)
        response, rows = downloads.write(listed, f"abonnes-{newsletter.slug}")
        details = {"newsletter": newsletter.slug, "rows": rows, "everybody": everybody}
        audit.record(db, who=str(current_user.id), what="subscribers export", details=details, now=utcnow())
    return response


@people.post("/imports/<uuid:import_id>/run")
def run(import_id: UUID) -> ResponseReturnValue:
    with transaction() as db:
        if lifecycle.start(db, import_id):
            _log(db, import_id, "subscribers import")
    return _back(import_id)


@people.post("/imports/<uuid:import_id>/drop")
def drop(import_id: UUID) -> ResponseReturnValue:
    with transaction() as db:
        lifecycle.drop(db, import_id)
    flash(_("Fichier supprimé : rien n’a été importé."), "success")
    return redirect(url_for("desk.people.home"), 303)


@people.get("/imports/<uuid:import_id>/undo")
def confirm_undo(import_id: UUID) -> ResponseReturnValue:
    with transaction() as db:
        job = _fetch(db, import_id)
    if job.state not in lifecycle.UNDOABLE:
        return _back(import_id)
    return render_template("desk/import_undo.html", job=job)


@people.post("/imports/<uuid:import_id>/undo")
def undo(import_id: UUID) -> ResponseReturnValue:
    with transaction() as db:
        lifecycle.ask_to_undo(db, import_id)
        _log(db, import_id, "subscribers undo")
    return _back(import_id)


def _home(given: FileForm, fault: str | None = None) -> str:
    with transaction() as db:
        listed = newsletters.newsletters(db)
        names = {newsletter.id: newsletter.name for newsletter in listed}
        imports = lifecycle.imports(db)[:50]
        refused = refused_introductions.count(db)
    return render_template(
        "desk/people.html", form=given, fault=fault, newsletters=listed,
        encodings=ENCODINGS, imports=imports, names=names, STATES=labels.called(ImportState),
        refused=refused,
    )  # fmt: skip


def _begun(db: Session, given: FileForm) -> Import:
    """Return the import of what was sent.  Raises Refusal, UnreadableFile."""
    newsletter = newsletters.newsletter(db, given.newsletter.data or "")
    if newsletter is None:
        raise Refusal(_("Choisissez la lettre que ces personnes ont accepté de recevoir."))
    if not given.file.data or not given.file.data.filename:
        raise Refusal(_("Choisissez un fichier."))
    terms = _terms(newsletter, given)
    source = Given(given.file.data.filename.replace("\\", "/").rpartition("/")[2], given.file.data.stream)
    choices = Choices(given.encoding.data if given.encoding.data in ENCODINGS else "")
    form = file_format.inspect(source, choices)
    columns = recognised(form, None)
    order = Order(newsletter.id, str(current_user.id), source, form, columns, terms, choices)
    job = lifecycle.begin(db, order, ImportState.MAPPING)
    if not uploads.held(db, job.id):
        uploads.store(db, job.id, source)
    return job


def _terms(newsletter: Newsletter, given: FileForm) -> Terms:
    source = " ".join((given.source.data or "").split())
    if not source or len(source) > MAX_SOURCE or not source.isprintable():
        raise Refusal(
            _(
                "Indiquez en une phrase l’origine de ces consentements : elle sera conservée et "
                "communiquée aux personnes."
            )
        )
    text = " ".join((given.legal_text.data or "").split()) or None
    if newsletter.legal_basis is LegalBasis.PUBLIC_TASK and text is None:
        raise Refusal(
            _("Cette lettre relève d’une mission d’intérêt public : indiquez le texte qui la prévoit.")
        )
    public = newsletter.legal_basis is LegalBasis.PUBLIC_TASK
    return Terms(source, newsletter.locale, settings().zone, _day(given.consented_at.data),
                 text if public else None, utcnow())  # fmt: skip


def _day(typed: str | None) -> datetime | None:
    if not typed:
        return None
    try:
        day = date.fromisoformat(typed)
        return datetime(day.year, day.month, day.day, tzinfo=settings().zone).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Refusal(_("La date du consentement s’écrit 2026-01-31.")) from None


def _fetch(db: Session, import_id: UUID) -> Import:
    return db.get(Import, import_id) or abort(404)


def _shown(job: Import) -> dict[str, object]:
    lang, roles = labels.language(), labels.called(Role)
    reasons = sorted(job.reasons.items(), key=lambda pair: -pair[1])
    return {
        "live": job.state in LIVE, "state": labels.called(ImportState)[job.state], "sentence": _sentence(job),
        "reasons": [(sentence(reason, lang), count) for reason, count in reasons],
        "columns": [(header, roles[Role(role)] if role else None) for header, role in job.columns["roles"]],
    }  # fmt: skip


def _sentence(job: Import) -> str:
    done, records = format_decimal(job.done), format_decimal(job.records)
    return str(_("%(done)s lignes sur %(records)s", done=done, records=records))


def _back(import_id: UUID) -> ResponseReturnValue:
    return redirect(url_for("desk.people.page", import_id=import_id), 303)


def _log(db: Session, import_id: UUID, what: str) -> None:
    details = {"import": str(import_id)}
    audit.record(db, who=str(current_user.id), what=what, details=details, now=utcnow())
