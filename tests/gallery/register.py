"""The register of rights requests in the pictures: cases of every age, one with a history."""

from datetime import timedelta

from sqlalchemy.orm import Session

from mailer.privacy.cases import register
from mailer.privacy.cases.register import SERVICE
from mailer.privacy.mailbox.parse import Reason
from mailer.privacy.models import Channel, Outcome, Right, RightsRequest
from tests.gallery.site import NOW
from tests.support.make import open_case

_OPEN = (  # days since, right, channel, who
    (36, Right.ACCESS, Channel.EMAIL, "Hélène Caron"),
    (26, Right.RECTIFICATION, Channel.PHONE, "Malik Garnier"),
    (23, Right.ERASURE, Channel.POST, "Odile Vasseur"),
    (8, Right.OBJECTION, Channel.EMAIL, "Rémi Tessier"),
    (2, Right.UNCLEAR, Channel.EMAIL, "Sofia Lemoine"),
)
_CLOSED = (  # days since, days it took, right, what became of it, who
    (61, 3, Right.ACCESS, Outcome.GRANTED, "Karim Olivier"),
    (55, 20, Right.ERASURE, Outcome.GRANTED, "Maud Renard"),
    (48, 1, Right.OBJECTION, Outcome.GRANTED, "Théo Wattel"),
    (40, 12, Right.ACCESS, Outcome.WITHDRAWN, "Lucie Petit"),
)
_ASKED = """Bonjour,

je ne travaille plus au centre social et je ne souhaite plus figurer dans vos fichiers.
Merci d’effacer ce qui me concerne, et de me dire quand ce sera fait.

Odile Vasseur"""


_UNREAD = (  # days since, sender, why nobody was answered, subject, words
    (2, "Claire Dumont <noreply-claire@mairie.example>", Reason.NOBODY, "Mes données",
     "Bonjour, quelles données détenez-vous à mon sujet ? Cordialement, Claire Dumont"),
    (1, "Karim Leroy <karim.leroy@asso.example>", Reason.AUTOMATIC, "Réponse automatique : absent",
     "Je suis absent jusqu’au 14 décembre."),
    (1, "Aline Morel <aline@relais.example>", Reason.LIST, "Effacement",
     "Je souhaite que vous effaciez mes données. Merci. A. Morel"),
)  # fmt: skip


def fill_register(db: Session, lea: str, caller: str) -> dict[str, str]:
    """Open and close them; the values that the paths of shots name.  `caller`: a reader, by telephone."""
    for days, took, right, outcome, name in _CLOSED:
        past = open_case(db, now=NOW - timedelta(days=days), right=right, name=name)
        _close(db, timedelta(days=took), past, outcome, lea)
    cases = [_opened(db, *each) for each in _OPEN]
    paused = cases[3]
    register.pause(db, paused, "De quelle adresse s’agit-il ?", by=lea, now=NOW - timedelta(days=5))
    told = cases[2]
    register.write(db, told, "Nous avons bien reçu votre courrier, et cherchons ce qui vous concerne.",
                   by=lea, now=NOW - timedelta(days=20))  # fmt: skip
    called = open_case(
        db, now=NOW - timedelta(days=1), right=Right.WITHDRAWAL, channel=Channel.PHONE, email=caller,
        name="Jeanne Delattre", by=lea, text="Au téléphone : ne veut plus recevoir la lettre.",
    )  # fmt: skip
    for days, sender, reason, subject, words in _UNREAD:
        open_case(
            db, now=NOW - timedelta(days=days), right=Right.UNCLEAR, email=sender.partition("<")[2][:-1],
            receipt=False, subject=subject, text=words, **{"from": sender, "reason": reason},
        )  # fmt: skip
    return {"case": str(told.id), "paused": str(paused.id), "called": str(called.id)}


def _opened(db: Session, days: int, right: Right, channel: Channel, name: str) -> RightsRequest:
    email = None if channel is Channel.PHONE else f"{name.split()[1].lower()}@example.org"
    words = _ASKED if channel is Channel.POST else ""
    at = NOW - timedelta(days=days)
    return open_case(db, now=at, right=right, channel=channel, email=email, name=name, text=words)


def _close(db: Session, took: timedelta, case: RightsRequest, outcome: Outcome, by: str) -> None:
    case.handler = by
    register.close(db, case, outcome, by=SERVICE, now=case.received_at + took, words="C’est fait.")
