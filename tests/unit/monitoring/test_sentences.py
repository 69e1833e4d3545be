"""Every alarm has its words in both languages; our reasons are worded, a relay's own words are quoted."""

import errno
import os
import re
from uuid import UUID

import pytest

from mailer.core import hold_reasons, i18n
from mailer.core.hold_reasons import UNUSABLE, HoldReason
from mailer.core.i18n import LOCALES
from mailer.delivery.breaker import oversized
from mailer.delivery.journal import JournalUnwritable
from mailer.delivery.message import Letter
from mailer.monitoring import alarms, sentences
from mailer.monitoring.backlog import Queue
from mailer.monitoring.causes import Cause
from tests.unit.delivery.test_message import THEN, sender

FACTS = {
    "title": "Été", "rows": 3, "name": "free", "reason": "421 later", "minutes": 7, "until": "10:00 UTC",
    "queue": Queue.NOTICES, "limit": 1440, "cause": Cause.RELAY, "detail": "it keeps hanging up",
    "due_at": "2026-11-23 08:00", "seconds": 3, "slug": "lettre",
    "hosts": "vm1",
}  # fmt: skip
KINDS = sorted(i18n.words("monitoring", "fr")["titles"])
pytestmark = pytest.mark.usefixtures("settings")
ENGLISH = re.compile(r"\b(it|the|no|is|not|of|cannot|and|has|refused|key)\b", re.I)


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_title_and_a_sentence(kind: str, locale: str) -> None:
    for said in (sentences.title(kind, FACTS, locale), sentences.sentence(kind, FACTS, locale)):
        assert said
        assert not set("{}") & set(said)


def test_no_kind_is_forgotten() -> None:
    words = i18n.words("monitoring", "fr")
    others = {"mail", "titles", "quoted", "unsaid", "too_big", "duration"}
    assert set(KINDS) == set(words) - others
    assert set(alarms.ALARM_AFTER) <= set(KINDS)


@pytest.mark.parametrize("reason", HoldReason)
def test_our_own_reasons_are_french_in_a_french_alarm(reason: HoldReason) -> None:
    for kind in ("relay", "journal", "dkim", "inbox", "privacylog"):
        said = sentences.sentence(kind, FACTS | {"reason": f"{reason}: relay.example.org:587"}, "fr")
        inside = said.partition("(")[2].partition(")")[0]
        assert inside
        assert not ENGLISH.search(inside.replace("relay.example.org", "")), inside
        assert reason.value not in inside
        assert ("`relay.example.org:587`" in said) == (reason in UNUSABLE)


@pytest.mark.parametrize("cause", Cause)
def test_every_cause_is_worded(cause: Cause) -> None:
    for locale in LOCALES:
        facts = FACTS | {"cause": cause, "detail": "the login is refused: relay:587, 535 5.7.8 wrong"}
        assert "{" not in sentences.sentence("backlog", facts, locale)
    held = {Cause.RELAY, Cause.JOURNAL, Cause.DKIM, Cause.INBOX}
    french = sentences.sentence("stalled", facts, "fr")
    assert ("identification refusée" in french) == (cause in held)


def test_a_relay_s_own_words_are_quoted_as_such() -> None:
    refused = "the login is refused: relay:587, 535 5.7.8 No"
    said = sentences.sentence("relay", FACTS | {"reason": refused}, "fr")
    assert "(identification refusée, `relay:587`, «\u00a0535 5.7.8 No\u00a0»)" in said
    said = sentences.sentence("provider", FACTS | {"reason": "421 4.7.0 Try again: later"}, "fr")
    assert "«\u00a0421 4.7.0 Try again: later\u00a0»)" in said
    said = sentences.sentence("refused", FACTS | {"reason": "552 5.3.4 it keeps hanging up"}, "en")
    assert "“552 5.3.4 it keeps hanging up”)" in said


def test_what_the_service_says_in_the_relay_s_place_is_worded() -> None:
    letter = Letter(UUID(int=1), sender(), "fr", "x", "<p>x</p>", "x", THEN)
    trip = oversized(letter, 1, ())
    assert trip
    said = sentences.sentence("refused", FACTS | {"reason": trip.reason}, "fr")
    assert re.search(r"le courriel pèse \d+ ko, et le serveur d’envoi en accepte 0", said)


def test_what_the_disk_says_is_worded() -> None:
    error = JournalUnwritable(f"the journal in /x cannot be written: {os.strerror(errno.ENOSPC)}")
    assert "(le disque est plein)" in sentences.sentence("journal", FACTS | {"reason": str(error)}, "fr")
    told = {reason.value for reason in HoldReason if reason.name.startswith("DISK_")}
    codes = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS, errno.ENOENT, errno.EIO)
    assert told == {os.strerror(code) for code in codes}


@pytest.mark.parametrize(
    ("minutes", "said"), [(0, "0 min"), (119, "119 min"), (120, "2 h"), (2879, "47 h"), (2880, "2 j")]
)
def test_how_long_it_lasts_is_said_in_a_unit_that_fits(minutes: int, said: str) -> None:
    assert sentences.duration(minutes, "fr").replace("\u00a0", " ") == said


def test_somebody_else_s_words_are_no_reason_of_ours() -> None:
    assert hold_reasons.read("421 4.7.0 later: no connection today") is None
    assert hold_reasons.read("no connection: relay:25") == (HoldReason.NO_CONNECTION, "relay:25")


def test_a_place_in_the_code_is_shown_as_code() -> None:
    said = sentences.sentence("failing", FACTS | {"reason": "KeyError at mailer/x.py:3"}, "fr")
    assert "(`KeyError at mailer/x.py:3`)" in said
