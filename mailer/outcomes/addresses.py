"""Find email addresses in what mail programs write.  Pure."""

import re

from mailer.core.address import InvalidAddress, normalise

# Every repetition is bounded, and no two of them can share a character but the dots between labels.
ADDRESS = re.compile(
    r"(?<![A-Za-z0-9!#$%&*+/=?^_`{|}~.-])[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}"
    r"@(?:[A-Za-z0-9_-]{1,63}\.){1,8}[A-Za-z][A-Za-z0-9-]{1,23}(?![A-Za-z0-9-])"
)
_LOOSE = re.compile(r'<?((?:"[^"\n]{1,64}"|[^\s<>@",;:]{1,64})@[^\s<>@",;:()]{1,253})>?')
_ROLES = re.compile(
    r"(?:mailer[-_]?daemon|mail[-_]?daemon|mdaemon|microsoftexchange[0-9a-f]{8,40}|no-?_?reply|do-?not-?reply"
    r"|ne-?pas-?repondre|bounces?|imcea[\w+-]{1,200}|(?P<person>postmaster|hostmaster|abuse|noc|support|help|helpdesk|delist"
    r"|security|root|webmaster|tobr))@"
)


def addresses_in(text: str) -> list[str]:
    """Return the addresses of a text, normalised, in order, each once."""
    return list(dict.fromkeys(_normal(match[0].strip("'")) for match in ADDRESS.finditer(text)))


def stated(value: str) -> str | None:
    """Return the one address that a field states, however odd; None where there is none."""
    match = ADDRESS.search(value) or _LOOSE.search(value)
    if match is None:
        return None
    return _normal(match[match.lastindex or 0].strip("'"))


def is_role(address: str) -> bool:
    """Return whether an address is one that bounces come from, or that they send to for help."""
    return _ROLES.match(address) is not None


def is_machine(address: str) -> bool:
    """Return whether an address is one from which nobody writes."""
    role = _ROLES.match(address)
    return role is not None and role["person"] is None


def _normal(raw: str) -> str:
    try:
        return normalise(raw)
    except InvalidAddress:  # of a domain kept for examples, or with two dots, as some providers gave away
        return raw.lower().rstrip(".")
