"""The two tables say what their heads promise, and nothing that would match everything."""

import re
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from mailer.outcomes import mime
from mailer.outcomes.classify import Codes, codes_in, judge
from mailer.outcomes.phrases import Phrases, fold
from mailer.outcomes.report import Meaning

FOLDER = Path(mime.__file__).parent
RULES: list[dict[str, Any]] = tomllib.loads((FOLDER / "verdicts.toml").read_text(encoding="utf-8"))["rule"]
SIGNS: dict[str, dict[str, list[str]]] = tomllib.loads((FOLDER / "signs.toml").read_text(encoding="utf-8"))
KEYS = {
    "name", "stage", "verdict", "says", "matches", "needs", "unless", "class", "status", "code", "bare",
}  # fmt: skip
STAGES = ["dialect", "text", "vague", "enhanced", "code"]


def _phrases() -> list[str]:
    listed = [rule.get(key, []) for rule in RULES for key in ("says", "needs", "unless")]
    listed += [lines for table, entries in SIGNS.items() if table != "text" for lines in entries.values()]
    return [phrase for lines in listed for phrase in lines]


def test_a_rule_has_a_name_of_its_own_and_known_words() -> None:
    assert [name for name, times in Counter(rule["name"] for rule in RULES).items() if times > 1] == []
    for rule in RULES:
        assert set(rule) <= KEYS, rule["name"]
        assert rule["verdict"] in set(Meaning), rule["name"]
        assert rule.get("class", "5") in {"4", "5"}, rule["name"]
        written = rule["stage"] in {"dialect", "text", "vague"}
        assert written == bool(rule.get("says") or rule.get("matches")), rule["name"]


def test_rules_stand_in_the_order_of_their_stages() -> None:
    places = [STAGES.index(rule["stage"]) for rule in RULES if rule["stage"] != "vague"]
    assert places == sorted(places)


def test_no_phrase_would_match_nearly_everything() -> None:
    for phrase in _phrases():
        for part in phrase.split("…"):
            kept = re.sub(r"[\W\d_]", "", fold(part))
            assert len(kept) >= 2 or re.search(r"\d", part), phrase


def test_every_meaning_is_one_of_some_rule() -> None:
    assert {rule["verdict"] for rule in RULES} == set(Meaning) - {Meaning.UNKNOWN}


@pytest.mark.parametrize(
    ("phrase", "text", "within"),
    [
        ("user unknown", "USER  Unknown", True),
        ("boîte pleine", "La BOITE PLEINE", True),
        ("n'existe pas", "N’existe pas", True),
        ("rbl", "marbles", False),
        ("rbl", "an rbl!", True),
        ("désactivé", "elle est desactivee", True),
        ("user … unknown", "user <zoe@example.com> is unknown", True),
        ("user … unknown", "user " + "x" * 90 + " unknown", False),
        ("is full", "visfull", False),
        ("ip … blocked", "recipient mailbox blocked", False),
        ("ip … blocked", "your IP 192.0.2.10 is blocked", True),
        ("存在しません", "この宛先は存在しません", True),
    ],
)
def test_phrases(phrase: str, text: str, within: bool) -> None:
    assert Phrases([phrase]).within(fold(text)) is within


def test_an_address_is_no_word_of_the_reply() -> None:
    reply = "550 5.7.1 <mailbox-full.user-unknown@spam.example.com>: refused by policy"
    assert judge([reply], codes_in(reply)).meaning is Meaning.POLICY


@pytest.mark.parametrize(
    ("text", "status", "codes"),
    [
        ("550 5.1.1 no", "", Codes("5.1.1", 550)),
        ("550-5.1.1 no", "5.0.0", Codes("5.1.1", 550)),
        ("550 no", "5.1.1", Codes("5.1.1", 550)),
        ("said: 550 no (#5.1.1)", "5.0.0", Codes("5.1.1", 550)),
        ("host mx.example.com[5.1.1.2] timed out", "4.4.1", Codes("4.4.1", None)),
        ("sent 550 messages", "", Codes("", None)),
        ("", "", Codes("", None)),
    ],
)
def test_codes(text: str, status: str, codes: Codes) -> None:
    assert codes_in(text, status) == codes
