"""What a journal of wills comes to: the last word counts, and only a no is ever made good."""

from datetime import timedelta
from uuid import UUID, uuid4

from mailer.backup.fold import fold
from mailer.privacylog.decisions import NEVER_AGAIN, Line, Said, Will
from tests.support.make import EPOCH

ZOE, NEW, OTHER = b"z" * 32, b"n" * 32, b"o" * 32
LETTER, SECOND, CASE = uuid4(), uuid4(), uuid4()


def _lines(*said: Said) -> list[Line]:
    return [Line(EPOCH + timedelta(minutes=n), each) for n, each in enumerate(said)]


def _no(mark: bytes = ZOE, newsletter: UUID = LETTER) -> Said:
    return Said(Will.WITHDRAWAL, mark, newsletter, "link")


def _moved(old: bytes, new: bytes) -> Said:
    return Said(Will.RECTIFICATION, old, None, new.hex())


def test_a_no_stands_until_a_yes_to_the_same() -> None:
    yes = Said(Will.CONSENT, ZOE, LETTER, "link")
    assert set(fold(_lines(_no(), _no(newsletter=SECOND), yes)).people[ZOE].withdrawn) == {SECOND}
    assert set(fold(_lines(yes, _no())).people[ZOE].withdrawn) == {LETTER}
    assert fold(_lines(_no(), yes)).agreed == {ZOE: {LETTER}}
    assert not fold(_lines(yes, _no())).agreed[ZOE]
    assert not fold(_lines(yes, Said(Will.ERASURE, ZOE))).agreed[ZOE]


def test_never_again_stands_until_it_is_lifted_or_agreed_anew() -> None:
    barred = Said(Will.SUPPRESSION, ZOE, None, "complaint")
    assert set(fold(_lines(barred, Said(Will.LIFTED, OTHER))).barred) == {ZOE}
    assert not fold(_lines(barred, Said(Will.LIFTED, ZOE))).barred
    assert not fold(_lines(barred, Said(Will.CONSENT, ZOE, LETTER, "link"))).barred
    assert set(fold(_lines(barred, Said(Will.LIFTED, ZOE), Said(Will.OBJECTION, ZOE))).barred) == {ZOE}


def test_an_erasure_is_not_undone_by_a_later_yes() -> None:
    lines = _lines(_no(), Said(Will.ERASURE, ZOE, None, NEVER_AGAIN), Said(Will.CONSENT, ZOE, LETTER, "link"))
    wishes = fold(lines).people[ZOE]
    assert (wishes.erased, wishes.withdrawn) == (lines[1], {})


def test_never_again_is_of_the_address_that_was_erased_until_its_owner_comes_back() -> None:
    erased = Said(Will.ERASURE, NEW, None, NEVER_AGAIN)
    lines = _lines(Said(Will.SUPPRESSION, NEW, None, "complaint"), _moved(ZOE, NEW), erased)
    assert fold(lines).barred == {NEW: [lines[0], lines[2]]}
    assert not fold(_lines(erased, Said(Will.CONSENT, NEW, LETTER, "link"))).barred


def test_a_restriction_counts_while_it_lasts() -> None:
    frozen, freed = Said(Will.RESTRICTION, ZOE), Said(Will.RESTRICTION_LIFTED, ZOE)
    assert fold(_lines(frozen)).people[ZOE].restricted
    assert fold(_lines(frozen, freed)).people[ZOE].restricted is None
    assert fold(_lines(frozen, freed, frozen)).people[ZOE].restricted


def test_somebody_who_moved_is_known_by_the_backup_under_the_old_address() -> None:
    wills = fold(_lines(_moved(ZOE, NEW), _no(NEW), Said(Will.RESTRICTION, NEW)))
    assert set(wills.people) == {ZOE}
    assert wills.people[ZOE].moved
    assert wills.people[ZOE].restricted
    assert wills.people[ZOE].withdrawn[LETTER].said.fingerprint == NEW


def test_a_move_that_was_undone_stops_nobody_and_frees_the_new_address() -> None:
    wills = fold(_lines(_moved(ZOE, NEW), _moved(NEW, ZOE), _no(NEW)))
    assert wills.people[ZOE].moved is None
    assert set(wills.people[NEW].withdrawn) == {LETTER}


def test_two_moves_in_a_row_and_back_to_the_first() -> None:
    assert fold(_lines(_moved(ZOE, NEW), _moved(NEW, OTHER))).people[ZOE].moved
    assert fold(_lines(_moved(ZOE, NEW), _moved(NEW, OTHER), _moved(OTHER, ZOE))).people[ZOE].moved is None


def test_an_erasure_under_the_new_address_erases_the_person() -> None:
    wishes = fold(_lines(_moved(ZOE, NEW), Said(Will.ERASURE, NEW))).people[ZOE]
    assert wishes.erased
    assert wishes.moved is None


def test_a_request_is_answered_by_its_act_alone() -> None:
    asked = Said(Will.CASE, ZOE, CASE, "erasure")
    assert fold(_lines(asked, Said(Will.ERASURE, ZOE))).requests[CASE].answered
    assert fold(_lines(Said(Will.ERASURE, ZOE), asked)).requests[CASE].answered is None
    assert fold(_lines(asked, Said(Will.ERASURE, OTHER), _no())).requests[CASE].answered is None
