"""Define the kinds of block an issue is made of, one class each.  Pure.

Adding a kind is one class here, one partial in templates/issue/blocks and one in templates/issue/text.
"""

import datetime
import json
import re
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from mailer.core.i18n import Locale
from mailer.rendering import links
from mailer.rendering.merge_fields import MERGE_FIELDS, NAME, WRITTEN, parsed

_PRIVATE = re.compile("[\ue000-\uf8ff]")  # the markers of merge fields use these
_BREAKS = re.compile("[\x00-\x1f\x7f\x85\u2028\u2029\ufffe\uffff]")  # the last two: no XML holds them
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f\x85\u2028\u2029\ufffe\uffff]")
MAX_WIDTH = 640  # pixels, of the whole letter
MAX_COLUMNS = 5  # of a table: what a telephone shows


def _one_line(text: str) -> str:
    if _BREAKS.search(text) or _PRIVATE.search(text):
        raise PydanticCustomError("one_line", "one_line")
    return text.strip()


def _line(text: str) -> str:
    """Refuse by name a merge field where none is filled."""
    if field := WRITTEN.search(text):
        raise PydanticCustomError("merge_field_here", "merge_field_here", {"field": field[0]})
    return _one_line(text)


def _title(text: str) -> str:
    _refuse_bad_fields(text)
    return _one_line(text)


def _markdown(text: str) -> str:
    if _CONTROLS.search(text) or _PRIVATE.search(text):
        raise PydanticCustomError("controls", "controls")
    _refuse_bad_fields(text)
    return text.strip()


def _refuse_bad_fields(text: str) -> None:
    for written in WRITTEN.finditer(text):
        field = parsed(written["inside"])
        if field is None:
            known = {"field": written["inside"].strip(), "known": ", ".join(MERGE_FIELDS)}
            raise PydanticCustomError("merge_field", "merge_field", known)
        if field == (NAME, ""):
            raise PydanticCustomError("no_fallback", "no_fallback", {"field": written[0]})


def _url(text: str) -> str:
    if code := links.fault(_line(text)):
        raise PydanticCustomError(code, "address", {"address": text})
    return text.strip()


Line = Annotated[str, Field(min_length=1, max_length=300), AfterValidator(_line)]
Title = Annotated[str, Field(min_length=1, max_length=300), AfterValidator(_title)]  # merge fields are filled
Markdown = Annotated[str, Field(min_length=1, max_length=20_000), AfterValidator(_markdown)]
Summary = Annotated[str, Field(min_length=1, max_length=600), AfterValidator(_line)]
Url = Annotated[str, Field(max_length=2000), AfterValidator(_url)]
Slug = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=60)]


Cell = Annotated[str, Field(max_length=300), AfterValidator(_line)]


def _table(rows: tuple[tuple[str, ...], ...]) -> tuple[tuple[str, ...], ...]:
    """Refuse a column without its title: a cell is read with it."""
    titles = rows[0]
    if len(titles) > MAX_COLUMNS:
        raise PydanticCustomError("table_columns", "table_columns", {"most": MAX_COLUMNS})
    if not all(titles) or max(map(len, rows)) > len(titles):
        raise PydanticCustomError("table_titles", "table_titles")
    return rows


