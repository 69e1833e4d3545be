"""Mark an issue as a test: in its subject and at its top, and so that none of its links acts.  Pure."""

import html
import re
from dataclasses import dataclass

from mailer.core.i18n import words
from mailer.rendering.merge_fields import UNSUBSCRIBE_URL, fill, values_for
from mailer.rendering.typography import typeset

TRIAL = "/trial/"  # the page that says so; then which link it was
UNSUBSCRIBE, ONLINE = "unsubscribe", "online"
PAGES = ("preferences", "rights")  # of ours, that the footer leads to
LINKS = (UNSUBSCRIBE, ONLINE, *PAGES)
# The preheader is the first element of the body: mailboxes show what comes first, and it is the letter's.
_TOP = re.compile(r"<body[^>]*>\s*(?:<div style=\"display:none;[^>]*>.*?</div>)?", re.DOTALL)
_BANNER = (
    '<div role="note" style="margin:0;padding:12px 16px;background:#fff3c4;color:#3d2c00;'
    'border-bottom:3px solid #8a6100;font:15px/1.5 Arial,Helvetica,sans-serif;text-align:center">'
    "<strong>{mark}</strong> {about}{stop}</div>"
)
_STOP = ' <a href="{href}" style="color:#3d2c00;text-decoration:underline">{words}</a>'


@dataclass(frozen=True)
class MarkedLetter:
    """Hold a revision that is sent as a test."""

    subject: str  # with markers, as html and text
    html: str
    text: str
    locale: str
    public_url: str
    issue_path: str  # of its page, which may not be there yet: /SLUG/issues/ID
    tester: str  # the id in hexadecimal, "" for whoever asked for the test alone

    def subject_for(self, name: str | None) -> str:
        """Return the subject, marked."""
        return f"{self._words['subject']} {fill(self.subject, self._values(name), escape=False)}"

    def html_for(self, name: str | None, stop: str) -> str:
        """Return the page with the banner at its top; `stop`: the address to stop at, "" for none."""
        banner = self._banner(stop)
        page = fill(self.html, self._values(name), escape=True)
        page = _TOP.sub(lambda top: top[0] + banner, page, count=1)
        return re.sub(rf'(?<=href="){self._acting}(?=")', self._instead, page)

    def text_for(self, name: str | None, stop: str) -> str:
        """Return the text part, marked in the same way."""
        label = self._words
        head = [f"{label['mark']} {label['about']}", *([f"{label['stop']} {stop}"] if stop else []), "-" * 40]
        page = fill(self.text, self._values(name), escape=False)
        body = re.sub(rf"{self._acting}$", self._instead, page, flags=re.MULTILINE)
        return "\n".join([*head, "", body])

    def _banner(self, stop: str) -> str:
        label = {name: html.escape(text) for name, text in self._words.items()}
        link = _STOP.format(href=html.escape(stop), words=label["stop"]) if stop else ""
        return _BANNER.format(mark=label["mark"], about=label["about"], stop=link)

    def _values(self, name: str | None) -> dict[str, str]:
        return values_for(self.locale, name) | {UNSUBSCRIBE_URL: self._trial(UNSUBSCRIBE)}

    def _trial(self, link: str) -> str:
        return f"{self.public_url}{TRIAL}{link}"

    def _instead(self, link: re.Match[str]) -> str:
        return self._trial(link["page"] or ONLINE)

    @property
    def _acting(self) -> str:
        here = re.escape(self.public_url)
        online = rf"{re.escape(self.issue_path)}(?:/agenda/\d+\.ics)?"
        return rf"{here}(?:/(?P<page>{'|'.join(PAGES)})|{online})"

    @property
    def _words(self) -> dict[str, str]:
        label: dict[str, str] = words("issues", self.locale)["test"]
        return {name: typeset(text, self.locale) for name, text in label.items()}
