"""Check an issue before it may be sent: accessibility, legal notice, links, dates, size.  Pure.

An error stops the send; a warning is shown to whoever approves.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from mailer.issues import agenda_times, pictures, text_checks
from mailer.issues.blocks import PROSE, Agenda, Button, Call, Colophon, Content, Link
from mailer.issues.findings import Finding, error, warning
from mailer.issues.pictures import Picture
from mailer.issues.render import Rendered
from mailer.rendering import links, markdown_check
from mailer.rendering.merge_fields import UNSUBSCRIBE_URL, for_everybody, marker

MAX_HTML = 90_000  # bytes; Gmail clips a message at 102 KB
LONG_SUBJECT = 70  # characters; phones show fewer
LONG_ALT = 150
_VAGUE = {
    "ici", "cliquez ici", "cliquer ici", "lien", "en savoir plus", "lire la suite", "plus d’infos",
    "here", "click here", "link", "read more", "learn more", "more",
}  # fmt: skip


def check(
    content: Content, rendered: Rendered, *, images: Mapping[str, Picture], leaves: date, zone: ZoneInfo
) -> list[Finding]:
    """Return every finding, errors first.  `leaves` is the day of the send, in `zone`, the staff's."""
    findings = [
        *_size(rendered),
        *_unsubscribe_link(rendered),
        *_head(content),
        *text_checks.findings(content),
        *_images(content),
        *pictures.findings(content, images),
        *_links(content),
        *agenda_times.findings(content, zone),
    ]
    findings += _dates(content, leaves)
    if not any(isinstance(block, Colophon) for block in content.blocks):
        findings.append(warning("no_colophon"))
    if content.demonstration:
        findings.append(warning("demonstration"))
    return sorted(findings, key=lambda finding: finding.level)


def too_heavy(size: int) -> Finding:
    """Say that a letter of so many bytes is more than mailboxes show."""
    return error("too_heavy", size=size // 1000, limit=MAX_HTML // 1000)


def _size(rendered: Rendered) -> Iterator[Finding]:
    size = len(rendered.html.encode())
    if size > MAX_HTML:
        yield too_heavy(size)


def _unsubscribe_link(rendered: Rendered) -> Iterator[Finding]:
    for part, body in (("HTML", rendered.html), ("text", rendered.text)):
        if marker(UNSUBSCRIBE_URL) not in body:
            yield error("no_way_out", part=part)


def _head(content: Content) -> Iterator[Finding]:
    if len(content.subject) > LONG_SUBJECT:
        yield warning("long_subject", length=len(content.subject))
    if content.preheader.casefold() == content.subject.casefold():
        yield warning("preheader_repeats")


def _images(content: Content) -> Iterator[Finding]:
    for image in content.images():
        if len(image.alt) > LONG_ALT:
            yield warning("long_alt", src=image.src, limit=LONG_ALT)
        if image.alt and image.src.casefold().endswith(image.alt.casefold()):
            yield warning("alt_is_name", src=image.src)


def _links(content: Content) -> Iterator[Finding]:
    targets: dict[str, str] = {}
    for where, label, url in _each_link(content):
        if label.strip(" .…").casefold().replace("'", "’") in _VAGUE:
            yield warning("vague_link", where, label=label)
        if targets.setdefault(label.casefold(), url) != url:
            yield warning("same_label", where, label=label)
        if url.lower().startswith("http://"):
            yield warning("plain_http", where, label=label)
        if not content.demonstration and _is_sample(url):
            yield warning("sample_link", where, label=label)


def _is_sample(url: str) -> bool:
    host = (urlsplit(url).hostname or "") if links.is_whole(url) else ""
    return host.endswith(("example.org", "example.com", "example.net", ".example"))


def _each_link(content: Content) -> Iterator[tuple[str, str, str]]:
    """Yield (block, label, address) of every link the author wrote."""
    for number, block in enumerate(content.blocks):
        where = f"blocks[{number}]"
        own: list[Link] = list(getattr(block, "links", ()))
        if isinstance(block, Agenda):
            own += [link for entry in block.entries for link in entry.links]
        if isinstance(block, Button):
            own.append(Link(label=block.label, url=block.url))
        if (link := getattr(block, "link", None)) is not None:
            own.append(link)
        yield from ((where, link.label, link.url) for link in own)
        if isinstance(block, PROSE):
            written = markdown_check.links_of(block.text)
            yield from ((where, link.label, link.url) for link in written if not links.fault(link.url))


def _dates(content: Content, leaves: date) -> Iterator[Finding]:
    for number, block in enumerate(content.blocks):
        where = f"blocks[{number}]"
        if isinstance(block, Call) and block.deadline < leaves:
            yield warning("past_deadline", where, title=for_everybody(block.title, content.locale))
        if isinstance(block, Agenda):
            for entry in block.entries:
                if entry.date and entry.date < leaves:
                    yield warning("past_event", where, title=entry.title)
