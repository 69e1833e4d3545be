"""The first letter, rendered once for all the tests that read it."""

import pytest

from mailer.core.paths import templates_dir
from mailer.issues.blocks import Content
from mailer.issues.pictures import Picture
from mailer.issues.render import LegalNotice, Publication, Rendered, render
from mailer.issues.yaml_file import load

HERE = "https://letters.example.org"
PUBLICATION = Publication(
    newsletter_name="La lettre du commissariat",
    public_url=HERE,
    issue_url=f"{HERE}/lettre/issues/1",
    archive_url=f"{HERE}/lettre/archive",
    rights_url=f"{HERE}/rights",
    privacy_url=f"{HERE}/privacy",
    theme="neutral",
    legal=LegalNotice(
        controller_name="Le commissariat",
        controller_address="1 rue de l’Exemple, 59000 Lille",
        dpo_email="dpo@example.org",
        rights_email="pactedessolidarites@hauts-de-france.gouv.fr",
        legal_basis="consent",
        recipients="le commissariat",
        retention="trois ans",
    ),
)


@pytest.fixture(scope="session")
def letter() -> Content:
    return load(templates_dir() / "examples" / "lettre" / "lettre.yaml")[0]


@pytest.fixture(scope="session")
def rendered(letter: Content) -> Rendered:
    pictures = {image.src: Picture(f"{HERE}/assets/{image.src}", 1200) for image in letter.images()}
    return render(letter, PUBLICATION, pictures)
