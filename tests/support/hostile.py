"""What an author may type who means harm, or pastes from afar; and what of a page is never theirs."""

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from functools import cache
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

from mailer.core.paths import templates_dir
from mailer.issues import drafts, fields, yaml_file
from mailer.issues.fields import Field

CANARY = "hxq7"  # in every text, so that it is seen again
IMAGE = {"src": "images/harbour.png", "alt": "A harbour"}  # one of the English example
LONG = f"{CANARY}{'a' * 20_000}"
CORPUS: dict[str, str] = {
    "script": f"<script>alert('{CANARY}')</script>",
    "image": f"<img src=x onerror=alert(`{CANARY}`)>",
    "double quote": f'{CANARY}" onmouseover="alert(1)" x="',
    "single quote": f"{CANARY}' autofocus onfocus='alert(1)",
    "mjml": f"</mj-text><mj-raw><script>alert(1)</script></mj-raw><mj-text>{CANARY}",
    "include": f'<mj-include path="/etc/passwd" /> {CANARY}',
    "expression": f"{CANARY} {{{{ config }}}} {{{{ 7*7 }}}}",
    "statement": f'{{% include "/etc/passwd" %}}{{# {CANARY} #}} {{% raw %}}',
    "fallback": f'{{{{ name | "<b onclick=alert(1)>{CANARY}</b>" }}}}',
    "cdata": f"{CANARY} ]]> <![CDATA[ <b> --> <!-- <!--[if mso]> <![endif]",
    "entities": f"{CANARY} &lt;script&gt; &#x202e; &#0; &#xD800; &amp;nbsp;",
    "link": f"[{CANARY}](javascript:alert(1)) <javascript:alert(2)> ![x](https://evil.example/x.png)",
    "style": f"{CANARY};background:url(javascript:alert(1))}}</style><style>*{{display:none}}",
    "bidi": f"{CANARY} \u202e\u2066lave\u2069 \u200f\u061c\u202d",
    "emoji": f"{CANARY} 👩\u200d👧\u200d👦🏳️\u200d🌈 e\u0301 \U0001f595",
    "invisible": f"\ufeff{CANARY}\u200b\u00ad\u2060",
    "no characters": f"{CANARY} \ufffe\uffff\U0001ffff",
    "controls": f"{CANARY}\u0001\u0008\u001b[31m\u0085\u2028",
    "markers": f"\ue000name\ue001 {CANARY} \ue000unsubscribe_url\ue001",
    "lines": f"{CANARY}\r\nBcc: everybody@evil.example\r\n\r\n<b>",
    "formats": f"{CANARY} {{0}} {{locale}} %s %(title)s %% $" + "{x}",
    "path": rf"{CANARY} C:\new\u{{a0}} \\server",
    "long": LONG,
}

MAIL_TAGS = frozenset({
    "a", "blockquote", "body", "br", "caption", "code", "div", "em", "h1", "h2", "h3", "head", "html",
    "img", "li", "meta", "ol", "p", "span", "strong", "style", "table", "tbody", "td", "th", "thead",
    "title", "tr", "ul",
})  # fmt: skip
_RUNS = frozenset({"object", "embed", "applet", "mj-raw", "mj-include", "frame", "math"})
_LEADS = frozenset({"href", "src", "action", "formaction", "srcdoc", "data"})
_HARMFUL = ("javascript:", "data:", "vbscript:")
Path = tuple[str | int, ...]


def paths(of: Sequence[Field], before: Path = ()) -> Iterator[Path]:
    """Yield where words can be typed, in the first part of each list."""
    for field in of:
        first: Path = {"list": (0,), "grid": (1, 0)}.get(field.type, ())
        here = (*before, field.name, *first)
        if field.parts:
            yield from paths(field.parts, here)
        elif field.type != "yes" and field.name != "src":
            yield here


@cache
def _examples() -> dict[str, drafts.Values]:
    content, _assets = yaml_file.load(templates_dir() / "examples" / "letter-en" / "letter.yaml")
    return {block["kind"]: block for block in drafts.written(content.dump())["blocks"]}


def block_of_all(kind: str, turn: int) -> drafts.Values:
    """Return a block in which every field has a hostile text; each has had each, after as many turns."""
    texts = list(CORPUS.values())
    block = deepcopy(_examples()[kind])
    for number, path in enumerate(paths(fields.of_kind(kind))):
        _place(block, path, texts[(number + turn) % len(texts)])
    return block


def block_with(kind: str, path: Path, text: str) -> drafts.Values:
    """Return the example of a kind with this text in a field, as far as the rest lets it be sent."""
    example = _examples()[kind]
    whole, bare = deepcopy(example), _bare(fields.of_kind(kind), example, path) | {"kind": kind}
    for block in (whole, bare):
        _place(block, path, text)
    return bare if drafts.block_faults(whole) else whole


def _bare(of: Sequence[Field], example: Mapping[str, Any], path: Path) -> drafts.Values:
    """Return what is required, also of the part in which the field is."""
    values: drafts.Values = {}
    for field in of:
        mine = field.name == path[0]
        if not field.required and not mine:
            continue
        given = example.get(field.name) or _filled(field)
        if mine and field.type == "list":
            given = [_bare(field.parts, given[0], path[2:])]
        elif mine and field.type == "part":
            given = _bare(field.parts, given, path[1:])
        values[field.name] = deepcopy(given)
    return values


def _filled(field: Field) -> Any:
    """Return something for a field that the example does not have."""
    if field.type == "image":
        return dict(IMAGE)
    if field.parts:
        part = {each.name: _filled(each) for each in field.parts if each.required}
        return [part] if field.type == "list" else part
    return "https://www.example.org/" if field.type == "url" else "x"


def _place(values: Any, path: Path, text: str) -> None:
    for step, following in pairwise(path):
        if isinstance(step, int):
            values[:] = values or [{}]
            values = values[0]
        else:
            values = values.setdefault(step, [] if following == 0 else {})
    values[path[-1]] = text


class _Seen(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: set[str] = set()
        self.faults: list[str] = []
        self.text = ""
        self._script = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        values = dict(attrs)
        self._script = tag == "script"
        if tag in _RUNS or (self._script and not (values.get("src") or "").startswith("/static/")):
            self.faults.append(f"<{tag} {values}>")
        for name, value in values.items():
            led = name in _LEADS and (value or "").strip().lower().startswith(_HARMFUL)
            if name.startswith("on") or led:
                self.faults.append(f"{name}={value}")
        self.text += " ".join(
            value or "" for name, value in attrs if name in {"alt", "value", "title", "label"}
        )

    def handle_data(self, data: str) -> None:
        if self._script and data.strip():
            self.faults.append(data)
        self.text += data

    def handle_endtag(self, tag: str) -> None:
        self._script = False


def faults(page: str, *, mail: bool = False) -> list[str]:
    """Return what in a page would run, or is no tag of ours; `mail`: it has those of a letter alone."""
    seen = _read(page)
    return seen.faults + (sorted(seen.tags - MAIL_TAGS) if mail else [])


def words_of(page: str) -> str:
    """Return all that a page shows."""
    return _read(page).text


def _read(page: str) -> _Seen:
    seen = _Seen()
    seen.feed(page)
    seen.close()
    return seen
