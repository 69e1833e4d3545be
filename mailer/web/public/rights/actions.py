"""Door: in a rights session, what one does about one's data: freeze, object, stop, leave directives."""

from dataclasses import dataclass, field

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session
from wtforms import Form, TextAreaField
from wtforms.validators import Length

from mailer.core.db import transaction, utcnow
from mailer.privacy.cases import self_service
from mailer.privacy.models import Right
from mailer.privacy.rights import erasure_wait, objection, restriction
from mailer.subscribers import subscribers, suppressions
from mailer.subscribers.models import Subscriber, Suppression, SuppressionReason
from mailer.web.public.rights.session import mine

acts = Blueprint("acts", __name__)
LONGEST = 2000  # characters of directives
_RIGHTS = {
    "restriction": Right.RESTRICTION, "thaw": Right.RESTRICTION,
    "objection": Right.OBJECTION, "withdrawal": Right.WITHDRAWAL,
}  # fmt: skip


@dataclass(frozen=True)
class Situation:
    """Say where somebody stands when they enter."""

    subscriber: Subscriber | None
    suppression: Suppression | None
    letters: list[str] = field(default_factory=list)  # those they receive
    erasing: bool = False  # an erasure waits: the restriction is a part of it

    @property
    def frozen(self) -> bool:
        return bool(self.subscriber and self.subscriber.restricted_at)

    @property
    def objected(self) -> bool:
        return self.suppression is not None and self.suppression.reason is SuppressionReason.OBJECTED

    @property
    def allowed(self) -> set[str]:
        """Return what there is to do."""
        both = {"restriction": self.subscriber and not self.frozen, "thaw": self.frozen and not self.erasing,
                "objection": not self.objected, "withdrawal": self.letters}  # fmt: skip
        return {act for act, may in both.items() if may}


def situation(db: Session, *, lock: bool = False) -> Situation:
    """Of whoever is in the session."""
    mark = mine().fingerprint
    subscriber = subscribers.by_fingerprint(db, mark, lock=lock)
    letters = subscribers.newsletter_names(db, subscriber.id) if subscriber else []
    erasing = erasure_wait.is_held(db, mark)
    return Situation(subscriber, suppressions.find(db, mark), letters, erasing)


def back_home(done: str) -> ResponseReturnValue:
    return redirect(url_for("yours.home", done=done), 303)


@acts.get("/<any(restriction, thaw, objection, withdrawal):act>")
def consider(act: str) -> ResponseReturnValue:
    with transaction() as db:
        here = situation(db)
    return render_template("rights/act.html", act=act, here=here, allowed=act in here.allowed)


@acts.post("/<any(restriction, thaw, objection, withdrawal):act>")
def do(act: str) -> ResponseReturnValue:
    with transaction() as db:
        here = situation(db, lock=True)
        if act in here.allowed:
            _do(db, act, here)
            self_service.answered(
                db, mine(), _RIGHTS[act], now=utcnow(), **({"end": True} if act == "thaw" else {})
            )
    return back_home(act)


def _do(db: Session, act: str, here: Situation) -> None:
    now, link = utcnow(), mine()
    match act:
        case "restriction" if here.subscriber:
            restriction.restrict(db, here.subscriber, now=now)
        case "thaw" if here.subscriber:
            restriction.lift(db, here.subscriber, now=now)
        case "objection":
            objection.object_to(db, email=link.email, locale=link.locale, now=now)
        case "withdrawal":
            objection.withdraw(db, link.fingerprint, now=now)


class DirectivesForm(Form):  # type: ignore[misc]
    """Say what is to become of one's data."""

    directives = TextAreaField(
        validators=[Length(max=LONGEST, message=_l("2 000 caractères au plus, s’il vous plaît."))]
    )


@acts.get("/directives")
def directives() -> ResponseReturnValue:
    with transaction() as db:
        here = situation(db)
    form = DirectivesForm(directives=here.subscriber.directives if here.subscriber else None)
    return _directives(form, here)


@acts.post("/directives")
def leave_directives() -> ResponseReturnValue:
    form = DirectivesForm(request.form)
    with transaction() as db:
        here = situation(db, lock=True)
        if here.subscriber is None or not form.validate():
            return _directives(form, here), 422
        subscribers.leave_directives(here.subscriber, _plain(form.directives.data or "") or None)
        self_service.answered(db, mine(), Right.DIRECTIVES, now=utcnow())
    return back_home("directives")


def _directives(form: DirectivesForm, here: Situation) -> str:
    return render_template("rights/directives.html", form=form, here=here, longest=LONGEST)


def _plain(text: str) -> str:
    """Return its lines ended alike, without what cannot be shown."""
    lines = "\n".join(line.rstrip() for line in text.strip().splitlines())
    return "".join(c for c in lines if c.isprintable() or c == "\n")
