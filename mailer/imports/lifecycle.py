"""Imports as rows: begun, gone on with, listed, reported, undone."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import String, cast, delete, select, update
from sqlalchemy.orm import Session

from mailer.core.after_commit import Task, wake
from mailer.core.db import changed, transaction
from mailer.core.hmac import macs
from mailer.core.settings import Settings, settings
from mailer.imports.columns import PRESETS, Columns, Role
from mailer.imports.dates import DateOrder
from mailer.imports.file_format import Choices, Form, Source
from mailer.imports.models import Import, ImportReport, ImportState
from mailer.imports.rows import Rows, Terms
from mailer.subscribers import bulk as people
from mailer.subscribers.consent import bulk
from mailer.subscribers.consent.bulk import BulkEvent, Common
from mailer.subscribers.consent.given import given
from mailer.subscribers.consent.models import ConsentKind, ConsentPayload
from mailer.subscribers.eligibility import IMPORT_UNDONE
from mailer.subscribers.models import Subscriber, Subscription, SubscriptionState

_OWN_COLUMNS = {"sha256", "records"}  # of the table: not kept twice
NOTHING_READ: dict[str, Any] = {"done": 0, "new": 0, "known": 0, "refused": 0, "reasons": {}}
WAITING = ImportState.MAPPING, ImportState.CHECKED  # for a person's word
UNDOABLE = ImportState.DONE, ImportState.FAILED
UNDO_CHUNK = 1_000  # people a transaction


class CannotUndo(Exception):
    """Say that this import is not over, or undone already."""


@dataclass(frozen=True)
class Order:
    """Say what somebody asks to be imported, and how."""

    newsletter_id: UUID
    by: str
    source: Source
    form: Form
    columns: Columns
    terms: Terms
    choices: Choices = field(default_factory=Choices)  # what a person said of the file, to read it again so


class Reading(NamedTuple):
    """Say how a file is written, what its columns hold, and what a person said of both."""

    form: Form
    columns: Columns
    choices: Choices


def rows(order: Order, settings: Settings) -> Rows:
    """Return the reader of an order's rows."""
    return Rows(order.columns, order.terms, settings.fingerprint_key.get_secret_value().encode())


def begin(db: Session, order: Order, state: ImportState = ImportState.RUNNING) -> Import:
    """Return the import of this order: the one that was cut short, if this is the same file on the same
    terms.
    """
    values = _values(order)
    same = [getattr(Import, name) == value for name, value in values.items() if name != "by"]
    found = db.scalar(select(Import).where(Import.state == state, *same).limit(1))
    if found:
        return found
    begun = Import(
        state=state, done=0, new=0, known=0, refused=0, reasons={}, undone=0, seconds=0.0,
        file_name=order.source.name, records=order.form.records, created_at=order.terms.now, **values,
    )  # fmt: skip
    db.add(begun)
    db.flush()
    return begun


def _values(order: Order) -> dict[str, Any]:
    return {
        "newsletter_id": order.newsletter_id, "by": order.by,
        "file_fingerprint": _fingerprint(order.form.sha256),
        "preset": order.columns.preset.name, "source": order.terms.source, "locale": order.terms.locale,
        "columns": _kept(Reading(order.form, order.columns, order.choices)),
        "legal_text": order.terms.legal_text, "consented_at": order.terms.consented_at,
    }  # fmt: skip


def _fingerprint(sha256: bytes) -> bytes:
    """Return what tells that a file is the same again, and nothing without the key."""
    return macs(settings().fingerprint_key.get_secret_value().encode())(b"mailer.import-file" + sha256)


def _kept(reading: Reading) -> dict[str, Any]:
    """Write down how the file is read, so that a later run reads it alike."""
    form = {name: value for name, value in asdict(reading.form).items() if name not in _OWN_COLUMNS}
    return {
        "roles": [list(pair) for pair in reading.columns.shown()],
        "orders": {role.value: each.value for role, each in reading.columns.orders.items()},
        "choices": asdict(reading.choices),
        "form": form | {"header": list(reading.form.header)},
    }


def columns(of: Import) -> Columns:
    """Return the mapping an import was begun with."""
    pairs = of.columns["roles"]
    roles = tuple(Role(role) if role else None for _, role in pairs)
    orders = {Role(role): DateOrder(each) for role, each in of.columns["orders"].items()}
    return Columns(PRESETS[of.preset], tuple(header for header, _ in pairs), roles, orders)


def form(of: Import) -> Form:
    """Return how the file is written, as was told when it was last read through."""
    kept = of.columns["form"]
    return Form(**kept | {"header": tuple(kept["header"]), "sha256": b"", "records": of.records})


def choices(of: Import) -> Choices:
    """Return what a person said of the file when the import was begun."""
    return Choices(**of.columns["choices"])


def imports(db: Session) -> list[Import]:
    """Return all of them, the newest first."""
    return list(db.scalars(select(Import).order_by(Import.created_at.desc())))


def beginning(db: Session, prefix: str) -> list[Import]:
    """Return the imports whose identifier begins so; two at most."""
    wanted = cast(Import.id, String).startswith(prefix, autoescape=True)
    return list(db.scalars(select(Import).where(wanted).limit(2)))


