"""The clock of a rights request: the dates of the regulation's own kind, and what holds of any date."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.privacy.cases.deadlines import ALERTS, Alert, Clock, Pressure, holidays, is_working

DAYS = st.dates(date(2000, 1, 1), date(2099, 12, 31))
PAUSES = st.integers(0, 400).map(lambda days: timedelta(days=days))


@pytest.mark.parametrize(
    ("received", "due"),
    [
        ((2025, 1, 31), (2025, 2, 28)),  # a Friday: the month's last day
        ((2024, 1, 31), (2024, 2, 29)),  # of a leap year
        ((2026, 1, 31), (2026, 3, 2)),  # 28 February is a Saturday
        ((2026, 8, 31), (2026, 9, 30)),
        ((2026, 3, 5), (2026, 4, 7)),  # 5 April is Easter Sunday, 6 April Easter Monday
        ((2026, 4, 14), (2026, 5, 15)),  # Ascension
        ((2026, 4, 25), (2026, 5, 26)),  # Whit Monday
        ((2026, 10, 11), (2026, 11, 12)),  # a Wednesday, Armistice
        ((2026, 11, 25), (2026, 12, 28)),  # Christmas, then a weekend
        ((2026, 12, 1), (2027, 1, 4)),  # a Friday, New Year's Day, then a weekend
        ((2026, 11, 24), (2026, 12, 24)),
    ],
)
def test_the_answer_is_due(received: tuple[int, int, int], due: tuple[int, int, int]) -> None:
    assert Clock(date(*received)).due == date(*due)


def test_the_eleven_holidays() -> None:
    assert len(holidays(2026)) == 11
    moving = {date(2026, 4, 6), date(2026, 5, 14), date(2026, 5, 25)}
    assert moving < holidays(2026)
    assert len(holidays(2008)) == 10  # Ascension fell on the first of May


def test_an_extension_is_accepted_until_the_last_day() -> None:
    clock = Clock(date(2026, 1, 31))  # due on Monday 2 March, since 28 February is a Saturday
    assert clock.may_extend(date(2026, 3, 2))
    assert not clock.may_extend(date(2026, 3, 3))
    extended = Clock(clock.received, extended=True)
    assert extended.due == clock.extended_due == date(2026, 4, 30)
    assert not extended.may_extend(date(2026, 2, 1))


def test_a_pause_moves_the_due_date() -> None:
    stopped = Clock(date(2026, 11, 24)).pause(date(2026, 12, 1))
    assert stopped.pressure(date(2027, 6, 1)) is Pressure.SUSPENDED
    assert stopped.may_extend(date(2027, 6, 1))  # its clock has not run since
    assert list(stopped.alerts(date(2027, 6, 1))) == []
    assert stopped.pause(date(2026, 12, 4)) == stopped
    running = stopped.resume(date(2026, 12, 11))
    assert running.due == date(2027, 1, 4)  # 24 December and ten days: a Sunday
    assert running.resume(date(2026, 12, 20)) == running


@pytest.mark.parametrize(
    ("day", "pressure", "alerts"),
    [
        ((2026, 12, 13), Pressure.ON_TIME, []),
        ((2026, 12, 14), Pressure.SOON, [Alert.SOON]),
        ((2026, 12, 21), Pressure.URGENT, [Alert.SOON, Alert.URGENT]),
        ((2026, 12, 24), Pressure.URGENT, [Alert.SOON, Alert.URGENT]),
        ((2026, 12, 25), Pressure.LATE, [Alert.SOON, Alert.URGENT]),
    ],
)
def test_ten_days_then_three_days_before(
    day: tuple[int, int, int], pressure: Pressure, alerts: list[Alert]
) -> None:
    clock = Clock(date(2026, 11, 24))
    assert clock.pressure(date(*day)) is pressure
    assert list(clock.alerts(date(*day))) == alerts


@given(received=DAYS, extended=st.booleans(), paused=PAUSES)
def test_due_is_a_working_day_that_never_comes_early(
    received: date, extended: bool, paused: timedelta
) -> None:
    due = Clock(received, extended, paused).due
    months = 3 if extended else 1
    nominal = due - paused
    assert is_working(due)
    assert nominal >= received + timedelta(days=28 * months)
    assert nominal <= received + timedelta(days=31 * months + 5)  # the longest run of days off


@given(received=DAYS, paused=PAUSES)
def test_the_days_before_due_that_are_in_the_period_are_all_off(received: date, paused: timedelta) -> None:
    """It moves to the next working day, and not a day further."""
    due = Clock(received, paused=paused).due
    day = due - timedelta(days=1)
    while not is_working(day):
        day -= timedelta(days=1)
    wanted = (received.month % 12) + 1
    ends = next(d for d in (received + timedelta(days=n) for n in range(31, 27, -1)) if d.month == wanted)
    same = ends.replace(day=received.day) if received.day <= ends.day else ends
    assert day < same + paused <= due


@given(DAYS, DAYS)
def test_who_receives_later_answers_no_earlier(one: date, other: date) -> None:
    first, second = sorted((one, other))
    assert Clock(first).due <= Clock(second).due


@given(received=DAYS, stop=st.integers(0, 60), run=st.integers(0, 60))
def test_a_pause_gives_back_at_least_what_it_took(received: date, stop: int, run: int) -> None:
    clock, at = Clock(received), received + timedelta(days=stop)
    stood = clock.pause(at).resume(at + timedelta(days=run))
    assert stood.due >= clock.due
    assert stood.paused == timedelta(days=run)


@given(received=DAYS, after=st.integers(0, 120))
def test_alerts_only_ever_grow_and_late_is_after_due(received: date, after: int) -> None:
    clock, today = Clock(received), received + timedelta(days=after)
    assert set(clock.alerts(today)) <= set(clock.alerts(today + timedelta(days=1)))
    assert (clock.pressure(today) is Pressure.LATE) == (today > clock.due)
    assert clock.may_extend(today) == (today <= clock.due)
    assert list(ALERTS) == [Alert.SOON, Alert.URGENT]
