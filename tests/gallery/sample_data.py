"""What the pictures show: two letters, their readers, five issues in every state, an import, a register."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import time_machine
from babel.dates import format_date
from sqlalchemy import func, insert, select, text, update
from sqlalchemy.orm import Session

from mailer.core import tokens
from mailer.core.db import transaction
from mailer.core.heartbeats import Heartbeat
from mailer.core.paths import templates_dir
from mailer.core.tokens import Purpose
from mailer.delivery import audience, ledger
from mailer.delivery.models import Delivery
from mailer.demo.run import LETTER
from mailer.demo.sample_people import Person, sample
from mailer.imports import apply
from mailer.imports.rows import person
from mailer.issues import lifecycle, yaml_file
from mailer.issues.blocks import Content
from mailer.monitoring.alarms import KINDS_OF_PROCESS
from mailer.newsletters.models import LegalBasis, Newsletter, Theme
from mailer.notices import testers
from mailer.notices.models import Notice
from mailer.privacy.models import AddressChange
from mailer.privacy.rights import restriction
from mailer.smtp.replies import DeliveryState
from mailer.staff import accounts
from mailer.subscribers import subscribers, subscriptions
from mailer.subscribers.consent import wordings
from mailer.subscribers.consent.bulk import Common
from mailer.subscribers.eligibility import Withheld
from mailer.subscribers.models import Subscriber, Subscription
from tests.gallery.alarms import fill_alarms
from tests.gallery.register import fill_register
from tests.gallery.site import NOW, House
from tests.support.make import make_newsletter, sign_up
from tests.support.rights_links import Visitor, a_link

LEA, PASSWORD = "lea.martin@example.org", "quatre mots bien choisis"
CAMILLE = "camille.durand@example.org"
MOVED = "nouvelle.adresse@example.net"  # of reader(2), once it is confirmed
READERS = 240
_PAST = (  # what was published: when, and what the lists say of it
    (datetime(2026, 7, 7, 8), "Un été pour souffler", "Vacances et chantiers : ce qui s’ouvre aux jeunes."),
    (datetime(2026, 9, 8, 8), "La rentrée des familles", "Cantine, transports, aides : ce qui change."),
    (datetime(2026, 10, 6, 8), "Se loger, se chauffer", "Précarité énergétique : qui appeler avant l’hiver."),
    (datetime(2026, 11, 10, 8), "Le panorama de la pauvreté", "Les chiffres, commune par commune."),
)  # fmt: skip
_HAPPENED: dict[str, dict[str, Any]] = {
    "refused": {"code": 550, "enhanced": "5.1.1", "reply": "no such mailbox"},
    "withheld": {"withheld": Withheld.WITHDRAWN},
}


@dataclass(frozen=True)
class _Sent:
    id: UUID
    send_id: UUID


def furnish(house: House) -> dict[str, str]:
    """Fill an empty house; the values that the paths of shots name."""
    with transaction() as db:
        letter, calls = _newsletters(db)
        people = list(sample(READERS))
        _subscribe(db, house, letter, people)
        _subscribe(db, house, calls, people[:60])
        _subscribe(db, house, calls, people[60:72], told=False)
        _sign_up(db, letter, CAMILLE, "Camille Durand")
        _alive(db)
        lea = accounts.create(db, email=LEA, name="Léa Martin", password=PASSWORD, now=NOW)
    links = _issues(house, str(lea.id))
    with transaction() as db:
        links |= _links_of_mails(db, letter) | fill_register(db, str(lea.id), reader(30))
        fill_alarms(db, str(lea.id))
    links |= _links_of_rights(house)
    with transaction() as db:  # their mails have left long ago
        db.execute(update(Notice).values(state=DeliveryState.ACCEPTED))
    return links


def _newsletters(db: Session) -> tuple[Newsletter, Newsletter]:
    common = {"legal_basis": LegalBasis.CONSENT, "created_at": NOW - timedelta(days=400)}
    letter = make_newsletter(
        db, name="La lettre du commissariat", from_name="La lettre du commissariat",
        description="Chaque mois, ce qui se fait dans les Hauts-de-France contre la pauvreté.", **common,
    )  # fmt: skip
    calls = make_newsletter(
        db, slug="appels", name="Appels à projets", from_name="Appels à projets", theme=Theme.DSFR,
        description="Dès qu’un appel s’ouvre : pour qui, pour quoi, jusqu’à quand.", **common,
    )  # fmt: skip
    return letter, calls


def _subscribe(
    db: Session, house: House, newsletter: Newsletter, people: list[Person], *, told: bool = True
) -> None:
    """By a file; `told`: they know it."""
    key = house.given.fingerprint_key.get_secret_value().encode()
    source, agreed = "salon de l’action sociale", NOW - timedelta(days=330)
    rows = [
        person(each.email, name=each.name, locale="fr", source=source, said_at=agreed, key=key)
        for each in people
    ]
    at = NOW - timedelta(days=300)
    apply.import_people(db, Common(newsletter.id, at, "import", None), rows, informed_at=at if told else None)


def _sign_up(db: Session, newsletter: Newsletter, email: str, name: str, *, sure: bool = True) -> UUID:
    """Asked for on the page, and, if sure, confirmed in the mailbox."""
    at = NOW - timedelta(days=200 if sure else 0)
    wording = wordings.current_wording(newsletter.name, "le Commissariat à la lutte contre la pauvreté", "fr")
    asked = sign_up(db, newsletter, email, now=at, name=name, wording=wording)
    assert asked
    if sure:
        subscriptions.confirm(db, asked.subscription_id, wording=wording, now=at + timedelta(minutes=4))
    return asked.subscription_id


def _alive(db: Session) -> None:
    """The workers nobody misses; by the database's clock, which no traveller moves."""
    later = func.now() + text("interval '1 day'")
    for kind in KINDS_OF_PROCESS:
        values = {
            "worker": func.gen_random_uuid(),
            "kind": kind,
            "started_at": func.now(),
            "seen_at": later,
            "skew": 0.0,
        }
        db.execute(insert(Heartbeat).values(values))


