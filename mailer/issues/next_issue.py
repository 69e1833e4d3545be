"""Make the letter that follows another: the next number and month, without its dates.  Pure."""

import re
from datetime import date
from typing import Any

from babel.dates import get_month_names
from dateutil.relativedelta import relativedelta

from mailer.issues.drafts import Document, Values, identified, written

_FIGURES = re.compile(r"\d+(?=\D*$)")
_SPENT = ("title", "subject", "preheader")  # what each issue says anew
_DAYS = {"call": ("deadline",), "report": ("date",)}


def following(document: Document) -> Document:
    """Return the next issue: what was dated has lost its dates, and its block asks to be read again."""
    before = written(document)
    head = {name: value for name, value in before.items() if name not in (*_SPENT, "blocks", "date")}
    head |= {"number": next_number(before["number"])} if before.get("number") else {}
    blocks = [next_block(block, before.get("locale", "fr")) for block in before["blocks"]]
    return identified(head | {"blocks": blocks})


def next_number(text: str) -> str:
    """Return it with its last figures raised by one: Numéro 12, n° 009."""
    return _FIGURES.sub(lambda found: str(int(found[0]) + 1).zfill(len(found[0])), text)


def next_month(text: str, locale: str) -> str:
    """Return it with the month that follows: décembre 2026 becomes janvier 2027; as it is without a month."""
    names = [str(name) for name in get_month_names("wide", locale=locale).values()]
    found = re.search(rf"\b({'|'.join(names)})(\s+)(\d{{4}})\b", text, re.IGNORECASE)
    if found is None:
        return text
    month = [name.casefold() for name in names].index(found[1].casefold()) + 1
    after = date(int(found[3]), month, 1) + relativedelta(months=1)
    name = names[after.month - 1]
    name = name.capitalize() if found[1][0].isupper() else name
    return f"{text[: found.start()]}{name}{found[2]}{after.year}{text[found.end() :]}"


def next_block(block: Values, locale: str) -> Values:
    """Return what a block of an issue is in the next one."""
    kind = block["kind"]
    if kind == "masthead":
        number, month = block.get("number"), block.get("date")
        numbered = {"number": next_number(number)} if number else {}
        return block | numbered | ({"date": next_month(month, locale)} if month else {})
    if kind == "agenda":
        entries = [_undated(entry) for entry in block.get("entries", ())]
        return block | {"entries": entries, "review": True}
    if days := [name for name in _DAYS.get(kind, ()) if name in block]:
        return {name: value for name, value in block.items() if name not in days} | {"review": True}
    return block


def _undated(entry: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if name not in ("date", "start", "end", "period")}
