"""Texts as Word, Outlook, LibreOffice, Google Docs and web pages copy them, each with what it says."""
# ruff: noqa: E501 -- what these programs write is as long as it is

import html
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from urllib.parse import quote

WORDS = (
    "les maraudes de l’hiver", "12 000 repas", "« l’aller vers »", "une aide (urgente)", "Lille", "50 % des crédits",
    "a*b", "sous_titre_deux", "un <mot> entre chevrons", "R&D", "2 &lt; 3", "[note]", "C:\\dossier", "l’État",
    "n° 3 #rue", "prix : 5 €", "d’abord", "et ensuite ?", "demain !", "tout`code`", "la suite…", "★ étoile",
)  # fmt: skip
ADDRESSES = (
    "https://www.hauts-de-france.gouv.fr/page", "https://exemple.fr/a_(b)", "https://exemple.fr/?a=1&b=2",
    "mailto:contact@exemple.fr", "https://exemple.fr/été",
)  # fmt: skip
PLAIN, BOLD, ITALIC, BOTH = (False, False), (True, False), (False, True), (True, True)


@dataclass(frozen=True)
class Run:
    """Hold words in one style."""

    text: str
    bold: bool = False
    italic: bool = False
    href: str = ""


@dataclass(frozen=True)
class Piece:
    """Hold a paragraph, a heading, an item of a list (`level` from 0), or a row of a table."""

    kind: str  # "paragraph", "heading", "bullet", "number", "row"
    runs: tuple[Run, ...]
    level: int = 0
    cells: tuple[str, ...] = field(default=())


def text_of(random: Random) -> list[Piece]:
    """Make a text of a few pieces."""
    pieces: list[Piece] = []
    for _ in range(random.randint(2, 6)):
        kind = random.choice(["paragraph", "paragraph", "heading", "bullet", "number", "row"])
        pieces += {"bullet": _items, "number": _items, "row": _rows}.get(kind, _one)(random, kind)
    return pieces


def _one(random: Random, kind: str) -> list[Piece]:
    return [Piece(kind, (Run(_words(random)),) if kind == "heading" else _runs(random))]


def _items(random: Random, kind: str) -> list[Piece]:
    levels = [0] + [random.randint(0, 1) for _ in range(random.randint(1, 3))]
    items = [Piece(kind, _runs(random), level) for level in levels]
    return [*items, Piece("paragraph", (Run("Entre deux listes."),))]


def _rows(random: Random, kind: str) -> list[Piece]:
    rows = [Piece(kind, (), cells=(_words(random), _words(random))) for _ in range(random.randint(2, 3))]
    return [*rows, Piece("paragraph", (Run("Après le tableau."),))]


def _runs(random: Random) -> tuple[Run, ...]:
    made = [Run("Ici", *PLAIN)]
    for _ in range(random.randint(1, 4)):
        bold, italic = random.choice([PLAIN, PLAIN, BOLD, ITALIC, BOTH])
        href = random.choice(ADDRESSES) if random.random() < 0.25 else ""
        made += [Run(random.choice([" ", " ", ", "])), Run(_words(random), bold, italic, href)]
    return (*made, Run(random.choice([".", " ?", ""])))


def _words(random: Random) -> str:
    return " ".join(random.choice(WORDS) for _ in range(random.randint(1, 2)))


# -- The shapes -----------------------------------------------------------------------------------


def word(pieces: list[Piece]) -> str:
    """Word and Outlook for Windows: classes, mso- properties, conditional comments, items that are paragraphs."""
    body = "".join(map(_word_piece, _with_tables(pieces, _word_table)))
    return f"""<html xmlns:v="urn:schemas-microsoft-com:vml" xmlns:o="urn:schemas-microsoft-com:office:office"
xmlns:w="urn:schemas-microsoft-com:office:word"><head><meta name=Generator content="Microsoft Word 15">
<!--[if gte mso 9]><xml><o:OfficeDocumentSettings><o:AllowPNG/></o:OfficeDocumentSettings></xml><![endif]-->
<style><!-- /* Font Definitions */ @font-face {{font-family:Calibri; panose-1:2 15 5 2;}}
p.MsoNormal {{mso-style-unhide:no; margin:0cm; font-size:11.0pt;}} --></style></head>
<body lang=FR style='tab-interval:35.4pt;word-wrap:break-word'><!--StartFragment-->{body}<!--EndFragment--></body></html>"""


