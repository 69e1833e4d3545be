"""What is done on a page before its picture is taken: by what a person sees, or by the worker behind it."""

import re
from collections.abc import Callable
from uuid import UUID

from playwright.sync_api import Page
from sqlalchemy import delete, update

from mailer.core import throttle
from mailer.core.db import transaction, utcnow
from mailer.core.restore_lock import Restoration
from mailer.core.settings import settings
from mailer.delivery.models import Delivery
from mailer.imports import worker
from mailer.smtp.replies import DeliveryState
from mailer.staff import accounts, login_limits, sessions
from tests.gallery.sample_data import LEA

Step = Callable[[Page, dict[str, str]], None]
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


def give_file(page: Page, _: dict[str, str]) -> None:
    body = FILE.encode()
    page.locator("#file").set_input_files(
        {"name": "centre-social.csv", "mimeType": "text/csv", "buffer": body}
    )


def let_worker_import(page: Page, links: dict[str, str]) -> None:
    """The worker's turn; from here on `{import}` is this import."""
    links["import"] = page.url.rpartition("/")[2]
    while worker.work(settings(), clock=utcnow):
        pass
    page.reload()


def fill_places(page: Page, _: dict[str, str]) -> None:
    """Somebody has guessed, from here, as often as is looked at at once."""
    for _attempt in range(login_limits.ACCOUNT[0]):
        with transaction() as db:
            throttle.pour(db, throttle.bucket(*login_limits.ACCOUNT, "logins of", LEA), now=utcnow())


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
