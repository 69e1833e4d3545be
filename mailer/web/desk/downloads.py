"""Hand a file of rows to a person of the desk, in the format they chose."""

import tempfile

from flask import Response, request, send_file

from mailer.core import export_file
from mailer.core.export_file import ExportFormat, Table
from mailer.core.settings import settings


def chosen() -> ExportFormat:
    """Return the format that was asked for; what any spreadsheet opens where none was."""
    asked = request.values.get("format")
    return ExportFormat(asked) if asked in set(ExportFormat) else ExportFormat.XLSX


def write(table: Table, stem: str) -> tuple[Response, int]:
    """Return the file, to be kept under this name, and how many rows it has.  Raises TooManyRows.

    It is on our disk meanwhile, without a name, and gone once it is sent.
    """
    form = chosen()
    file = tempfile.TemporaryFile()  # noqa: SIM115 -- whoever sends it closes it
    try:
        rows = export_file.write(table, file, form, settings().zone)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    response = send_file(file, form.mimetype, as_attachment=True, download_name=f"{stem}.{form.ending}")
    response.headers["Cache-Control"] = "no-store"
    return response, rows
