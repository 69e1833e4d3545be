"""Read the fields of a delivery status (RFC 3464), as they are really written.  Pure.

Blank lines between recipients are forgotten, long lines break without indentation, types are left out: a
field that comes a second time begins another recipient, and what is no field continues the last one.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from mailer.outcomes.addresses import stated

_FIELD = re.compile(
    r"[ \t]{0,2}((?:original|final)-recipient|action|status|diagnostic-code"
    r"|(?:reporting|remote|received-from)-mta|arrival-date|last-attempt-date|will-retry-until|final-log-id|dsn-gateway|original-envelope-id"
    r"|x-[a-z-]{2,40})[ \t]{0,4}:[ \t]*(.*)",
    re.IGNORECASE,
)
_STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
_TYPE = re.compile(r"[\w-]{1,20}[ \t]{0,4};[ \t]*")
_MOST = 200  # recipients of one report
_ADDRESS_FIELDS = ("original-recipient", "final-recipient", "x-actual-recipient")
_THEIRS = frozenset(
    {*_ADDRESS_FIELDS, "action", "status", "diagnostic-code", "remote-mta", "last-attempt-date"}
)


@dataclass(frozen=True, slots=True)
class RecipientStatus:
    """Hold what a report says of one recipient."""

    addresses: tuple[str, ...]  # as we wrote to it, and as it was known at the end of the way
    action: str  # failed, delayed, delivered, relayed, expanded, or ""
    status: str  # "" where there is none
    diagnostic: str


def read(text: str) -> list[RecipientStatus]:
    """Return what a delivery status says of each of its recipients."""
    groups = [group for group in _groups(text) if any(name in group for name in _ADDRESS_FIELDS)]
    return [_recipient(group) for group in groups[:_MOST]]


def _recipient(group: dict[str, str]) -> RecipientStatus:
    original, final = (stated(_untyped(group.get(name, ""))) for name in _ADDRESS_FIELDS[:2])
    last = None if original or final else stated(_untyped(group.get("x-actual-recipient", "")))
    addresses = dict.fromkeys(one for one in (original, final, last) if one)
    status = _STATUS.search(group.get("status", ""))
    return RecipientStatus(
        tuple(addresses),
        group.get("action", "").split("(")[0].strip().lower(),
        status[1] if status else "",
        _untyped(group.get("diagnostic-code", "")),
    )


def _untyped(value: str) -> str:
    return _TYPE.sub("", value.strip(), count=1) if _TYPE.match(value.strip()) else value.strip()


def _groups(text: str) -> Iterator[dict[str, str]]:
    group: dict[str, str] = {}
    name = ""
    for line in text.splitlines():
        match = _FIELD.match(line)
        if match is None:
            if name and line.strip():
                group[name] += f" {line.strip()}"[:1000]
            continue
        name = match[1].lower()
        if _begins_another(name, group):
            yield group
            group = {}
        group.setdefault(name, "")
        group[name] = group[name] or match[2].strip()[:4000]
    yield group


def _begins_another(name: str, group: dict[str, str]) -> bool:
    """Return whether a field is another recipient's: it, or one like it, was there already."""
    if name in _ADDRESS_FIELDS[:2] and ("final-recipient" in group or "action" in group):
        return not (name == "final-recipient" and "original-recipient" in group and name not in group)
    return name in _THEIRS and name in group and any(field in group for field in _ADDRESS_FIELDS)
