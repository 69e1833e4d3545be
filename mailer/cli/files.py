"""Where a command writes what is for its reader alone: files, and a new one only where none was."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from mailer.core import export_file, private_file
from mailer.core.export_file import ExportFormat, Table
from mailer.core.settings import settings

FORMATS = [each.value for each in ExportFormat]


def table_file(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command that writes rows its two options: --out, and --format."""
    out = click.option("--out", required=True, type=click.Path(dir_okay=False, path_type=Path),
                       help="The file to write.")  # fmt: skip
    form = click.option("--format", "form", type=click.Choice(FORMATS), help="How; told by its ending "
                        "otherwise. csv-excel is for spreadsheets in French.")  # fmt: skip
    return out(form(command))


folder = click.option(
    "--out", required=True, type=click.Path(file_okay=False, path_type=Path), help="A folder."
)


def write_table(table: Table, out: Path, form: Any) -> int:
    """Write a file of rows for its owner alone; how many."""
    with private_file.opened(out, "wb") as file:
        chosen = ExportFormat(form) if form else export_file.format_of(out)
        return export_file.write(table, file, chosen, settings().zone)


def write_new(out: Path, body: bytes) -> None:
    """Write a file; one that exists is left as it is, and said."""
    try:
        with private_file.opened(out, "xb") as file:
            file.write(body)
    except FileExistsError:
        raise click.ClickException(f"{out} exists already, and was left as it is") from None


def write_files(folder: Path, files: dict[Path, str | bytes]) -> None:
    """Write files into a folder, which is made where there is none."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path, body in files.items():
        private_file.write(path, body)
