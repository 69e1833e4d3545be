"""What the doors of previews share: a letter alone in a frame, as one screen and one reader have it."""

from collections.abc import Callable

from flask import Response, render_template, request

from mailer.core.i18n import Locale
from mailer.core.settings import settings
from mailer.issues.checks.weight import too_heavy
from mailer.issues.preview_views import PreviewMode, PreviewView
from mailer.issues.render import Rendered
from mailer.rendering.color_scheme import fixed
from mailer.rendering.mjml import MjmlTooLarge
from mailer.rendering.reading_order import reading_order
from mailer.web.desk import labels

_ALONE = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; "
LETTER_CSP = _ALONE + "style-src 'unsafe-inline'; img-src {images}"
PAGE_CSP = _ALONE + "style-src {site}; font-src {site}"  # of what we say about it
_PAGES = frozenset({PreviewMode.TEXT, PreviewMode.READING})
_NEW_TAB = '<head><base target="_blank">'  # where links lead: no site of others would open in our frame


def asked() -> PreviewView:
    """Return what the address asks for."""
    return PreviewView.asked(request.args)


def shown(make: Callable[[Locale], Rendered], written: Locale) -> Response:
    """Return what the address asks for of a letter written in a language, or why it is too large to show."""
    view = asked()
    locale = view.locale(written)
    try:
        return answer(make(locale), locale, view)
    except MjmlTooLarge as letter:
        sentence = too_heavy(letter.size).sentence(labels.language())
        alone = PreviewView(PreviewMode.TEXT)
        return answer(Rendered("", sentence, ""), labels.language(), alone)


def answer(page: Rendered, locale: Locale, view: PreviewView) -> Response:
    """Return the letter for a frame, in which nothing runs and nothing from elsewhere is loaded.

    Images off is what a mail program does: the same letter, of which it loads no image.
    """
    response = Response(_body(page, locale, view))
    site = settings().public_url
    images = "'none'" if view.mode is PreviewMode.NO_IMAGES else site
    policy = PAGE_CSP if view.mode in _PAGES else LETTER_CSP
    response.headers["Content-Security-Policy"] = policy.format(site=site, images=images)
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    return response


def _body(page: Rendered, locale: Locale, view: PreviewView) -> str:
    html = view.filled(page.html, locale, escape=True)
    if view.mode is None:
        return html
    if view.mode is PreviewMode.TEXT:
        text = view.filled(page.text, locale, escape=False)
        return render_template("desk/preview_text.html", text=text, locale=locale)
    if view.mode is PreviewMode.READING:
        return render_template("desk/preview_reading.html", items=reading_order(html), locale=locale)
    return fixed(html, dark=view.mode is PreviewMode.DARK).replace("<head>", _NEW_TAB, 1)
