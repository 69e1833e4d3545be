"""What is done on a page before its picture is taken: by what a person sees, or by the worker behind it."""

import re
from collections.abc import Callable
from uuid import UUID

from playwright.sync_api import Page
from sqlalchemy import delete, select, update

from mailer.core import throttle
from mailer.core.db import transaction, utcnow
from mailer.core.restore_lock import Restoration
from mailer.core.settings import settings
from mailer.delivery.models import Delivery
from mailer.imports import worker
from mailer.imports.introductions import TRIES
from mailer.issues import composing, lifecycle, versions
from mailer.issues.drafts import block_of, written_block
from mailer.issues.fields import HEAD
from mailer.monitoring.models import Alarm
from mailer.newsletters import newsletters
from mailer.newsletters.models import Newsletter
from mailer.notices import testers
from mailer.notices.models import Notice, NoticeKind, Priority
from mailer.smtp.replies import DeliveryState
from mailer.staff import accounts, login_limits, sessions
from mailer.subscribers.models import Subscription
from tests.gallery.sample_data import LEA
from tests.gallery.site import NOW
from tests.support.make import import_people

Step = Callable[[Page, dict[str, str]], None]
NAMES = ["alice", "bruno", "chloe", "driss", "elsa", "farid", "gaelle", "hugo"]
REFUSALS = (
    (550, "5.1.1", "no such user"), (552, "5.2.2", "mailbox full"), (550, "5.1.1", "no such user"),
    (554, "5.7.1", "refused by local policy"),
)  # fmt: skip
FILE = """email;prenom;nom;date de consentement;cp
awa@centre-social.example;Awa;Diallo;2024-01-12;59000
louis@centre-social.example;Louis;Caron;2024-02-12;59000
ines@centre-social.example;Inès;Benali;2024-03-12;59300
marc@centre-social.example;Marc;Petit;2024-04-12;62000
accueil@centre-social;;;2024-05-02;59300
clara@centre-social.example;Clara;Morel;;62000
awa@centre-social.example;Awa;Diallo;2024-01-12;59000
"""


def fill(**fields: str) -> Step:
    """Type in the fields with these ids."""

    def act(page: Page, _: dict[str, str]) -> None:
        for name, words in fields.items():
            page.locator(f"#{name}").fill(words)

    return act


def open_block(page: Page, links: dict[str, str]) -> None:
    """Open the form of the article in the outline."""
    page.locator(f'[data-piece="{links["article"]}"] [data-open]').click()
    page.locator("[data-look] iframe:not(.arriving)").wait_for()


def choose_block(page: Page, _: dict[str, str]) -> None:
    page.locator('[data-add=""]').click()
    page.locator(".kind").first.wait_for()


def remove_block(page: Page, _: dict[str, str]) -> None:
    page.get_by_role("button", name="Retirer").locator("visible=true").click()
    page.locator("[data-told] .alert").wait_for()


def see_both(page: Page, _: dict[str, str]) -> None:
    page.locator(".versions").wait_for()


def choose(**fields: str) -> Step:
    def act(page: Page, _: dict[str, str]) -> None:
        for name, value in fields.items():
            page.locator(f"#{name}").select_option(value)

    return act


def tick(*names: str) -> Step:
    def act(page: Page, _: dict[str, str]) -> None:
        for name in names:
            page.locator(f"#{name}").check()

    return act


def press(words: str) -> Step:
    """The button with these words; the page it leads to."""

    def act(page: Page, _: dict[str, str]) -> None:
        with page.expect_navigation():
            page.get_by_role("button", name=re.compile(words)).first.click()

    return act


def unfold(words: str) -> Step:
    def act(page: Page, _: dict[str, str]) -> None:
        page.locator("summary", has_text=words).first.click()

    return act


def preview_in(mode: str, reader: str = "named") -> Step:
    """Look at the letter on this screen, as this reader."""

    def act(page: Page, _: dict[str, str]) -> None:
        with page.expect_response(lambda answer: f"mode={mode}" in answer.url):
            page.locator(f"label[for=mode-{mode}]").click()
        if reader != "named":
            with page.expect_response(lambda answer: f"reader={reader}" in answer.url):
                page.locator("#preview-reader").select_option(reader)
        page.locator(".preview-coming").wait_for(state="detached")

    return act


def give_file(page: Page, _: dict[str, str]) -> None:
    body = FILE.encode()
    page.locator("#file").set_input_files(
        {"name": "centre-social.csv", "mimeType": "text/csv", "buffer": body}
    )


def end_alarms(page: Page, _: dict[str, str]) -> None:
    """All is well, and has been for a month."""
    with transaction() as db:
        db.execute(delete(Alarm))
    page.reload()


def remember_import(page: Page, links: dict[str, str]) -> None:
    """From here on `{import}` is the import whose columns this page shows."""
    links["import"] = page.url.split("/")[-2]


