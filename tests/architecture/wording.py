"""What the mails say, in one file: a change of wording is one difference.  `make messages` writes it."""

from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

from mailer.core.settings import Settings
from mailer.newsletters.models import Theme
from mailer.notices import preview
from tests.conftest import IDENTITY, SECRETS

MAILS = Path(__file__).with_name("mails.txt")
NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)


def mails() -> str:
    """Return what each notice says, in each language."""
    values = {
        name.removeprefix("MAILER_").lower(): value
        for name, value in (IDENTITY | SECRETS | {"MAILER_DATA_DIR": "/srv/mailer/var"}).items()
    }
    settings = Settings(**values)  # type: ignore[arg-type]
    return "\n\n".join(_said(*each) for each in sorted(preview.samples(settings, Theme.NEUTRAL, now=NOW)))


def _said(name: str, mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body
    text = "\n".join(line.rstrip() for line in body.get_content().splitlines()).strip()
    return f"=== {name}\n{mail['Subject']}\n\n{text}\n"


if __name__ == "__main__":
    MAILS.write_text(mails())
