"""How each program gives a message back: a recipient and a reply in, a mail out."""

import base64
import quopri
import re
from collections.abc import Callable

from tests.unit.outcomes.corpus.case import US

_CODES = re.compile(r"^(?P<code>[245]\d\d)?[ -]?#?(?P<status>[245]\.\d{1,3}\.\d{1,3})?")
OURS = """Received: from news.example.org (news.example.org [192.0.2.10])
	by mx.example.net with ESMTPS; Mon, 12 Oct 2026 09:12:40 +0200
From: La lettre <lettre@example.org>
To: {to}
Subject: La lettre d'octobre
Date: Mon, 12 Oct 2026 09:12:38 +0200
Message-ID: <20261012071240.1234@example.org>
MIME-Version: 1.0
"""


def _status(reply: str) -> str:
    found = _CODES.match(reply)
    written = re.search(r"(?<![\d.])[45]\.\d{1,2}\.\d{1,3}(?![\d.])", reply)
    if written:
        return written[0]
    return f"{found['code'][0]}.0.0" if found and found["code"] else ""


def _head(sender: str, subject: str, more: str = "") -> str:
    return f"Return-Path: <>\nFrom: {sender}\nTo: {US}\nSubject: {subject}\n{more}MIME-Version: 1.0\n"


def _folded(reply: str, indent: str = "    ") -> str:
    words, lines = reply.split(" "), [""]
    for word in words:
        if len(lines[-1]) + len(word) > 66:
            lines.append("")
        lines[-1] += f" {word}" if lines[-1] else word
    return f"\n{indent}".join(lines)


def postfix(to: str, reply: str) -> bytes:
    status = _status(reply) or "5.0.0"
    return (
        _head("MAILER-DAEMON@news.example.org (Mail Delivery System)", "Undelivered Mail Returned to Sender")
        + f"""Content-Type: multipart/report; report-type=delivery-status;
	boundary="4Z0abc.1760253164/news.example.org"

This is a MIME-encapsulated message.

--4Z0abc.1760253164/news.example.org
Content-Description: Notification
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

This is the mail system at host news.example.org.

I'm sorry to have to inform you that your message could not
be delivered to one or more recipients. It's attached below.

For further assistance, please send mail to postmaster.

If you do so, please include this problem report. You can
delete your own text from the attached returned message.

                   The mail system

<{to}>: host mx.example.net[198.51.100.3] said: {_folded(reply)} (in reply to RCPT TO command)

--4Z0abc.1760253164/news.example.org
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; news.example.org
X-Postfix-Queue-ID: 4Z0abc
X-Postfix-Sender: rfc822; {US}
Arrival-Date: Mon, 12 Oct 2026 09:12:40 +0200 (CEST)

Final-Recipient: rfc822; {to}
Original-Recipient: rfc822;{to}
Action: failed
Status: {status}
Remote-MTA: dns; mx.example.net
Diagnostic-Code: smtp; {_folded(reply)}

--4Z0abc.1760253164/news.example.org
Content-Description: Undelivered Message
Content-Type: message/rfc822

{OURS.format(to=to)}
Bonjour

--4Z0abc.1760253164/news.example.org--
"""
    ).encode()


def exim(to: str, reply: str) -> bytes:
    return (
        _head("Mail Delivery System <Mailer-Daemon@srv.example.net>", "Mail delivery failed: returning message to sender",
              f"X-Failed-Recipients: {to}\nAuto-Submitted: auto-replied\n")
        + f"""
This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  {to}
    {reply.replace(chr(10), chr(10) + "    ")}

------ This is a copy of the message, including all the headers. ------

{OURS.format(to=to)}
Bonjour
"""
    ).encode()  # fmt: skip


def exim_without_header(to: str, reply: str) -> bytes:
    return exim(to, reply).replace(f"X-Failed-Recipients: {to}\n".encode(), b"")


def qmail(to: str, reply: str) -> bytes:
    return (
        _head("MAILER-DAEMON@mail.example.net", "failure notice")
        + f"""
Hi. This is the qmail-send program at mail.example.net.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<{to}>:
198.51.100.3 does not like recipient.
Remote host said: {reply}
Giving up on 198.51.100.3.

--- Below this line is a copy of the message.

Return-Path: <{US}>
{OURS.format(to=to)}
Bonjour
"""
    ).encode()


def sendmail(to: str, reply: str) -> bytes:
    return (
        _head(
            "Mail Delivery Subsystem <MAILER-DAEMON@relay.example.net>",
            "Returned mail: see transcript for details",
        )
        + f"""
The original message was received at Mon, 12 Oct 2026 09:12:40 +0200
from news.example.org [192.0.2.10]

   ----- The following addresses had permanent fatal errors -----
<{to}>
    (reason: {reply})

   ----- Transcript of session follows -----
... while talking to mx.example.net.:
>>> DATA
<<< {reply}

{OURS.format(to=to)}
"""
    ).encode()


def base64_body(to: str, reply: str) -> bytes:
    """As some gateways write: everything encoded, and no delivery status."""
    text = f"Your message could not be delivered.\n\nRecipient: {to}\nReason: {reply}\n"
    head = _head("postmaster@gate.example.net", "Undeliverable mail")
    kind = "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\n"
    return (head + kind).encode() + base64.encodebytes(text.encode())


def quoted_page(to: str, reply: str) -> bytes:
    """As some web mails write: a page alone, quoted-printable, in windows-1252 as far as it goes."""
    page = f"<html><head><title>x</title></head><body><p>Delivery to &lt;{to}&gt; failed:</p><p>{reply}</p></body></html>"
    head = _head("Mail Delivery System <mailer-daemon@web.example.net>", "Delivery failure")
    kind = "Content-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n"
    return (head + kind).encode() + quopri.encodestring(page.encode())


def bare_status(to: str, reply: str) -> bytes:
    """As Sendmail's friends write: a status whose fields stand in a text part, types missing, lines broken."""
    return (
        _head("postmaster@old.example.net", "Delivery Status Notification (Failure)")
        + f"""Content-Type: multipart/mixed; boundary=x

--x
Content-Type: text/plain; charset=utf-8

This is an automatically generated Delivery Status Notification.
--x
Content-Type: message/delivery-status

Reporting-MTA: dns;old.example.net
Final-Recipient: <{to}>
Action: Failed
Status: {_status(reply) or "5.0.0"} (reason)
Diagnostic-Code: {reply.replace(" ", chr(10), 3).replace(chr(10), " ", 1)}
--x
Content-Type: message/rfc822
Content-Transfer-Encoding: base64

{base64.encodebytes(OURS.format(to=to).encode()).decode()}
--x--
"""
    ).encode()


def dos(to: str, reply: str) -> bytes:
    return postfix(to, reply).replace(b"\n", b"\r\n")


def old_mac(to: str, reply: str) -> bytes:
    return qmail(to, reply).replace(b"\n", b"\r")


def mbox(to: str, reply: str) -> bytes:
    return b"From MAILER-DAEMON Mon Oct 12 09:12:44 2026\n" + sendmail(to, reply).rstrip(b"\n")


FORMATS: tuple[Callable[[str, str], bytes], ...] = (
    postfix, exim, qmail, sendmail, base64_body, quoted_page, bare_status, exim_without_header, dos, old_mac, mbox,
)  # fmt: skip
