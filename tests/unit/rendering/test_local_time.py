from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.rendering.local_time import AmbiguousTime, BadTime, parse_future, parse_local, shown

PARIS = ZoneInfo("Europe/Paris")


@pytest.mark.parametrize("text", ["2026-12-01 08:00", "2026-12-01T08:00", "  2026-12-01 08:00 "])
def test_reads_local_time(text: str) -> None:
    assert parse_local(text, PARIS) == datetime(2026, 12, 1, 7, 0, tzinfo=UTC)


@pytest.mark.parametrize("text", ["demain", "2026-02-30 08:00", "2026-12-01", "0001-01-01 00:00"])
def test_says_what_to_write_instead(text: str) -> None:
    with pytest.raises(BadTime) as refused:
        parse_local(text, PARIS)
    assert "2026-12-01 08:00" in refused.value.sentence("fr")
    assert text in refused.value.sentence("en")


def test_asks_for_what_is_missing() -> None:
    with pytest.raises(BadTime) as refused:
        parse_local(" ", PARIS)
    assert refused.value.code == "missing"


def test_what_is_past_is_past() -> None:
    now = datetime(2026, 12, 1, 7, 0, tzinfo=UTC)
    with pytest.raises(BadTime) as refused:
        parse_future("2026-12-01 08:00", PARIS, now=now)
    assert refused.value.sentence("fr").startswith("Le mardi 1er décembre 2026, 8\u00a0h est déjà passé")
    assert parse_future("2026-12-01 08:01", PARIS, now=now) == datetime(2026, 12, 1, 7, 1, tzinfo=UTC)


def test_a_skipped_hour_is_refused() -> None:
    with pytest.raises(BadTime) as refused:
        parse_local("2027-03-28 02:30", PARIS)
    assert not isinstance(refused.value, AmbiguousTime)
    assert refused.value.sentence("fr").startswith("Le dimanche 28 mars 2027, 2\u00a0h\u00a030 n’existe pas")
    assert refused.value.sentence("en").startswith("On Sunday 28 March 2027, 02:30 does not exist")


def test_an_hour_that_happens_twice_is_asked_about() -> None:
    with pytest.raises(AmbiguousTime):
        parse_local("2026-10-25 02:30", PARIS)
    assert parse_local("2026-10-25 02:30", PARIS, fold=0) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert parse_local("2026-10-25 02:30", PARIS, fold=1) == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)


def test_fold_changes_nothing_on_an_ordinary_day() -> None:
    assert parse_local("2026-12-01 08:00", PARIS, fold=1) == datetime(2026, 12, 1, 7, 0, tzinfo=UTC)


@given(
    st.datetimes(min_value=datetime(2020, 1, 1), max_value=datetime(2040, 1, 1)),
    st.sampled_from(["Europe/Paris", "America/Cayenne", "Indian/Reunion", "Pacific/Noumea", "UTC"]),
)
def test_every_instant_can_be_typed(at: datetime, name: str) -> None:
    instant, zone = at.replace(second=0, microsecond=0, tzinfo=UTC), ZoneInfo(name)
    local = instant.astimezone(zone)
    assert parse_local(f"{local:%Y-%m-%d %H:%M}", zone, fold=local.fold) == instant


@pytest.mark.parametrize(
    ("at", "zone", "locale", "expected"),
    [
        ((2026, 12, 1, 7), "Europe/Paris", "fr",
         "mardi 1er décembre 2026 à 8\u00a0h (heure de Paris, 7\u00a0h UTC)"),
        ((2026, 12, 1, 7), "Europe/Paris", "en", "Tuesday 1 December 2026 at 08:00 (Paris time, 07:00 UTC)"),
        ((2026, 12, 1, 23), "Europe/Paris", "fr",
         "mercredi 2 décembre 2026 à 0\u00a0h (heure de Paris, 23\u00a0h UTC la veille)"),
        ((2026, 12, 2, 2), "America/Martinique", "en",
         "Tuesday 1 December 2026 at 22:00 (Martinique time, 02:00 UTC the day after)"),
    ],
)  # fmt: skip
def test_shows_both_clocks(at: tuple[int, int, int, int], zone: str, locale: str, expected: str) -> None:
    year, month, day, hour = at
    assert shown(datetime(year, month, day, hour, tzinfo=UTC), ZoneInfo(zone), locale) == expected
