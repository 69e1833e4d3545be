"""Compose a notice as a mail: sender, words and links."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.headerregistry import Address, HeaderRegistry, UniqueUnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP, Policy
from email.utils import format_datetime, formataddr
from typing import Any
from uuid import UUID

from mailer.core import tokens
from mailer.core.settings import Settings
from mailer.core.tokens import Purpose
from mailer.newsletters.models import Newsletter
from mailer.notices.models import NoticeKind
from mailer.notices.templates import LEAVE, LINK, Frame, notice_page, text_of
from mailer.rendering.merge_fields import GREETING, fill, greeting


class _Unfolded(UniqueUnstructuredHeader):
    """Write the header unfolded: no mailbox would read a long URL folded into encoded words."""

    def fold(self, *, policy: "Policy[Any]") -> str:
        return f"{self.name}: {self}{policy.linesep}"  # type: ignore[attr-defined]


_HEADERS = HeaderRegistry()
_HEADERS.map_to_type("list-unsubscribe", _Unfolded)  # type: ignore[arg-type]
_POLICY = SMTP.clone(header_factory=_HEADERS)


@dataclass(frozen=True)
class Letterhead:
    """Name whom a notice comes from: a newsletter, or the body that publishes it."""

    name: str
    theme: str
    from_name: str
    from_address: str
    reply_to: str
    return_path_domain: str

    @classmethod
    def of_newsletter(cls, newsletter: Newsletter) -> "Letterhead":
        return cls(
            newsletter.name,
            newsletter.theme,
            newsletter.from_name,
            newsletter.from_address,
            newsletter.reply_to,
            newsletter.return_path_domain,
        )

    @classmethod
    def of_controller(cls, settings: Settings) -> "Letterhead":
        name, address = settings.controller_name, settings.rights_email
        return cls(name, settings.theme, name, address, address, address.rpartition("@")[2])


@dataclass(frozen=True)
class ClaimedNotice:
    """Hold a notice to send now, as it was when claimed."""

    id: UUID
    kind: NoticeKind
    words: str  # their key in templates/words/notices.yaml
    letterhead: Letterhead
    email: str
    name: str | None
    locale: str
    attempts: int
    first_tried: datetime
    link: str = ""
    leave: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)  # values for the merge fields of its words
    answers: str | None = None
    subscription_id: UUID | None = None  # None: a notice to a bare address


def return_path(claimed: ClaimedNotice) -> str:
    """Return the address its bounces come back to, which names the notice.

    What answers a mail has the null path: two robots would answer each other (RFC 3834, 3.3).
    """
    answers = claimed.answers or claimed.kind is NoticeKind.RECEIPT
    if answers:
        return ""
    token = tokens.issue_notice(Purpose.NOTICE_RETURN_PATH, claimed.id)
    return f"n-{token}@{claimed.letterhead.return_path_domain}"


def compose(claimed: ClaimedNotice, settings: Settings, now: datetime) -> EmailMessage:
    """Return the mail itself.  Auto-Submitted (RFC 3834): no out-of-office should answer it."""
    head = claimed.letterhead
    page = notice_page(
        claimed.words,
        claimed.locale,
        Frame(head.name, head.theme, settings.controller_name, settings.public_url),
    )
    name = _trusted_name(claimed)
    values = {
        **claimed.facts,
        GREETING: greeting(claimed.locale, name), LINK: claimed.link, LEAVE: claimed.leave,
    }  # fmt: skip
    message = EmailMessage(policy=_POLICY)
    message["From"] = formataddr((head.from_name, head.from_address))
    local, _, domain = claimed.email.rpartition("@")  # may need SMTPUTF8 (RFC 6532), which formataddr refuses
    message["To"] = Address(name or "", local, domain)
    message["Reply-To"] = head.reply_to
    message["Subject"] = fill(page.subject, values, escape=False)
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<{claimed.id.hex}@{head.return_path_domain}>"
    if claimed.kind is NoticeKind.WELCOME and claimed.leave:
        message["List-Unsubscribe"] = f"<{claimed.leave}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"  # RFC 8058
    message["Auto-Submitted"] = "auto-replied" if claimed.answers else "auto-generated"
    if claimed.answers:
        message["In-Reply-To"] = message["References"] = claimed.answers
    message.set_content(text_of(page, values), cte="quoted-printable")
    message.add_alternative(fill(page.html, values, escape=True), subtype="html", cte="quoted-printable")
    return message


def link_of(
    kind: NoticeKind, slug: str, subscription_id: UUID, subscriber_id: UUID, public_url: str, *,
    until: str | None = None,
) -> str:  # fmt: skip
    """Return where the button of a subscription's notice leads; `until`: an ISO instant."""
    match kind:
        case NoticeKind.CONFIRMATION:
            return f"{public_url}/confirm/{_token(Purpose.CONFIRM, subscription_id, slug)}"
        case NoticeKind.GOODBYE:
            return f"{public_url}/back/{_token(Purpose.UNDO, subscription_id, slug)}"
        case NoticeKind.WELCOME:
            return f"{public_url}/{slug}/archive"
        case _:
            return f"{public_url}/preferences/{_token(Purpose.PREFERENCES, subscriber_id, slug, until)}"


def leave_link(slug: str, subscription_id: UUID, public_url: str) -> str:
    return f"{public_url}/u/{_token(Purpose.LEAVE, subscription_id, slug)}"


def _trusted_name(claimed: ClaimedNotice) -> str | None:
    """Return the name the owner gave: before they confirm, the name in a form may be anybody's text."""
    return None if claimed.kind is NoticeKind.CONFIRMATION else claimed.name


def _token(purpose: Purpose, owner_id: UUID, slug: str, until: str | None = None) -> str:
    """Return a token that also names the newsletter: an expired link can still lead to its page."""
    return tokens.issue(purpose, [owner_id.hex, slug, until] if until else [owner_id.hex, slug])
