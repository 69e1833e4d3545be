"""`mailer newsletter`: the publications."""

from typing import Any
from urllib.parse import urlsplit

import click

from mailer.cli import show
from mailer.cli.opening import audited, newsletter_called, opened
from mailer.core import bootstrap
from mailer.core.db import utcnow
from mailer.core.i18n import LOCALES
from mailer.core.settings import Settings
from mailer.newsletters import newsletters
from mailer.newsletters.models import LegalBasis, Newsletter, Theme

_SHOWN = ("id", "slug", "name", "locale", "theme", "legal_basis", "from_name", "from_address", "reply_to",
          "return_path_domain", "paused_at")  # fmt: skip


@click.group()
def newsletter() -> None:
    """Publications one signs up to."""


@newsletter.command()
@click.option("--slug", required=True, help="Its name in addresses, such as lettre-du-commissariat.")
@click.option("--name", required=True, help="Its name for its readers.")
@click.option("--description", default="", help="A sentence for the sign-up page.")
@click.option("--locale", type=click.Choice(LOCALES), help="MAILER_DEFAULT_LOCALE by default.")
@click.option("--theme", type=click.Choice([each.value for each in Theme]), default=Theme.NEUTRAL.value,
              show_default=True, help="Colours; dsfr is for authorised bodies of the State.")  # fmt: skip
@click.option("--legal-basis", type=click.Choice([each.value for each in LegalBasis]),
              default=LegalBasis.CONSENT.value, show_default=True, help="RGPD 6.")  # fmt: skip
@click.option("--from-name", help="The sender's name; the newsletter's by default.")
@click.option("--from-address", help="SLUG@ the domain of MAILER_PUBLIC_URL by default.")
@click.option("--reply-to", help="Where answers go; the sender's address by default.")
@click.option("--return-path-domain", help="Where bounces come back; the sender's domain by default.")
@show.as_json
def create(as_json: bool, **given: Any) -> None:
    """Create a newsletter."""
    values = _completed(given, bootstrap.prepare())
    with opened() as db:
        created = newsletters.create_newsletter(db, **values, now=utcnow())
    show.facts(_facts(created), as_json=as_json)


@newsletter.command("list")
@show.as_json
def list_(as_json: bool) -> None:
    """List the newsletters."""
    with opened() as db:
        rows = [_facts(each) for each in newsletters.newsletters(db)]
    show.table(rows, as_json=as_json, empty="no newsletter yet: mailer newsletter create --slug S --name N")


@newsletter.command()
@click.argument("slug")
@show.as_json
def resume(slug: str, as_json: bool) -> None:
    """Let the issues of a paused newsletter leave; first mend what `mailer consent verify` names."""
    with opened() as db:
        found = newsletter_called(db, slug)
        resumed = newsletters.resume(db, found)
        audited(db, "newsletter resume", newsletter=slug)
    show.facts({"slug": slug, "resumed": resumed}, as_json=as_json)


def _completed(given: dict[str, Any], settings: Settings) -> dict[str, Any]:
    values = {name: value for name, value in given.items() if value is not None}
    values.setdefault("locale", settings.default_locale)
    values.setdefault("from_name", values["name"])
    values.setdefault("from_address", f"{values['slug']}@{urlsplit(settings.public_url).hostname}")
    values.setdefault("reply_to", values["from_address"])
    values.setdefault("return_path_domain", values["from_address"].rpartition("@")[2])
    return values


def _facts(of: Newsletter) -> dict[str, Any]:
    return {name: getattr(of, name) for name in _SHOWN}