# -- issues ----------------------------------------------------------------------


def _issues(house: House, approver: str) -> dict[str, str]:
    content, assets = yaml_file.load(templates_dir() / LETTER)
    send = partial(_sent, house, approver, assets)
    for turn, (at, title, summary) in enumerate(_PAST):
        closed = send(_retold(content, turn, at, title, summary), at=at, became=_ALL)
    today = _retold(content, 0, NOW, content.title, content.preheader)
    leaving = send(today, at=NOW - timedelta(minutes=6), became=_SOME)
    open_call = _retold(
        content, 2, NOW, "Aller vers les jeunes", "5 M€ pour des équipes de rue ; jusqu’au 17 mai."
    )
    appeal = open_call.model_copy(update={"newsletter": "appels", "number": "Appel n° 12"})
    for_all = send(appeal, at=NOW - timedelta(days=12), became={"accepted": 60})
    with transaction() as db:
        due = datetime(2027, 1, 5, 7, tzinfo=NOW.tzinfo)
        late = _retold(content, 1, due, "Bonne année solidaire", "Les vœux de la commissaire.")
        planned = lifecycle.import_issue(db, late, assets, now=NOW - timedelta(minutes=2))
        begun = _retold(content, 3, due + timedelta(days=28), "Les maraudes de l’hiver", "Qui va vers qui.")
        draft = lifecycle.import_issue(db, begun, assets, now=NOW - timedelta(minutes=1))
        next_call = appeal.model_copy(update={"number": "Appel n° 13"})
        waiting = lifecycle.import_issue(db, next_call, assets, now=NOW - timedelta(minutes=3))
        lifecycle.schedule(db, planned, due_at=due, approver=approver, now=NOW, settings=house.given)
        leave, leave_calls = _leaving(db, closed, 20), _leaving(db, for_all, 21)
    pictured = [block for block in draft.content["blocks"] if block.get("image")][-1]
    return {
        "closed": str(closed.id), "leaving": str(leaving.id), "draft": str(draft.id),
        "article": next(block["id"] for block in draft.content["blocks"] if block["kind"] == "article"),
        "pictured": pictured["id"], "image": draft.assets[pictured["image"]["src"]].partition(".")[0],
        "agenda": next(block["id"] for block in draft.content["blocks"] if block["kind"] == "agenda"),
        "waiting": str(waiting.id), "planned": str(planned.id), "leave": leave, "leave_calls": leave_calls,
    }  # fmt: skip


_ALL = {"accepted": 236, "refused": 3, "withheld": 2}
_SOME = {"accepted": 131, "refused": 2, "deferred": 4}


def _retold(content: Content, turn: int, at: datetime, title: str, summary: str) -> Content:
    """The letter of another month: its own title and number, and its pictures in another order."""
    number, month = f"Numéro {at.month}", format_date(at, "MMMM y", locale="fr")
    pictured = [each for each in content.blocks if each.kind in {"article", "report"} and each.image]
    masthead, *others = (each for each in content.blocks if each not in pictured[:turn])
    blocks = (masthead.model_copy(update={"number": number, "date": month}), *others)
    return content.model_copy(
        update={"title": title, "subject": title, "preheader": summary, "blocks": blocks,
                "date": at.date(), "number": number}
    )  # fmt: skip


