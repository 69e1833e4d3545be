"""Check the words and the addresses of links.  Pure."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from mailer.issues.checks import lists
from mailer.issues.checks.letter import Letter, WrittenLink
from mailer.issues.findings import Finding, warning
from mailer.rendering import links


def findings(letter: Letter) -> Iterator[Finding]:
    """Yield what is wrong with links, in reading order."""
    targets: dict[str, str] = {}
    for link in letter.links:
        if _is_vague(link.label):
            yield warning("vague_link", link.where, label=link.label)
        elif _is_address(link):
            yield warning("address_as_words", link.where, label=link.label)
        elif targets.setdefault(_plain(link.label), link.url) != link.url:
            yield warning("same_label", link.where, label=link.label)
        if link.url.lower().startswith("http://"):
            yield warning("plain_http", link.where, label=link.label, url=link.url)
        if not letter.content.demonstration and _is_sample(link.url):
            yield warning("sample_link", link.where, label=link.label)


def _plain(label: str) -> str:
    return lists.plain(label).strip(" .…:!>»→«")


def _is_vague(label: str) -> bool:
    return _plain(label) in lists.every("vague_links")


def _is_address(link: WrittenLink) -> bool:
    """Return whether a long address stands for its own words: a voice reads it sign by sign."""
    return len(link.label) > 40 and link.label.startswith(("http://", "https://", "www."))


def _is_sample(url: str) -> bool:
    host = (urlsplit(url).hostname or "") if links.is_whole(url) else ""
    return host.endswith(("example.org", "example.com", "example.net", ".example"))
