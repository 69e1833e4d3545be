"""What the privacy log comes to: the last word counts, and only a no is ever made good."""

from datetime import timedelta
from uuid import UUID, uuid4

from mailer.backup.fold import fold
from mailer.privacylog.decisions import NEVER_AGAIN, Decision, LogEntry, LogLine
from tests.support.make import EPOCH

ZOE, NEW, OTHER = b"z" * 32, b"n" * 32, b"o" * 32
LETTER, SECOND, CASE = uuid4(), uuid4(), uuid4()


def _lines(*entries: LogEntry) -> list[LogLine]:
    return [LogLine(EPOCH + timedelta(minutes=n), entry) for n, entry in enumerate(entries)]


def _no(fingerprint: bytes = ZOE, newsletter: UUID = LETTER) -> LogEntry:
    return LogEntry(Decision.WITHDRAWAL, fingerprint, newsletter, "link")


def _moved(old: bytes, new: bytes) -> LogEntry:
    return LogEntry(Decision.RECTIFICATION, old, None, new.hex())


def test_a_no_stands_until_a_yes_to_the_same() -> None:
    yes = LogEntry(Decision.CONSENT, ZOE, LETTER, "link")
    assert set(fold(_lines(_no(), _no(newsletter=SECOND), yes)).people[ZOE].withdrawn) == {SECOND}
    assert set(fold(_lines(yes, _no())).people[ZOE].withdrawn) == {LETTER}
    assert fold(_lines(_no(), yes)).agreed == {ZOE: {LETTER}}
    assert not fold(_lines(yes, _no())).agreed[ZOE]
    assert not fold(_lines(yes, LogEntry(Decision.ERASURE, ZOE))).agreed[ZOE]


def test_never_again_stands_until_it_is_lifted_or_agreed_anew() -> None:
    barred = LogEntry(Decision.SUPPRESSION, ZOE, None, "complaint")
    assert set(fold(_lines(barred, LogEntry(Decision.LIFTED, OTHER))).suppressed) == {ZOE}
    assert not fold(_lines(barred, LogEntry(Decision.LIFTED, ZOE))).suppressed
    assert not fold(_lines(barred, LogEntry(Decision.CONSENT, ZOE, LETTER, "link"))).suppressed
    assert set(
        fold(_lines(barred, LogEntry(Decision.LIFTED, ZOE), LogEntry(Decision.OBJECTION, ZOE))).suppressed
    ) == {ZOE}


def test_an_erasure_is_not_undone_by_a_later_yes() -> None:
    lines = _lines(
        _no(),
        LogEntry(Decision.ERASURE, ZOE, None, NEVER_AGAIN),
        LogEntry(Decision.CONSENT, ZOE, LETTER, "link"),
    )
    person = fold(lines).people[ZOE]
    assert (person.erased, person.withdrawn) == (lines[1], {})


def test_never_again_is_of_the_address_that_was_erased_until_its_owner_comes_back() -> None:
    erased = LogEntry(Decision.ERASURE, NEW, None, NEVER_AGAIN)
    lines = _lines(LogEntry(Decision.SUPPRESSION, NEW, None, "complaint"), _moved(ZOE, NEW), erased)
    assert fold(lines).suppressed == {NEW: [lines[0], lines[2]]}
    assert not fold(_lines(erased, LogEntry(Decision.CONSENT, NEW, LETTER, "link"))).suppressed


def test_a_restriction_counts_while_it_lasts() -> None:
    frozen, freed = LogEntry(Decision.RESTRICTION, ZOE), LogEntry(Decision.RESTRICTION_LIFTED, ZOE)
    assert fold(_lines(frozen)).people[ZOE].restricted
    assert fold(_lines(frozen, freed)).people[ZOE].restricted is None
    assert fold(_lines(frozen, freed, frozen)).people[ZOE].restricted


def test_somebody_who_moved_is_known_by_the_backup_under_the_old_address() -> None:
    standing = fold(_lines(_moved(ZOE, NEW), _no(NEW), LogEntry(Decision.RESTRICTION, NEW)))
    assert set(standing.people) == {ZOE}
    assert standing.people[ZOE].moved
    assert standing.people[ZOE].restricted
    assert standing.people[ZOE].withdrawn[LETTER].entry.fingerprint == NEW


def test_a_move_that_was_undone_stops_nobody_and_frees_the_new_address() -> None:
    standing = fold(_lines(_moved(ZOE, NEW), _moved(NEW, ZOE), _no(NEW)))
    assert standing.people[ZOE].moved is None
    assert set(standing.people[NEW].withdrawn) == {LETTER}


def test_two_moves_in_a_row_and_back_to_the_first() -> None:
    assert fold(_lines(_moved(ZOE, NEW), _moved(NEW, OTHER))).people[ZOE].moved
    assert fold(_lines(_moved(ZOE, NEW), _moved(NEW, OTHER), _moved(OTHER, ZOE))).people[ZOE].moved is None


def test_an_erasure_under_the_new_address_erases_the_person() -> None:
    person = fold(_lines(_moved(ZOE, NEW), LogEntry(Decision.ERASURE, NEW))).people[ZOE]
    assert person.erased
    assert person.moved is None


def test_a_request_is_answered_by_its_act_alone() -> None:
    asked = LogEntry(Decision.CASE, ZOE, CASE, "erasure")
    assert fold(_lines(asked, LogEntry(Decision.ERASURE, ZOE))).requests[CASE].answered
    assert fold(_lines(LogEntry(Decision.ERASURE, ZOE), asked)).requests[CASE].answered is None
    assert fold(_lines(asked, LogEntry(Decision.ERASURE, OTHER), _no())).requests[CASE].answered is None
