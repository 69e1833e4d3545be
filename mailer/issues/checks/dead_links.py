"""Check what the addresses of links answered, once somebody asked the server to look.  Pure."""

from collections.abc import Iterator
from urllib.parse import urldefrag

from mailer.issues.checks.letter import Letter
from mailer.issues.checks.visits import Visit
from mailer.issues.findings import Finding, warning

_GUARDED = frozenset(
    {401, 403, 407, 418, 429, 451, 503, 999}
)  # which sites answer to a program, and not to people


def address(url: str) -> str:
    """Return what is asked for a link: its address without the place in the page."""
    return urldefrag(url.strip()).url


def findings(letter: Letter) -> Iterator[Finding]:
    """Yield the links that lead nowhere, and those of which nobody knows."""
    for link in letter.links:
        if (visit := letter.visits.get(address(link.url))) and (code := _code(visit)):
            yield warning(code, link.where, label=link.label, url=link.url, status=visit.status or 0)


def _code(visit: Visit) -> str | None:
    if visit.fault:
        return f"visit_{visit.fault}"
    if visit.status is None or visit.status < 400:
        return None
    return "link_guarded" if visit.status in _GUARDED else "link_dead"