def report(db: Session, import_id: UUID) -> Iterator[tuple[int, str]]:
    """Line and outcome of every row dealt with, in the file's order; one chunk in memory at a time."""
    numbers = db.scalars(
        select(ImportReport.number).where(ImportReport.import_id == import_id).order_by(ImportReport.number)
    ).all()
    for number in numbers:
        lines = db.scalar(
            select(ImportReport.lines).where(
                ImportReport.import_id == import_id, ImportReport.number == number
            )
        )
        for each in (lines or "").splitlines():
            line, _, outcome = each.partition(" ")
            yield int(line), outcome


def reread(db: Session, import_id: UUID, reading: Reading) -> None:
    """Keep how the file is to be read, and what its columns are taken for, until a person has looked."""
    _wait_for(db, import_id, ImportState.MAPPING, reading)


def look(db: Session, import_id: UUID, reading: Reading) -> None:
    """Have a worker say what taking the file would do, its columns being what a person says."""
    _wait_for(db, import_id, ImportState.CHECKING, reading)
    db.execute(delete(ImportReport).where(ImportReport.import_id == import_id))
    wake(db, Task.IMPORTS)


def _wait_for(db: Session, import_id: UUID, state: ImportState, reading: Reading) -> None:
    here = Import.id == import_id, Import.state.in_(WAITING)
    read = {"preset": reading.columns.preset.name, "columns": _kept(reading), "records": reading.form.records}
    db.execute(update(Import).where(*here).values(state=state, **read, **NOTHING_READ))


def start(db: Session, import_id: UUID) -> bool:
    """Have a worker take what was looked at, on a person's word; False when it no longer waits for one."""
    here = Import.id == import_id, Import.state == ImportState.CHECKED
    started = update(Import).where(*here).values(state=ImportState.RUNNING, **NOTHING_READ)
    if not changed(db, started):
        return False
    db.execute(delete(ImportReport).where(ImportReport.import_id == import_id))
    wake(db, Task.IMPORTS)
    return True


def drop(db: Session, import_id: UUID) -> None:
    """Forget what was looked at, file and all; never an import that anybody's consent names."""
    looked_at = Import.state.in_((*WAITING, ImportState.CHECKING))
    failed = (Import.state == ImportState.FAILED) & (Import.done == 0)
    db.execute(delete(Import).where(Import.id == import_id, looked_at | failed))


def ask_to_undo(db: Session, import_id: UUID) -> None:
    """Have a worker undo an import that has ended."""
    here = Import.id == import_id, Import.state.in_(UNDOABLE)
    db.execute(update(Import).where(*here).values(state=ImportState.UNDOING))
    wake(db, Task.IMPORTS)


def undo(
    import_id: UUID, *, clock: Callable[[], datetime], progress: Callable[[int], object] = lambda _: None
) -> int:
    """Withdraw everybody whose consent in force is this import's; how many.  Goes on after a kill.

    Staff's act, and no no of the person's: a corrected file may bring them back.  Raises CannotUndo.
    """
    with transaction() as db:
        states = *UNDOABLE, ImportState.UNDOING, ImportState.RUNNING
        here = Import.id == import_id, Import.state.in_(states)
        if not changed(db, update(Import).where(*here).values(state=ImportState.UNDOING)):
            raise CannotUndo(import_id)
    after: UUID | None = None
    total = 0
    while (last := _undo_some(import_id, after, clock())) is not None:
        after, some = last
        total += some
        progress(some)
    with transaction() as db:
        done = {"state": ImportState.UNDONE, "finished_at": clock()}
        db.execute(update(Import).where(Import.id == import_id).values(**done))
    return total


def _undo_some(import_id: UUID, after: UUID | None, now: datetime) -> tuple[UUID, int] | None:
    """Withdraw a thousand more; the last subscription looked at, None at the end."""
    query = (
        select(Subscription.id, Subscription.newsletter_id, Subscriber.fingerprint)
        .select_from(Subscription)
        .join(ConsentPayload, ConsentPayload.event_id == given(Subscription.consent_id))
        .join(Subscriber, Subscriber.id == Subscription.subscriber_id)
        .where(ConsentPayload.import_id == import_id, Subscription.state == SubscriptionState.ACTIVE)
        .order_by(Subscription.id)
        .limit(UNDO_CHUNK)
        .with_for_update(of=Subscription)
    )
    with transaction() as db:
        found = db.execute(query.where(Subscription.id > after) if after else query).all()
        if not found:
            return None
        common = Common(found[0].newsletter_id, now, IMPORT_UNDONE, import_id)
        noes = [BulkEvent(ConsentKind.WITHDRAWN, row.fingerprint, None, None) for row in found]
        bulk.append(db, bulk.prepare(common, noes))
        bulk.anchor(db)
        people.end(db, [row.id for row in found], at=now)
        db.execute(update(Import).where(Import.id == import_id).values(undone=Import.undone + len(found)))
    return found[-1].id, len(found)
