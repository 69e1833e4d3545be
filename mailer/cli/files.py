"""Where a command writes what is for its reader alone: files, and a new one only where none was."""

from pathlib import Path
from typing import IO

import click

from mailer.core import private_file

csv_file = click.option(
    "--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="A CSV file."
)
folder = click.option(
    "--out", required=True, type=click.Path(file_okay=False, path_type=Path), help="A folder."
)


def opened_csv(out: Path) -> IO[str]:
    """Open a CSV file as spreadsheets expect it: UTF-8 that says so."""
    return private_file.opened(out, encoding="utf-8-sig", newline="")


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