def let_worker_import(page: Page, links: dict[str, str]) -> None:
    """The worker's turn; from here on `{import}` is this import."""
    links["import"] = page.url.rpartition("/")[2]
    while worker.work(settings(), clock=utcnow):
        pass
    page.reload()


def refuse_introductions(page: Page, _: dict[str, str]) -> None:
    """Eight people are imported, whom the relay refuses for three reasons."""
    with transaction() as db:
        letter = db.scalars(select(Newsletter).where(Newsletter.slug == "lettre")).one()
        people = [f"{name}@maison.example" for name in NAMES]
        import_people(db, letter, people, now=utcnow())
        waiting = select(Subscription).where(Subscription.informed_at.is_(None)).order_by(Subscription.id)
        for turn, each in enumerate(db.scalars(waiting)):
            code, enhanced, reply = REFUSALS[turn % len(REFUSALS)]
            for _again in range(TRIES):
                db.add(Notice(
                    kind=NoticeKind.WELCOME, priority=Priority.BULK,
                    subscriber_id=each.subscriber_id, newsletter_id=letter.id,
                    state=DeliveryState.REFUSED, due_at=utcnow(), created_at=utcnow(), code=code,
                    enhanced=enhanced, reply=reply,
                ))  # fmt: skip
    page.reload()


def fill_places(page: Page, _: dict[str, str]) -> None:
    """Somebody has guessed, from here, as often as is looked at at once."""
    for _attempt in range(login_limits.ACCOUNT[0]):
        with transaction() as db:
            throttle.pour(db, throttle.bucket(*login_limits.ACCOUNT, "logins of", LEA), now=utcnow())
    page.reload()


def log_in_elsewhere(page: Page, _: dict[str, str]) -> None:
    """The same person, on two other machines."""
    with transaction() as db:
        lea = accounts.candidate(db, LEA)
        for browser in ("Edge, Windows", "Safari, iOS"):
            assert lea.staff_id
            sessions.start(db, lea.staff_id, epoch=lea.epoch, browser=browser, now=utcnow())
    page.reload()


def lose_replies(page: Page, links: dict[str, str]) -> None:
    """The connection broke before four replies: nobody knows whether those messages arrived."""
    with transaction() as db:
        rows = Delivery.issue_id == UUID(links["closed"]), Delivery.position.between(21, 24)
        db.execute(update(Delivery).where(*rows).values(state=DeliveryState.UNKNOWN, changed_at=utcnow()))
    page.reload()


def save_head_elsewhere(page: Page, links: dict[str, str]) -> None:
    """Somebody else saves the subject, in another tab."""
    with transaction() as db:
        found = lifecycle.get(db, UUID(links["draft"]))
        assert found
        document = composing.document(found)
        head = {name: document[name] for name in HEAD if document.get(name)}
        theirs = head | {"subject": "Les maraudes de l’hiver : qui va vers qui"}
        composing.save_head(db, found, theirs, revision=document["revision"])


def save_block_elsewhere(page: Page, links: dict[str, str]) -> None:
    """Somebody else saves the article, in another tab."""
    with transaction() as db:
        found = lifecycle.get(db, UUID(links["draft"]))
        assert found
        block = block_of(composing.document(found), links["article"])
        assert block
        theirs = written_block(block) | {"title": "Le Pacte des solidarités, un an après"}
        composing.save_block(db, found, links["article"], theirs, revision=block["revision"])


def save_look_elsewhere(page: Page, _: dict[str, str]) -> None:
    """Somebody else saves the signature, in another tab."""
    with transaction() as db:
        of = newsletters.newsletter(db, "lettre")
        assert of
        newsletters.change(db, of, {"signature": "Le service communication"}, revision=None)


def add_testers(page: Page, _: dict[str, str]) -> None:
    """Somebody of the staff, and somebody outside who has not answered yet."""
    with transaction() as db:
        of = newsletters.newsletter(db, "lettre")
        assert of
        for email in (LEA, "relectrice@example.net"):
            testers.add(db, of, email, by="somebody", now=utcnow())
    page.reload()


def change_letter(page: Page, links: dict[str, str]) -> None:
    """Léa rewrites the article, and moves the agenda up."""
    save_block_elsewhere(page, links)
    with transaction() as db:
        found, lea = lifecycle.get(db, UUID(links["draft"])), accounts.find(db, LEA)
        assert found
        assert lea
        versions.keep(db, found, by=str(lea.id), now=NOW)
        order = composing.document(found)["order"]
        composing.move(db, found, links["agenda"], 4, order=order)
        versions.keep(db, found, by=str(lea.id), now=NOW)
    page.reload()


def block_images(page: Page, _: dict[str, str]) -> None:
    """Do as mail programs do that wait for a click before they load any."""
    page.route("**/assets/**", lambda route: route.abort())
    page.reload()


def disarm(page: Page, _: dict[str, str]) -> None:
    """As after a restore; the site looks again each second."""
    with transaction() as db:
        db.execute(delete(Restoration))
    page.wait_for_timeout(1100)
    page.reload()
