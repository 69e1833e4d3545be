"""Load signs.toml: by what bounces, delays, replies of machines and challenges are told apart.  Pure."""

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from mailer.outcomes.phrases import Phrases

_FILE = Path(__file__).with_name("signs.toml")


@dataclass(frozen=True)
class Signs:
    """Hold the phrases of each kind of mail."""

    daemons: Phrases
    bounce_subjects: Phrases
    bounce_sentences: Phrases
    delay_subjects: Phrases
    delay_sentences: Phrases
    delay_over: Phrases
    auto_subjects: Phrases
    auto_sentences: Phrases
    person: Phrases
    challenge_subjects: Phrases
    challenge_sentences: Phrases
    leave_subjects: Phrases
    complaint_subjects: Phrases
    complaint_sentences: Phrases


def words(name: str) -> str:
    """Return the words of a line of [text] as a regular expression, the longest first."""
    listed = sorted(_tables()["text"][name], key=len, reverse=True)
    return "(?:" + "|".join(re.escape(word) for word in listed) + ")"


@cache
def signs() -> Signs:
    """Return them, read once."""
    tables = _tables()
    columns = {
        "daemons": ("daemon", "senders"),
        "bounce_subjects": ("bounce", "subjects"),
        "bounce_sentences": ("bounce", "signatures"),
        "delay_subjects": ("delay", "subjects"),
        "delay_sentences": ("delay", "sentences"),
        "delay_over": ("delay", "final"),
        "auto_subjects": ("auto_reply", "subjects"),
        "auto_sentences": ("auto_reply", "sentences"),
        "person": ("person", "words"),
        "challenge_subjects": ("challenge", "subjects"),
        "challenge_sentences": ("challenge", "sentences"),
        "leave_subjects": ("unsubscribe", "subjects"),
        "complaint_subjects": ("complaint", "subjects"),
        "complaint_sentences": ("complaint", "sentences"),
    }
    return Signs(**{name: Phrases(tables[table][column]) for name, (table, column) in columns.items()})


@cache
def _tables() -> dict[str, Any]:
    return tomllib.loads(_FILE.read_text(encoding="utf-8"))
