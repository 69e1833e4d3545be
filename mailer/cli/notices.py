"""`mailer notices`: the single mails."""

from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import click

from mailer.cli import files, show
from mailer.core.db import utcnow
from mailer.core.settings import settings
from mailer.newsletters.models import Theme
from mailer.notices.preview import samples


@click.group()
def notices() -> None:
    """Single mails: confirmation, welcome, goodbye, links that were asked for."""


@notices.command()
@files.folder
@click.option(
    "--theme", type=click.Choice([each.value for each in Theme]), default=Theme.NEUTRAL.value,
    show_default=True, help="How they look.",
)  # fmt: skip
@show.as_json
def preview(out: Path, theme: str, as_json: bool) -> None:
    """Write every notice as it will be received, in both languages: HTML, text, and a message (.eml)."""
    out.mkdir(parents=True, exist_ok=True)
    written = [_written(out, name, mail) for name, mail in samples(settings(), Theme(theme), now=utcnow())]
    show.table(written, as_json=as_json, empty="")


def _written(out: Path, name: str, mail: EmailMessage) -> dict[str, str]:
    text, html = (str(part.get_content()) for part in mail.iter_parts())
    (out / f"{name}.txt").write_text(text, encoding="utf-8")
    (out / f"{name}.html").write_text(html, encoding="utf-8")
    (out / f"{name}.eml").write_bytes(mail.as_bytes(policy=SMTP))
    return {"notice": name, "subject": str(mail["Subject"]), "html": str(out / f"{name}.html")}
