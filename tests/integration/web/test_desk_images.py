"""Pictures at the desk: from a file or the library, cut, described, replaced in drafts, and never lost."""

import io
import re
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy import delete, select
from sqlalchemy.orm import Session
from werkzeug.test import EnvironBuilder, TestResponse

from mailer.core.audit import Audit
from mailer.core.db import transaction, utcnow
from mailer.core.settings import settings
from mailer.issues import assets, drafts, lifecycle, starting, stored_images
from mailer.issues.models import Asset, Issue, LibraryImage, Revision
from mailer.newsletters.models import Newsletter
from mailer.privacy.retention import rules
from tests.support.desk_client import FRENCH, log_in, token
from tests.support.desk_rows import make_staff
from tests.support.make import make_newsletter

pytestmark = pytest.mark.usefixtures("clean")
LIBRARY = "/desk/newsletters/lettre/images"


def _file(size: tuple[int, int] = (1600, 900), kind: str = "JPEG", shade: int = 40, **options: Any) -> bytes:
    """A picture that is red at its left, and blue at its right."""
    image = Image.new("RGB", size, (20, 20, 200))
    image.paste((200, shade, 30), (0, 0, size[0] // 2, size[1]))
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@pytest.fixture
def desk(app: Flask) -> FlaskClient:
    """A client that is logged in, a newsletter, and a draft with a block for a picture."""
    with transaction() as db:
        make_staff(db)
        make_newsletter(db)
    client = app.test_client()
    log_in(client)
    return client


@pytest.fixture
def draft(desk: FlaskClient) -> UUID:
    with transaction() as db:
        return _draft(db)


def _draft(db: Any, **head: str) -> UUID:
    made = starting.empty(db, db.scalars(select(Newsletter)).one(), now=utcnow())
    filled = {"title": "Un numéro", "subject": "Un objet", "preheader": "La suite."} | head
    lines = [{"role": "Directrice", "names": "A. Exemple"}]
    picture = {"id": "picture", "revision": 1, "kind": "image"}
    colophon = {"id": "colophon", "revision": 1, "kind": "colophon", "lines": lines}
    made.content = made.content | filled | {"blocks": [picture, colophon]}
    made.title = filled["title"]
    db.flush()
    return UUID(str(made.id))


def post(client: FlaskClient, path: str, **data: Any) -> TestResponse:
    values = {"csrf_token": token(client, "/desk/issues/new"), **data}
    asked = EnvironBuilder(path=path, method="POST", data=values).get_environ()
    with asked["wsgi.input"] as body:  # a file, where it is large
        return client.post(path, input_stream=body, content_type=asked["CONTENT_TYPE"], headers=FRENCH)


def form(issue_id: UUID) -> str:
    return f"/desk/issues/{issue_id}/compose/blocks/picture"


def save(client: FlaskClient, issue_id: UUID, **values: Any) -> TestResponse:
    revision = block(issue_id)["revision"]
    return post(client, form(issue_id), kind="image", revision=revision, **values)


def block(issue_id: UUID) -> dict[str, Any]:
    with transaction() as db:
        found = drafts.block_of(drafts.identified(db.get_one(Issue, issue_id).content), "picture")
    assert found
    return found


def shown(client: FlaskClient, issue_id: UUID) -> Image.Image:
    """What the block shows, as a mailbox would fetch it."""
    with transaction() as db:
        name = db.get_one(Issue, issue_id).assets[block(issue_id)["image"]["src"]]
    answer = client.get(f"/assets/{name}")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    return Image.open(io.BytesIO(answer.data))


def take(client: FlaskClient, issue_id: UUID, body: bytes | None = None, name: str = "lille.jpg") -> None:
    file = (io.BytesIO(body or _file()), name)
    answer = save(client, issue_id, **{"image.src": file, "image.alt": "La grand-place sous la neige."})
    assert answer.status_code == 303


def hashes() -> list[str]:
    with transaction() as db:
        return list(db.scalars(select(LibraryImage.sha256).order_by(LibraryImage.name)))


def plain(answer: TestResponse) -> str:
    return answer.text.replace("\u00a0", " ").replace("\u202f", " ")


# -- bad files: a sentence, and nothing typed is lost ------------------------------------------


@pytest.mark.parametrize(
    ("name", "body", "sentence"),
    [
        ("plan.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "exportez le dessin en PNG"),
        ("affiche.png", b"%PDF-1.7 ...", "exportez la page voulue en PNG"),
        ("vide.png", b"", "le fichier est vide"),
        ("coupee.jpg", _file()[:4000], "incomplet ou abîmé"),
        ("IMG_1.HEIC", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "exportez la photo en JPEG"),
        ("lourde.png", _file() + bytes(10_000_000), "plus de 10 Mo"),
        ("large.png", _file((7000, 6000), "PNG"), "réduisez-la à 2560 pixels de large"),
        (
            "anime.gif",
            _file((60, 40), "GIF", save_all=True, append_images=[Image.new("RGB", (60, 40))]),
            "donnez une image fixe",
        ),
    ],
)
def test_a_bad_file_is_told_and_nothing_is_lost(
    desk: FlaskClient, draft: UUID, name: str, body: bytes, sentence: str
) -> None:
    answer = save(
        desk, draft,
        **{"image.src": (io.BytesIO(body), name), "image.alt": "Des mots à garder.", "image.credit": "Léa"},
    )  # fmt: skip
    assert answer.status_code == 422
    assert sentence in plain(answer)
    assert 'value="Des mots à garder."' in answer.text
    assert block(draft)["image"] == {"alt": "Des mots à garder.", "credit": "Léa"}
    assert hashes() == []


def test_forty_megapixels_from_a_camera_are_made_small(desk: FlaskClient, draft: UUID) -> None:
    take(desk, draft, _file((7300, 5500)))
    assert shown(desk, draft).size == (1280, 965)


# -- words -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("alt", "sentence"),
    [
        ("lille.jpg", "un nom de fichier"),
        ("Photo", "Ce mot dit que c’est une image"),
        ("une image", "Ce mot dit que c’est une image"),
        ("", "cochez « image décorative »"),
    ],
)
def test_words_that_tell_nothing_are_refused(desk: FlaskClient, draft: UUID, alt: str, sentence: str) -> None:
    file = (io.BytesIO(_file()), "lille.jpg")
    answer = save(desk, draft, **{"image.src": file, "image.alt": alt})
    assert sentence in plain(desk.get(answer.headers["Location"], headers=FRENCH))


def test_words_that_tell_nothing_stop_the_send(desk: FlaskClient, draft: UUID) -> None:
    file = (io.BytesIO(_file()), "lille.jpg")
    save(desk, draft, **{"image.src": file, "image.alt": "lille.jpg"})
    with transaction() as db:
        issue = lifecycle.get(db, draft)
        assert issue
        found = lifecycle.findings(db, issue, settings(), leaves=utcnow())
    assert ("error", "alt_is_name") in {(each.level, each.code) for each in found}


def test_advice_is_for_what_the_picture_is(desk: FlaskClient, draft: UUID) -> None:
    post(desk, f"/desk/issues/{draft}/compose/add", kind="editorial")
    with transaction() as db:
        last = db.get_one(Issue, draft).content["blocks"][-1]["id"]
    page = desk.get(f"/desk/issues/{draft}/compose/blocks/{last}", headers=FRENCH)
    assert "Dites qui c’est" in page.text
    assert "Dites qui c’est" not in desk.get(form(draft), headers=FRENCH).text


def test_a_picture_for_fine_screens_is_shown_at_half(desk: FlaskClient, draft: UUID) -> None:
    take(desk, draft, _file((800, 450), "PNG", dpi=(144, 144)))
    page = desk.get(f"{form(draft)}/preview").text
    assert re.search(r'width="400"[^>]*>', page)
    assert 'width="800"' not in page


# -- cropping ----------------------------------------------------------------------------------


def test_a_picture_is_cut_looked_at_and_cut_again_from_its_original(desk: FlaskClient, draft: UUID) -> None:
    take(desk, draft, _file((3000, 1500)))
    path = f"{form(draft)}/image/crop"
    assert "2 560 × 1 280 pixels" in plain(desk.get(path, headers=FRENCH))
    looked = post(desk, path, ratio="1:1", focus="middle-left", top="0", then="look")
    assert (looked.status_code, block(draft)["revision"]) == (200, 2)
    address = re.search(r'data-crop-result src="([^"]+)"', looked.text)
    assert address
    sample = Image.open(io.BytesIO(desk.get(address[1].replace("&amp;", "&")).data))
    assert sample.width == sample.height

    assert post(desk, path, ratio="1:1", focus="middle-left", then="save").status_code == 303
    part = shown(desk, draft)
    assert part.size == (1280, 1280)
    red = part.convert("RGB").getpixel((1200, 600))
    assert isinstance(red, tuple)
    assert red[0] > 150  # the right half is not in it
    assert 'id="ratio-4" name="ratio" type="radio" value="1:1" checked' in desk.get(path).text

    assert post(desk, path, ratio="as_is", focus="middle-center", left="50", then="save").status_code == 303
    blue = shown(desk, draft).convert("RGB").getpixel((100, 600))
    assert isinstance(blue, tuple)
    assert blue[2] > 150  # it was gone from the first part, and is in the original
    post(desk, path, then="whole")
    assert shown(desk, draft).size == (1280, 640)
    assert block(draft)["image"]["alt"] == "La grand-place sous la neige."
    assert hashes() == [sha256(shown(desk, draft), draft)]  # parts are no images of their own


def sha256(_: Image.Image, issue_id: UUID) -> str:
    with transaction() as db:
        return str(db.get_one(Issue, issue_id).assets[block(issue_id)["image"]["src"]].partition(".")[0])


@pytest.mark.parametrize(
    ("edges", "sentence"),
    [
        ({"left": "60", "right": "50"}, "Il doit rester au moins 10 %"),
        ({"left": "beaucoup"}, "Écrivez un nombre entier"),
        ({"top": "-3"}, "Écrivez un nombre entier"),
        ({"top": "9" * 5000}, "Écrivez un nombre entier"),
    ],
)
def test_a_crop_that_leaves_nothing_is_told(
    desk: FlaskClient, draft: UUID, edges: dict[str, str], sentence: str
) -> None:
    take(desk, draft)
    answer = post(desk, f"{form(draft)}/image/crop", ratio="1:1", then="save", **edges)
    assert answer.status_code == 422
    assert sentence in plain(answer)
    assert all(f'value="{text}"' in answer.text for text in edges.values())
    assert 'value="1:1" checked' in answer.text
    assert block(draft)["revision"] == 2


def test_the_buttons_of_the_form_save_it_first(desk: FlaskClient, draft: UUID) -> None:
    answer = save(desk, draft, then="library.image", **{"image.alt": "Des mots d’abord."})
    assert answer.headers["Location"].endswith(f"{form(draft)}/image/library")
    assert block(draft)["image"] == {"alt": "Des mots d’abord."}
    assert save(desk, draft, then="library.secret").status_code == 303
    assert desk.get(f"{form(draft)}/image/crop").status_code == 404
    assert desk.get(f"{form(draft)}/secret/crop").status_code == 404


# -- the library -------------------------------------------------------------------------------


def test_the_library_fills_itself_and_says_where_each_is_used(desk: FlaskClient, draft: UUID) -> None:
    take(desk, draft)
    post(desk, LIBRARY, files=[(io.BytesIO(_file((300, 200), "PNG")), "Été.png")])
    page = desk.get(LIBRARY, headers=FRENCH)
    assert "2 images" in plain(page)
    assert "1 280 × 720 pixels" in plain(page)
    assert "Utilisée 1 fois, la dernière dans « Un numéro »." in plain(page)
    assert "Jamais utilisée." in page.text
    assert "La grand-place sous la neige." in page.text  # its words are those of its use
    assert ">Été.png<" in page.text
    for words, count in (("ETE", "1 image"), ("neige", "1 image"), ("astronomie", "0 image")):
        assert count in plain(desk.get(f"{LIBRARY}?q={words}", headers=FRENCH))
    used = desk.get(f"{LIBRARY}/{sha256(shown(desk, draft), draft)}", headers=FRENCH)
    assert form(draft) in used.text


def test_files_that_are_no_images_are_named_and_the_others_taken(desk: FlaskClient) -> None:
    files = [(io.BytesIO(_file()), "bonne.jpg"), (io.BytesIO(b"%PDF-1.7"), "mauvaise.png")]
    answer = post(desk, LIBRARY, files=files)
    assert answer.status_code == 422
    assert "mauvaise.png — Cette image n’a pas été prise : c’est un PDF" in plain(answer)
    assert "L’image est dans la bibliothèque." in answer.text
    assert len(hashes()) == 1
    assert "Choisissez d’abord un fichier" in post(desk, LIBRARY).text


def test_an_image_of_the_library_is_chosen_for_a_block(desk: FlaskClient, draft: UUID) -> None:
    post(desk, LIBRARY, files=[(io.BytesIO(_file()), "place.jpg")])
    [image] = hashes()
    described = post(desk, f"{LIBRARY}/{image}", name="Place.jpg", alt="La place, vide.", credit="Léa Martin")
    assert described.status_code == 303
    assert "Place.jpg" in desk.get(f"{form(draft)}/image/library").text
    post(desk, f"{form(draft)}/image/library", image=image)
    assert block(draft)["image"] == {
        "src": "images/place.jpg", "alt": "La place, vide.", "credit": "Léa Martin",
    }  # fmt: skip
    save(desk, draft, **{"image.src": "images/place.jpg", "image.alt": "La place attend."})
    post(desk, f"{form(draft)}/image/library", image=image)
    assert block(draft)["image"]["alt"] == "La place attend."  # what was written for here stays
    assert post(desk, f"{form(draft)}/image/library", image="0" * 64).status_code == 404


@pytest.mark.parametrize("alt", ["place.jpg", "photo"])
def test_the_library_refuses_useless_words_too(desk: FlaskClient, alt: str) -> None:
    post(desk, LIBRARY, files=[(io.BytesIO(_file()), "place.jpg")])
    [image] = hashes()
    answer = post(desk, f"{LIBRARY}/{image}", name="Un nom gardé", alt=alt, credit="Léa")
    assert answer.status_code == 422
    assert 'value="Un nom gardé"' in answer.text


def test_one_image_replaces_another_in_drafts_and_nowhere_else(desk: FlaskClient, draft: UUID) -> None:
    take(desk, draft)
    with transaction() as db:
        other = _draft(db, title="Un autre")
    take(desk, other)
    post(desk, f"{form(other)}/image/crop", ratio="1:1", then="save")
    old = shown(desk, draft)
    with transaction() as db:
        found = lifecycle.get(db, draft)
        assert found
        lifecycle.schedule(db, found, due_at=utcnow(), approver="x", now=utcnow(), settings=settings())
        kept = dict(found.assets)
    [image] = hashes()
    new = (io.BytesIO(_file((1000, 800), shade=120)), "nouvelle.jpg")
    answer = post(desk, f"{LIBRARY}/{image}/replace", file=new)
    page = desk.get(answer.headers["Location"], headers=FRENCH)
    assert "L’image est remplacée dans 1 brouillon." in page.text
    assert shown(desk, other).size == (800, 800)  # cut alike
    with transaction() as db:
        assert db.get_one(Issue, draft).assets == kept
    assert shown(desk, draft).tobytes() == old.tobytes()
    assert "La grand-place sous la neige." in page.text


def test_a_replacement_that_is_no_image_changes_nothing(desk: FlaskClient, draft: UUID) -> None:
    take(desk, draft)
    [image] = hashes()
    answer = post(desk, f"{LIBRARY}/{image}/replace", file=(io.BytesIO(b""), "vide.png"))
    assert answer.status_code == 422
    assert "le fichier est vide" in plain(answer)
    assert post(desk, f"{LIBRARY}/{image}/replace").status_code == 422
    assert hashes() == [image]


def test_a_replacement_is_whole_or_not_at_all(desk: FlaskClient, draft: UUID) -> None:
    """Its part would be too heavy for the second draft: the first keeps what it has, too."""
    take(desk, draft)
    [image] = hashes()
    before = shown(desk, draft).tobytes()
    body = io.BytesIO()
    Image.effect_noise((1280, 3000), 200).convert("RGB").save(body, "JPEG", quality=75)
    answer = post(desk, f"{LIBRARY}/{image}/replace", file=(io.BytesIO(body.getvalue()), "bruit.jpg"))
    assert answer.status_code == 422
    assert "plus de 1 Mo une fois réduite" in plain(answer)
    assert (hashes(), shown(desk, draft).tobytes()) == ([image], before)


def test_more_than_can_be_taken_at_once_is_told(desk: FlaskClient) -> None:
    files = [(io.BytesIO(bytes(33 * 1024 * 1024)), f"{n}.png") for n in (1, 2)]
    answer = post(desk, LIBRARY, files=files)
    assert answer.status_code == 303
    assert "Ajoutez-en moins à la fois" in plain(desk.get(LIBRARY, headers=FRENCH))


def test_what_is_used_stays_and_what_is_not_can_go(desk: FlaskClient, draft: UUID) -> None:
    take(desk, draft)
    [image] = hashes()
    post(desk, f"{LIBRARY}/{image}/remove")
    assert hashes() == [image]
    save(desk, draft, **{"image.alt": "Plus d’image."})
    post(desk, f"{LIBRARY}/{image}/remove")
    assert hashes() == []
    with transaction() as db:
        done = db.scalars(select(Audit.what).where(Audit.what.like("image %")).order_by(Audit.id)).all()
    assert done == ["image remove"]


def test_a_stranger_sees_no_library(app: Flask, desk: FlaskClient) -> None:
    post(desk, LIBRARY, files=[(io.BytesIO(_file()), "place.jpg")])
    assert app.test_client().get(LIBRARY).status_code == 302
    assert desk.get("/desk/newsletters/nulle-part/images").status_code == 404
    assert desk.get(f"{LIBRARY}/{'0' * 64}").status_code == 404


# -- how long they are kept -----------------------------------------------------------------------


def _prune(days: int) -> int:
    one = [rule for rule in rules.RULES if rule.name == "images"]
    [done] = rules.run(one, dry=False, clock=lambda: utcnow() + timedelta(days=days))
    return done.rows


def _revision(db: Session, html: str) -> None:
    """A letter as it was sent."""
    db.add(
        Revision(sha256=b"x", content={}, subject="s", locale="fr", html=html, text="", created_at=utcnow())
    )


def _stored() -> int:
    with transaction() as db:
        return len(db.scalars(select(Asset.sha256)).all())


def test_an_image_that_nothing_has_is_deleted_with_its_parts(desk: FlaskClient, draft: UUID) -> None:
    take(desk, draft, _file((3000, 1500)))
    post(desk, f"{form(draft)}/image/crop", ratio="1:1", then="save")
    assert _stored() == 3  # the original, what was shown first, and a part
    assert _prune(days=400) == 0
    with transaction() as db:
        logo = assets.read(_file((30, 20)))
        stored_images.keep(db, logo)
        db.scalars(select(Newsletter)).one().logo = logo.name
    assert _prune(days=400) == 0
    with transaction() as db:
        db.scalars(select(Newsletter)).one().logo = ""
        _revision(db, f'<img src="https://example.org/assets/{logo.name}">')
    assert _prune(days=400) == 0  # a letter that was sent shows it
    with transaction() as db:
        db.execute(delete(Revision))
    assert _prune(days=400) == 1
    with transaction() as db:
        lifecycle.delete(db, db.get_one(Issue, draft))
    [image] = hashes()
    assert _prune(days=400) == 1  # the part: the library has the others
    post(desk, f"{LIBRARY}/{image}/remove")
    assert _prune(days=0) == 0  # whoever has just given it may be about to show it
    assert _prune(days=2) == 2
    assert _stored() == 0
