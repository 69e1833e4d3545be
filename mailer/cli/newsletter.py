"""`mailer newsletter`: the publications."""

from typing import Any

import click

from mailer.cli import show
from mailer.cli.opening import audited, newsletter_called, opened
from mailer.cli.text import PARAGRAPHS
from mailer.core import bootstrap
from mailer.core.db import utcnow
from mailer.core.i18n import LOCALES
from mailer.issues import looks
from mailer.newsletters import newsletters
from mailer.newsletters.models import LegalBasis, Newsletter, Theme
from mailer.newsletters.presentation import NewsletterRefused

_SHOWN = ("id", "slug", "name", "locale", "theme", "legal_basis", "from_name", "from_address", "reply_to",
          "return_path_domain", "accent", "ground", "paused_at")  # fmt: skip


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
    values = newsletters.completed(given, bootstrap.prepare())
    with opened() as db:
        created = newsletters.create_newsletter(db, **values, now=utcnow())
    show.facts(_facts(created), as_json=as_json)


@newsletter.command()
@click.argument("slug")
@click.option(
    "--name", help="Its name for its readers; the consent text of those who sign up from now on has it."
)
@click.option("--description", help="A sentence for the sign-up page.")
@click.option("--locale", type=click.Choice(LOCALES), help="The language of new issues.")
@click.option("--theme", type=click.Choice([each.value for each in Theme]), help="Colours; dsfr: see create.")
@click.option("--legal-basis", type=click.Choice([each.value for each in LegalBasis]), help="RGPD 6.")
@click.option("--accent", help="Of links and buttons, #rrggbb; an empty one is the theme's.")
@click.option("--ground", help="Around the blocks, #rrggbb; an empty one is the theme's.")
@click.option("--from-name", help="The sender's name.")
@click.option("--from-address", help="The sender's address; see `mailer dkim check` first.")
@click.option("--reply-to", help="Where answers go.")
@click.option("--signature", type=PARAGRAPHS, help="Lines under the last block.")
@click.option("--footer", type=PARAGRAPHS, help="Lines above what the law asks for.")
@click.option(
    "--rubric", "rubrics", multiple=True, help="KIND:TITLE of a usual block; again for each; none as ''."
)
@click.option("--slug", "new_slug", help="Refused, and says why.")
@click.option("--return-path-domain", help="Refused, and says why.")
@show.as_json
def edit(
    slug: str, new_slug: str | None, return_path_domain: str | None, as_json: bool, **asked: Any
) -> None:
    """Change how a newsletter presents itself; issues that are scheduled or sent stay as they are."""
    if new_slug is not None:
        raise NewsletterRefused("slug_fixed")
    if return_path_domain is not None:
        raise NewsletterRefused("return_path_fixed")
    values = {name: value for name, value in asked.items() if value not in (None, ())}
    if "rubrics" in values:
        values["rubrics"] = [_rubric(text) for text in values["rubrics"] if text]
    with opened() as db:
        of = newsletter_called(db, slug)
        changed = looks.change(db, of, values, revision=None)
        audited(db, "newsletter edit", newsletter=slug, changed=sorted(changed))
    show.facts({**_facts(of), "changed": ", ".join(changed)}, as_json=as_json)


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


def _rubric(text: str) -> dict[str, str]:
    kind, _, title = text.partition(":")
    return {"kind": kind.strip(), "title": title.strip()}


def _facts(of: Newsletter) -> dict[str, Any]:
    return {name: getattr(of, name) for name in _SHOWN}