def _sent(
    house: House, approver: str, assets: Any, content: Content, *, at: datetime, became: dict[str, int]
) -> _Sent:
    """An issue that left then; its first rows in these states, the others still to come."""
    at = at.replace(tzinfo=NOW.tzinfo)
    with transaction() as db:
        issue = lifecycle.import_issue(db, content, assets, now=at - timedelta(days=1))
        lifecycle.schedule(db, issue, due_at=at, approver=approver, now=at, settings=house.given)
        audience.freeze(db, issue.id, now=at)
        whose = select(Subscriber.id).join(Delivery).where(Delivery.issue_id == issue.id)
        people = list(db.scalars(whose.order_by(Subscriber.email)))
        for state, count in became.items():
            some, people = people[:count], people[count:]
            rows = Delivery.issue_id == issue.id, Delivery.subscriber_id.in_(some)
            values = {"state": state, "changed_at": at + timedelta(minutes=3), **_HAPPENED.get(state, {})}
            db.execute(update(Delivery).where(*rows).values(values))
        ledger.close_finished(db, now=at + timedelta(minutes=4))
        assert issue.send_id
        return _Sent(issue.id, issue.send_id)


def _leaving(db: Session, sent: _Sent, number: int) -> str:
    """What unsubscribes one of the sample people, from this copy of theirs."""
    mine = select(Delivery.position).join(Subscriber).where(
        Delivery.issue_id == sent.id, Subscriber.email == reader(number)
    )  # fmt: skip
    return tokens.issue_delivery(Purpose.UNSUBSCRIBE, sent.send_id, db.scalars(mine).one())


# -- links -----------------------------------------------------------------------


def _links_of_mails(db: Session, letter: Newsletter) -> dict[str, str]:
    names = ("Nina", "Paul", "Odile")
    pending = [_sign_up(db, letter, f"{name.lower()}@example.org", name, sure=False) for name in names]
    confirm, late, gone = ([each.hex, letter.slug] for each in pending)
    with time_machine.travel(NOW - timedelta(days=9), tick=False):
        expired = tokens.issue(Purpose.CONFIRM, late)
    subscriptions.withdraw(db, pending[2], channel="link", now=NOW)
    frozen = _subscriber(db, 40)
    restriction.restrict(db, frozen, now=NOW - timedelta(days=3))
    imported = select(Subscription.id).where(
        Subscription.subscriber_id == _subscriber(db, 3).id, Subscription.newsletter_id == letter.id
    )
    rests = _sign_up(db, letter, "luc@example.org", "Luc")
    subscribers.pause(
        db, subscribers.by_email(db, "luc@example.org") or frozen, NOW + timedelta(days=54, hours=14)
    )
    subscriptions.withdraw(db, rests, channel="link", now=NOW)
    reads_over = testers.add(
        db, db.get_one(Newsletter, letter.id), "relecteur@example.net", by="somebody", now=NOW
    )
    own_word = [db.scalars(imported).one().hex, letter.slug]
    return {
        "confirm": tokens.issue(Purpose.CONFIRM, confirm), "expired": expired,
        "own_word": tokens.issue(Purpose.CONFIRM, own_word),
        "back": tokens.issue(Purpose.UNDO, gone),
        "back_paused": tokens.issue(Purpose.UNDO, [rests.hex, letter.slug]),
        "frozen": _preferences(frozen, letter),
        "preferences": _preferences(_subscriber(db, 0), letter),
        "tester": tokens.issue(Purpose.TESTER, reads_over.id.hex),
        "still": tokens.issue(Purpose.RECONFIRM, _subscriber(db, 1).id.hex),
    }  # fmt: skip


def _subscriber(db: Session, number: int) -> Subscriber:
    return db.scalars(select(Subscriber).where(Subscriber.email == reader(number))).one()


def _preferences(subscriber: Subscriber, letter: Newsletter) -> str:
    return tokens.issue(Purpose.PREFERENCES, [subscriber.id.hex, letter.slug])


def reader(number: int) -> str:
    """The address of one of the sample people; number 40 is frozen."""
    return list(sample(number + 1))[number].email


def _links_of_rights(house: House) -> dict[str, str]:
    Visitor(house.app, reader(2)).post("/address", email=MOVED)
    with transaction() as db:
        change = db.scalars(select(AddressChange.id)).one()
    return {
        "rights": a_link(CAMILLE).removeprefix("/rights/"),
        "new_address": tokens.issue(Purpose.NEW_ADDRESS, change.hex),
        "old_address": tokens.issue(Purpose.OLD_ADDRESS, change.hex),
    }
