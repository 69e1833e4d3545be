"""Door: how a file that was sent is read, and what each of its columns holds; a person says so first."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import format_decimal
from flask_babel import gettext as _

from mailer.core.db import transaction
from mailer.imports import file_format, lifecycle, uploads
from mailer.imports.columns import PRESETS, Columns, NoMapping, Role, checked, guess, with_orders
from mailer.imports.dates import DateOrder
from mailer.imports.file_format import ENCODINGS, MIXED, Choices, Form, UnreadableFile
from mailer.imports.lifecycle import Reading
from mailer.imports.models import Import
from mailer.imports.uploads import Stored
from mailer.web.desk import labels

EXAMPLES = 3  # values shown beside a column
LONGEST = 60  # characters of one
people = Blueprint("people", __name__, url_prefix="/people")


def recognised(form: Form, preset: str | None) -> Columns:
    """Return what the columns are taken for, until a person has looked."""
    name = preset if preset in PRESETS else "sympa" if form.is_dump else None
    return guess(form.header, name)


@people.get("/imports/<uuid:import_id>/columns")
def columns(import_id: UUID) -> ResponseReturnValue:
    """Show the first rows, and what each column is taken for."""
    job = _waiting(import_id)
    return _page(job) if job else _over(import_id)


@people.post("/imports/<uuid:import_id>/read")
def reread(import_id: UUID) -> ResponseReturnValue:
    """Read the file again, in another encoding, another sheet, or as another service's."""
    job = _waiting(import_id)
    if job is None:
        return _over(import_id)
    encoding = request.form.get("encoding", "")
    choices = Choices(encoding if encoding in ENCODINGS else "", request.form.get("sheet", ""))
    try:
        form = file_format.inspect(Stored(job.file_name, job.id), choices)
    except UnreadableFile as fault:
        return _page(job, fault.sentence(labels.language())), 422
    with transaction() as db:
        reading = Reading(form, recognised(form, request.form.get("preset")), choices)
        lifecycle.reread(db, import_id, reading)
    return redirect(url_for("desk.people.columns", import_id=import_id), 303)


@people.post("/imports/<uuid:import_id>/columns")
def look(import_id: UUID) -> ResponseReturnValue:
    """Have the file looked at, line by line, its columns being what a person says."""
    job = _waiting(import_id)
    if job is None:
        return _over(import_id)
    form, said = lifecycle.form(job), _said(lifecycle.columns(job))
    dates = request.form.get("dates")
    order = DateOrder(dates) if dates in set(DateOrder) else None
    rows = file_format.records(Stored(job.file_name, job.id), form)
    try:
        agreed = with_orders(checked(said), (cells for _line, cells in rows), order)
    except NoMapping as fault:
        return _page(job, _fault(fault), said), 422
    with transaction() as db:
        lifecycle.look(db, import_id, Reading(form, agreed, lifecycle.choices(job)))
    return redirect(url_for("desk.people.page", import_id=import_id), 303)


def _fault(fault: NoMapping) -> str:
    """Say what is wrong with the columns; a list of this page mends what a file would otherwise have to."""
    if fault.code == "no_email":
        return str(
            _("Aucune colonne ne contient d’adresses : dites laquelle, dans la liste à côté de son nom.")
        )
    return fault.sentence(labels.language())


def _said(shown: Columns) -> Columns:
    """Return the columns as the form says them; what it does not name stays."""
    roles = []
    for place, role in enumerate(shown.roles):
        given = request.form.get(f"role-{place}", role.value if role else "")
        roles.append(Role(given) if given in set(Role) else None)
    return replace(shown, roles=tuple(roles))


def _waiting(import_id: UUID) -> Import | None:
    """Return an import that waits for a person, with its file; None: no more."""
    with transaction() as db:
        job = db.get(Import, import_id) or abort(404)
        return job if job.state in lifecycle.WAITING and uploads.held(db, import_id) else None


def _over(import_id: UUID) -> ResponseReturnValue:
    return redirect(url_for("desk.people.page", import_id=import_id), 303)


def _page(job: Import, fault: str | None = None, said: Columns | None = None) -> str:
    source, form, said = Stored(job.file_name, job.id), lifecycle.form(job), said or lifecycle.columns(job)
    rows = [_fitted(cells, len(form.header)) for cells in file_format.sample(source, form)]
    return render_template(
        "desk/import_columns.html", job=job, fault=fault, rows=rows, headers=form.header,
        examples=[_examples(rows, place) for place in range(len(form.header))],
        chosen=[role.value if role else "" for role in said.roles], roles=labels.called(Role),
        read_as=_read_as(form), sheet=form.sheet, sheets=file_format.sheets(source) if form.sheet else [],
        encodings=ENCODINGS, presets=PRESETS, preset=job.preset, choices=lifecycle.choices(job),
        dates=request.form.get("dates", ""),
    )  # fmt: skip


def _fitted(cells: Sequence[str], width: int) -> list[str]:
    return [" ".join(cell.split()) for cell in [*cells, *[""] * width][:width]]


def _examples(rows: Sequence[Sequence[str]], place: int) -> str:
    values = dict.fromkeys(row[place][:LONGEST] for row in rows if row[place])
    return " · ".join(list(values)[:EXAMPLES])


def _read_as(form: Form) -> str:
    """Say how the file is read."""
    count = format_decimal(form.records)
    if form.sheet:
        return str(_("Tableur, feuille « %(sheet)s » : %(n)s lignes.", sheet=form.sheet, n=count))
    name = _("UTF-8, avec des lignes en Windows-1252") if form.encoding_name == MIXED else form.encoding_name
    return str(_("Encodage : %(name)s. %(n)s lignes.", name=name, n=count))