Grid = Annotated[tuple[tuple[Cell, ...], ...], Field(min_length=2, max_length=30), AfterValidator(_table)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Link(_Part):
    """Hold an address, and a label that makes sense without its context."""

    label: Line
    url: Url


class Image(_Part):
    """Hold a picture beside the issue file; `alt` says what it shows, unless it is decorative.

    `width` is how wide it is shown, in CSS pixels: without it, as wide as it is, half if it is a double (2×).
    """

    src: Line
    alt: Annotated[str, Field(max_length=500), AfterValidator(_line)] = ""
    decorative: bool = False
    credit: Line | None = None
    width: Annotated[int, Field(ge=1, le=MAX_WIDTH)] | None = None

    @model_validator(mode="after")
    def _described(self) -> "Image":
        if not self.alt and not self.decorative:
            raise PydanticCustomError("alt", "alt")
        return self


class Masthead(_Part):
    """Hold the head of the issue: the newsletter's title, its number, its month."""

    kind: Literal["masthead"]
    title: Title
    subtitle: Line | None = None
    number: Line | None = None
    date: Line | None = None
    image: Image | None = None


class Editorial(_Part):
    """Hold a signed word to the reader; the greeting comes before it by itself."""

    kind: Literal["editorial"]
    title: Title
    text: Markdown
    portrait: Image | None = None
    signature: Line
    role: Line | None = None


class Heading(_Part):
    """Hold the title of a section."""

    kind: Literal["heading"]
    text: Title


class Text(_Part):
    """Hold paragraphs and lists in Markdown, without HTML."""

    kind: Literal["text"]
    text: Markdown
    links: tuple[Link, ...] = ()


class Quote(_Part):
    """Hold somebody's own words, and whose they are."""

    kind: Literal["quote"]
    text: Markdown
    speaker: Line
    role: Line | None = None


class Figure(_Part):
    """Hold one key number."""

    value: Annotated[str, Field(max_length=20), AfterValidator(_line)]
    label: Line
    note: Line | None = None


class Figures(_Part):
    """Hold key numbers, side by side."""

    kind: Literal["figures"]
    title: Title | None = None
    figures: Annotated[tuple[Figure, ...], Field(min_length=1, max_length=6)]
    source: Line | None = None


class Table(_Part):
    """Hold a simple table: `rows` of cells, the first of which are the titles of the columns.

    `row_titles`: the first cell of each row says what the row is about.
    """

    kind: Literal["table"]
    caption: Title
    rows: Grid
    row_titles: bool = False
    source: Line | None = None


class Article(_Part):
    """Hold a piece with its picture and its links."""

    kind: Literal["article"]
    title: Title
    image: Image | None = None
    text: Markdown
    links: tuple[Link, ...] = ()


class Pair(_Part):
    """Hold two short articles, side by side where there is room: each leads to the whole of it."""

    kind: Literal["pair"]
    title: Title
    image: Image | None = None
    summary: Summary
    link: Link | None = None
    second_title: Title
    second_image: Image | None = None
    second_summary: Summary
    second_link: Link | None = None


class Report(_Part):
    """Hold a report from the field: where, in which département, when."""

    kind: Literal["report"]
    title: Title
    place: Line
    departement: Annotated[str, Field(pattern=r"^(\d{2,3}|2A|2B)$")]
    date: Line | None = None
    image: Image | None = None
    text: Markdown
    links: tuple[Link, ...] = ()


class AgendaEntry(_Part):
    """Hold a dated event, or a period in words when the day is not known."""

    date: datetime.date | None = None
    start: datetime.time | None = None
    end: datetime.time | None = None
    period: Line | None = None
    title: Line
    place: Line | None = None
    details: Line | None = None
    links: tuple[Link, ...] = ()

    @model_validator(mode="after")
    def _when(self) -> "AgendaEntry":
        if (self.date is None) == (self.period is None):
            raise PydanticCustomError("date_or_period", "date_or_period")
        if (self.start and not self.date) or (self.end and not self.start):
            raise PydanticCustomError("start_or_end", "start_or_end")
        return self


class Agenda(_Part):
    """List what is coming."""

    kind: Literal["agenda"]
    title: Title
    entries: Annotated[tuple[AgendaEntry, ...], Field(min_length=1)]


class Call(_Part):
    """Hold a call for projects: until when, how much, where to answer."""

    kind: Literal["call"]
    title: Title
    deadline: datetime.date
    amount: Line | None = None
    rate: Line | None = None
    text: Markdown
    links: tuple[Link, ...] = ()


class Picture(_Part):
    """Hold an image on its own."""

    kind: Literal["image"]
    image: Image
    link: Link | None = None


class Video(_Part):
    """Lead to a video by an image of it: an email plays none."""

    kind: Literal["video"]
    title: Title
    image: Image
    url: Url
    duration: Line
    transcript: Url | None = None


class Document(_Part):
    """Offer a file to download, and say what one gets before one clicks."""

    kind: Literal["document"]
    title: Title
    url: Url
    format: Line
    weight: Line
    language: Line | None = None


class Button(_Part):
    """Offer one thing to do."""

    kind: Literal["button"]
    label: Line
    url: Url


class Divider(_Part):
    """Part what comes before from what comes after."""

    kind: Literal["divider"]


class Social(_Part):
    """Lead to where else the newsletter's body publishes."""

    kind: Literal["social"]
    title: Title | None = None
    links: Annotated[tuple[Link, ...], Field(min_length=1, max_length=8)]


class Credit(_Part):
    """Hold a role and who holds it."""

    role: Line
    names: Line


class Colophon(_Part):
    """Say who publishes, who writes, who designs."""

    kind: Literal["colophon"]
    lines: Annotated[tuple[Credit, ...], Field(min_length=1)]


Block = Annotated[
    Masthead | Editorial | Heading | Text | Quote | Figures | Table | Article | Pair | Report | Agenda | Call
    | Picture | Video | Document | Button | Social | Divider | Colophon,
    Field(discriminator="kind"),
]  # fmt: skip


PICTURES = ("image", "portrait", "second_image")  # the names of fields that are images
PROSE = (Editorial, Text, Quote, Article, Report, Call)  # whose `text` is Markdown


class Content(_Part):
    """Hold a whole issue, as its author writes it."""

    newsletter: Slug
    number: Line | None = None
    date: datetime.date | None = None
    title: Line
    subject: Annotated[str, Field(min_length=1, max_length=150), AfterValidator(_title)]
    preheader: Title
    locale: Locale = "fr"
    demonstration: bool = False
    blocks: Annotated[tuple[Block, ...], Field(min_length=1, max_length=100)]

    def dump(self) -> dict[str, Any]:
        """Return the content as JSON values, as the database stores it."""
        return self.model_dump(mode="json")

    def canonical_json(self) -> bytes:
        """Return one spelling for one content, fit for hashing."""
        return json.dumps(self.dump(), sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()

    def images(self) -> list[Image]:
        """Return every image, in reading order."""
        return [image for _where, image in self.placed_images()]

    def placed_images(self) -> list[tuple[str, Image]]:
        """Return every image with where it is: blocks[3].image, in reading order."""
        return [
            (f"blocks[{number}].{name}", image)
            for number, block in enumerate(self.blocks)
            for name in PICTURES
            if (image := getattr(block, name, None)) is not None
        ]

    def dated_entries(self) -> list[AgendaEntry]:
        """Return the events one can put in a calendar, in reading order; their numbers begin at 1."""
        return [e for block in self.blocks if isinstance(block, Agenda) for e in block.entries if e.date]


def _kind(of: type[_Part]) -> str:
    return str(get_args(of.model_fields["kind"].annotation)[0])


CLASSES: dict[str, type[_Part]] = {_kind(of): of for of in get_args(get_args(Block)[0])}
KINDS: tuple[str, ...] = tuple(CLASSES)
PROSE_KINDS = frozenset(_kind(of) for of in PROSE)
