"""Read the lists of what the checks look for: templates/words/check_lists.yaml.  Pure, but for that file."""

import re
from functools import cache

from mailer.core.i18n import LOCALES, words


@cache
def every(name: str) -> frozenset[str]:
    """Return what is listed in any language: an author may use another than the letter's."""
    return frozenset(plain(entry) for locale in LOCALES for entry in words("check_lists", locale)[name])


@cache
def expression(name: str) -> str:
    """Return the same as an expression, the longest first; * stands for any ending."""
    listed = sorted(every(name), key=len, reverse=True)
    return "|".join(re.escape(entry).replace(r"\*", r"\w*").replace(r"\ ", r"\s+") for entry in listed)


def plain(text: str) -> str:
    """Return words as they are compared: in lower case, with one kind of apostrophe and of space."""
    return " ".join(text.casefold().replace("'", "’").split())
