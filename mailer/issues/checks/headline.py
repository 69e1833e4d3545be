"""Check the lines that a mailbox shows: the subject and the preheader.  Pure."""

import re
from collections.abc import Iterator
from functools import cache

from mailer.issues.checks import lists
from mailer.issues.checks.letter import Letter
from mailer.issues.findings import Finding, warning

LONG_SUBJECT = 70  # characters; phones show fewer
_CAPITALS = 0.6  # of the letters, beyond which a line shouts
_FEW = 12  # letters: a shorter line may be a name
_SHOUTS = r"!{2,}|\?{2,}|[!?]{3,}|€{2,}|\${2,}"


def findings(letter: Letter) -> Iterator[Finding]:
    """Yield what is wrong with what a mailbox shows."""
    content = letter.content
    if len(content.subject) > LONG_SUBJECT:
        yield warning("long_subject", "subject", length=len(content.subject))
    if content.preheader.casefold() == content.subject.casefold():
        yield warning("preheader_repeats", "preheader")
    for name, line in (("subject", content.subject), ("preheader", content.preheader)):
        if _shouts(line):
            yield warning("capitals", name, shown=line)
        if promise := _promises().search(line.replace("'", "’")):
            yield warning("promises", name, shown=promise[0])


def _shouts(line: str) -> bool:
    letters = [character for character in line if character.isalpha()]
    return len(letters) >= _FEW and sum(map(str.isupper, letters)) > _CAPITALS * len(letters)


@cache
def _promises() -> re.Pattern[str]:
    return re.compile(rf"{_SHOUTS}|\b(?:{lists.expression('promises')})\b", re.IGNORECASE)