def _word_piece(piece: Piece | str) -> str:
    if isinstance(piece, str):
        return piece
    runs = "".join(map(_word_run, piece.runs))
    if piece.kind == "heading":
        return (
            f"<h2 style='mso-margin-top-alt:auto'><span style='color:#2F5496'>{runs}<o:p></o:p></span></h2>\n"
        )
    if piece.kind == "paragraph":
        return f"<p class=MsoNormal><span style='font-size:12.0pt;mso-fareast-language:FR'>{runs}<o:p></o:p></span></p>\n"
    mark = "1." if piece.kind == "number" else "·"
    return (
        f"<p class=MsoListParagraphCxSpMiddle style='margin-left:{36 * (piece.level + 1)}.0pt;text-indent:-18.0pt;"
        f"mso-list:l0 level{piece.level + 1} lfo1'><![if !supportLists]><span style='font-family:Symbol'>"
        f"<span style='mso-list:Ignore'>{mark}<span style='font:7.0pt \"Times New Roman\"'>&nbsp;&nbsp;&nbsp; </span>"
        f"</span></span><![endif]>{runs}<o:p></o:p></p>\n"
    )


def _word_run(run: Run) -> str:
    text = _spanned(html.escape(run.text), "mso-bidi-font-family:Calibri;color:black")
    text = f"<i style='mso-bidi-font-style:normal'>{text}</i>" if run.italic else text
    text = f"<b style='mso-bidi-font-weight:normal'>{text}</b>" if run.bold else text
    return f'<a href="{html.escape(run.href)}">{text}</a>' if run.href else text


def _word_table(rows: list[Piece]) -> str:
    cells = [
        "".join(
            f"<td width=200 valign=top style='border:solid windowtext 1.0pt'><p class=MsoNormal>{html.escape(cell)}<o:p></o:p></p></td>"
            for cell in row.cells
        )
        for row in rows
    ]
    return f"<table class=MsoTableGrid border=1>{''.join(f'<tr>{each}</tr>' for each in cells)}</table>"


def outlook(pieces: list[Piece]) -> str:
    """Outlook on the web: everything in divs, links through its own service, empty lines as divs of a break."""
    body = "".join(map(_outlook_piece, _lists(_with_tables(pieces, _plain_table))))
    return f'<div class="elementToProof" style="font-family:Aptos,sans-serif;font-size:12pt;color:rgb(0,0,0)">{body}</div>'


def _outlook_piece(piece: Piece | str) -> str:
    if isinstance(piece, str):
        return piece
    runs = "".join(_styled(run, html.escape(run.text), _safe_link(run.href)) for run in _shown(piece))
    return f'<div style="margin:0px;background-color:rgb(255,255,255)">{runs}</div><div><br></div>'


def _safe_link(href: str) -> str:
    if not href.startswith("https:"):
        return href
    return f"https://eur01.safelinks.protection.outlook.com/?url={quote(href, safe='')}&data=05%7C02%7C&reserved=0"


def libreoffice(pieces: list[Piece]) -> str:
    """LibreOffice Writer: HTML 4 with font elements and styles of its own, line breaks within its words."""
    body = "\n".join(map(_libre_piece, _lists(_with_tables(pieces, _libre_table))))
    return f"""<!DOCTYPE html>
<html><head><meta http-equiv="content-type" content="text/html; charset=utf-8"/><title></title>
<meta name="generator" content="LibreOffice 24.2.7.2 (Linux)"/>
<style type="text/css">@page {{ size: 21cm 29.7cm; margin: 2cm }} p {{ line-height: 115% }}</style></head>
<body lang="fr-FR" link="#000080" vlink="#800000" dir="ltr">{body}</body></html>"""


def _libre_piece(piece: Piece | str) -> str:
    if isinstance(piece, str):
        return piece
    runs = "".join(_libre_run(run) for run in piece.runs)
    if piece.kind == "heading":
        return f'<h1 class="western"><font face="Liberation Sans, sans-serif"><font size="5">{runs}</font></font></h1>'
    return f'<p style="line-height: 100%; margin-bottom: 0cm">{runs}</p>'


def _libre_run(run: Run) -> str:
    text = f'<font face="Liberation Serif, serif">{html.escape(run.text).replace(" ", chr(10), 1) if len(run.text) > 12 else html.escape(run.text)}</font>'
    text = f"<i>{text}</i>" if run.italic else text
    text = f"<b>{text}</b>" if run.bold else text
    return (
        f'<a href="{html.escape(run.href)}"><font color="#000080"><u>{text}</u></font></a>'
        if run.href
        else text
    )


def _libre_table(rows: list[Piece]) -> str:
    return _plain_table(rows).replace(
        "<table>", '<table width="100%" cellpadding="4" cellspacing="0"><col width="128*"/>'
    )


