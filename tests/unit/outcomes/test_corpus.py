"""On the corpus: bounces are recognised with their recipient, and nothing else is taken for one."""

from collections import Counter

import pytest

from mailer.outcomes import classify
from mailer.outcomes.recognise import recognise
from tests.unit.outcomes.corpus.case import Case
from tests.unit.outcomes.corpus.fresh import FRESH
from tests.unit.outcomes.corpus.gateways import GATEWAYS
from tests.unit.outcomes.corpus.lookalikes import LOOKALIKES
from tests.unit.outcomes.corpus.made import MADE
from tests.unit.outcomes.corpus.oddities import ODDITIES
from tests.unit.outcomes.corpus.others import COMPLAINTS, OTHERS
from tests.unit.outcomes.corpus.sentences import SENTENCES
from tests.unit.outcomes.corpus.texts import TEXTS

CASES = (*MADE, *FRESH, *TEXTS, *GATEWAYS, *ODDITIES, *LOOKALIKES, *COMPLAINTS, *OTHERS)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_mail_is_understood(case: Case) -> None:
    report = recognise(case.raw, keyed=False)
    assert report.kind == case.kind, report.rule
    assert {one.address: one.meaning.value for one in report.outcomes} == case.verdicts, report.rule


@pytest.mark.parametrize(("sentence", "meaning"), SENTENCES)
def test_a_sentence_is_understood_without_any_code(sentence: str, meaning: str) -> None:
    assert classify.judge([sentence], classify.codes_in(sentence)).meaning == meaning


def test_the_corpus_is_large_and_varied() -> None:
    assert len({case.raw for case in CASES}) >= 600
    kinds = Counter(case.kind for case in CASES)
    assert set(kinds) == {
        "bounce", "complaint", "unsubscribe", "auto_reply", "challenge", "delay", "human", "other",
    }  # fmt: skip
    meanings = Counter(meaning for case in CASES for meaning in case.verdicts.values())
    assert min(meanings[one] for one in ("hard", "soft", "full", "blocked", "spam", "policy")) >= 30


@pytest.mark.parametrize("end", [b"\r\n", b"\r"], ids=["dos", "mac"])
@pytest.mark.parametrize("case", [*FRESH, *GATEWAYS, *OTHERS], ids=str)
def test_line_ends_change_nothing(case: Case, end: bytes) -> None:
    there = recognise(case.raw.replace(b"\n", end), keyed=False)
    assert there == recognise(case.raw, keyed=False)


@pytest.mark.parametrize("case", [*FRESH, *GATEWAYS, *OTHERS], ids=str)
def test_an_mbox_line_and_a_lost_last_line_end_change_nothing(case: Case) -> None:
    there = recognise(b"From x Mon Oct 12 09:12:44 2026\n" + case.raw.rstrip(b"\n"), keyed=False)
    assert there == recognise(case.raw, keyed=False)
