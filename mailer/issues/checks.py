"""Check an issue before it may be sent: accessibility, legal notice, links, size.  Pure.

An error stops the send; a warning is shown to whoever approves.
"""

import re
from collections.abc import Iterator
from datetime import date
from urllib.parse import urlsplit

from mailer.issues.blocks import Agenda, Button, Call, Colophon, Content, Link
from mailer.issues.findings import Finding
from mailer.issues.render import Rendered
from mailer.rendering.markdown import is_whole
from mailer.rendering.merge_fields import UNSUBSCRIBE_URL, marker

MAX_HTML = 90_000  # bytes; Gmail clips a message at 102 KB
LONG_SUBJECT = 70  # characters; phones show fewer
LONG_ALT = 150
_VAGUE = {
    "ici", "cliquez ici", "cliquer ici", "lien", "en savoir plus", "lire la suite", "plus d’infos",
    "here", "click here", "link", "read more", "learn more", "more",
}  # fmt: skip
_MARKDOWN_LINK = re.compile(r"\[([^\]]+)\]\(([^)\s]+)")


def check(content: Content, rendered: Rendered, *, leaves: date) -> list[Finding]:
    """Return every finding, errors first.  `leaves` is the day of the send, in the staff's time zone."""
    findings = [
        *_size(rendered),
        *_unsubscribe_link(rendered),
        *_head(content),
        *_images(content),
        *_links(content),
    ]
    findings += _dates(content, leaves)
    if not any(isinstance(block, Colophon) for block in content.blocks):
        findings.append(_warning("no_colophon"))
    if content.demonstration:
        findings.append(_warning("demonstration"))
    return sorted(findings, key=lambda finding: finding.level)


def _error(code: str, where: str = "", **values: str | int) -> Finding:
    return Finding("error", code, where, tuple(values.items()))


def _warning(code: str, where: str = "", **values: str | int) -> Finding:
    return Finding("warning", code, where, tuple(values.items()))


def _size(rendered: Rendered) -> Iterator[Finding]:
    size = len(rendered.html.encode())
    if size > MAX_HTML:
        yield _error("too_heavy", size=size // 1000, limit=MAX_HTML // 1000)


def _unsubscribe_link(rendered: Rendered) -> Iterator[Finding]:
    for part, body in (("HTML", rendered.html), ("text", rendered.text)):
        if marker(UNSUBSCRIBE_URL) not in body:
            yield _error("no_way_out", part=part)


def _head(content: Content) -> Iterator[Finding]:
    if len(content.subject) > LONG_SUBJECT:
        yield _warning("long_subject", length=len(content.subject))
    if content.preheader.casefold() == content.subject.casefold():
        yield _warning("preheader_repeats")


def _images(content: Content) -> Iterator[Finding]:
    for image in content.images():
        if len(image.alt) > LONG_ALT:
            yield _warning("long_alt", src=image.src, limit=LONG_ALT)
        if image.alt and image.src.casefold().endswith(image.alt.casefold()):
            yield _warning("alt_is_name", src=image.src)


def _links(content: Content) -> Iterator[Finding]:
    targets: dict[str, str] = {}
    for where, label, url in _each_link(content):
        if label.strip(" .…").casefold().replace("'", "’") in _VAGUE:
            yield _warning("vague_link", where, label=label)
        if targets.setdefault(label.casefold(), url) != url:
            yield _warning("same_label", where, label=label)
        if not is_whole(url):
            yield _error("not_whole", where, label=label, url=url)
        if url.startswith("http://"):
            yield _warning("plain_http", where, label=label)
        if not content.demonstration and _is_sample(url):
            yield _warning("sample_link", where, label=label)


def _is_sample(url: str) -> bool:
    host = (urlsplit(url).hostname or "") if is_whole(url) else ""
    return host.endswith(("example.org", "example.com", "example.net", ".example"))


def _each_link(content: Content) -> Iterator[tuple[str, str, str]]:
    """Yield (block, label, address) of every link the author wrote."""
    for number, block in enumerate(content.blocks):
        where = f"blocks[{number}]"
        links: list[Link] = list(getattr(block, "links", ()))
        if isinstance(block, Agenda):
            links += [link for entry in block.entries for link in entry.links]
        if isinstance(block, Button):
            links.append(Link(label=block.label, url=block.url))
        if (link := getattr(block, "link", None)) is not None:
            links.append(link)
        yield from ((where, link.label, link.url) for link in links)
        for label, url in _MARKDOWN_LINK.findall(str(getattr(block, "text", ""))):
            yield where, label, url


def _dates(content: Content, leaves: date) -> Iterator[Finding]:
    for number, block in enumerate(content.blocks):
        where = f"blocks[{number}]"
        if isinstance(block, Call) and block.deadline < leaves:
            yield _warning("past_deadline", where, title=block.title)
        if isinstance(block, Agenda):
            for entry in block.entries:
                if entry.date and entry.date < leaves:
                    yield _warning("past_event", where, title=entry.title)