def google(pieces: list[Piece]) -> str:
    """Google Docs: one b that is not bold around everything, styles in spans, items with a paragraph inside."""
    body = "".join(
        map(
            _google_piece,
            _lists(_with_tables(pieces, _plain_table), "<p dir='ltr' role='presentation'>{}</p>"),
        )
    )
    return f'<meta charset="utf-8"><b style="font-weight:normal;" id="docs-internal-guid-1">{body}</b><br class="Apple-interchange-newline">'


def _google_piece(piece: Piece | str) -> str:
    if isinstance(piece, str):
        return piece
    name = "h3" if piece.kind == "heading" else "p"
    runs = "".join(map(_google_run, piece.runs))
    return f'<{name} dir="ltr" style="line-height:1.38;margin-top:0pt">{runs}</{name}>'


def _google_run(run: Run) -> str:
    weight, style = (700 if run.bold else 400), ("italic" if run.italic else "normal")
    text = f'<span style="font-size:11pt;font-family:Arial;font-weight:{weight};font-style:{style};white-space:pre-wrap;">{html.escape(run.text)}</span>'
    return f'<a href="{html.escape(run.href)}" style="text-decoration:none;">{text}</a>' if run.href else text


def web(pieces: list[Piece]) -> str:
    """A page of the web: sections, scripts, hidden words, pictures and buttons around the text."""
    body = "".join(map(_web_piece, _lists(_with_tables(pieces, _plain_table))))
    return (
        '<html><body><!--StartFragment--><article><script>alert("x")</script><style>p{color:red}</style>'
        f'<div class="share"><button>Partager</button><img src="x.png" alt="Une image"></div>{body}'
        '<p style="display:none">Caché</p></article><!--EndFragment--></body></html>'
    )


def _web_piece(piece: Piece | str) -> str:
    if isinstance(piece, str):
        return piece
    runs = "".join(_styled(run, html.escape(run.text), run.href) for run in piece.runs)
    return (
        f"<h2>{runs}</h2>"
        if piece.kind == "heading"
        else f'<p class="lead" style="color:#333">{runs}</p>\n  '
    )


SHAPES = {"word": word, "outlook": outlook, "libreoffice": libreoffice, "google": google, "web": web}


def _shown(piece: Piece) -> tuple[Run, ...]:
    """In a div a heading is bold words."""
    return tuple(Run(run.text, True) for run in piece.runs) if piece.kind == "heading" else piece.runs


def _styled(run: Run, text: str, href: str) -> str:
    text = f"<em>{text}</em>" if run.italic else text
    text = f"<strong>{text}</strong>" if run.bold else text
    return f'<a href="{html.escape(href)}" rel="noopener">{text}</a>' if href else text


def _spanned(text: str, css: str) -> str:
    return f"<span style='{css}'>{text}</span>"


def _plain_table(rows: list[Piece]) -> str:
    inside = ("".join(f"<td>{html.escape(cell)}</td>" for cell in row.cells) for row in rows)
    return f"<table><tbody>{''.join(f'<tr>{each}</tr>' for each in inside)}</tbody></table>"


def _with_tables(pieces: list[Piece], table: Callable[[list[Piece]], str]) -> list[Piece | str]:
    out: list[Piece | str] = []
    rows: list[Piece] = []
    for piece in [*pieces, None]:
        if piece is not None and piece.kind == "row":
            rows.append(piece)
            continue
        if rows:
            out.append(table(rows))
            rows = []
        if piece is not None:
            out.append(piece)
    return out


def _lists(pieces: list[Piece | str], around: str = "{}") -> list[Piece | str]:
    """Put items that follow one another into ul and ol elements, the deeper ones inside the item before them."""
    out: list[Piece | str] = []
    at = 0
    while at < len(pieces):
        piece = pieces[at]
        if isinstance(piece, str) or piece.kind not in {"bullet", "number"}:
            out.append(piece)
            at += 1
            continue
        end = at
        while (
            end < len(pieces)
            and not isinstance(following := pieces[end], str)
            and following.kind == piece.kind
        ):
            end += 1
        out.append(_list([each for each in pieces[at:end] if isinstance(each, Piece)], around))
        at = end
    return out


def _list(items: list[Piece], around: str) -> str:
    name = "ol" if items[0].kind == "number" else "ul"
    written = ""
    at = 0
    while at < len(items):
        end = at + 1
        while end < len(items) and items[end].level > items[at].level:
            end += 1
        runs = "".join(_styled(run, html.escape(run.text), run.href) for run in items[at].runs)
        deeper = _list(items[at + 1 : end], around) if end > at + 1 else ""
        written += f"<li>{around.format(runs)}{deeper}</li>"
        at = end
    return f"<{name}>{written}</{name}>"
