"""Bounces whose structure is odd: senders that are no daemons, names without domains, parts in the wrong order."""

from tests.unit.outcomes.corpus.case import Case, written
from tests.unit.outcomes.corpus.formats import OURS

_BACK = OURS.format(to="zoe@example.com")


def _odd(name: str, text: str, kind: str = "bounce", **who: str) -> Case:
    return written(name, kind, text, **who)


ODDITIES = (
    _odd("a polite provider", """From: Provider Mail <no-reply@provider.example>
To: lettre@retour.example.org
Subject: Your message could not be delivered

Hello,

Your email to zoe@example.com could not be delivered.
Reason: 550 5.1.1 User unknown

Best regards, the mail team
""", zoe="hard"),
    _odd("a daemon without an address", f"""From: MAILER-DAEMON (Mail Delivery Subsystem)
To: lettre@retour.example.org
Subject: Returned mail: Service unavailable

   ----- Transcript of session follows -----
554 zoe@example.com... Service unavailable

   ----- Unsent message follows -----
{_BACK}
""", zoe="soft"),
    _odd("the recipient without a domain", f"""From: Mail Delivery Subsystem <MAILER-DAEMON@local.example>
To: lettre@retour.example.org
Subject: Returned mail: User unknown

   ----- The following addresses had permanent fatal errors -----
zoe

   ----- Transcript of session follows -----
550 zoe... User unknown
For help write to helpdesk@local.example

   ----- Original message follows -----
{_BACK}
""", zoe="hard"),
    _odd("the status first, the text last", """From: postmaster@mx.example.net
To: lettre@retour.example.org
Subject: Report
Content-Type: multipart/report; report-type=delivery-status; boundary=x

--x
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net

Original-Recipient: rfc822;zoe@example.com
Final-Recipient: rfc822;zoe@example.com
Action: failed
Status: 5.0.0

--x
Content-Type: text/plain

zoe@example.com: the mailbox is full
--x--
""", zoe="full"),
    _odd("a status that names nobody", f"""From: MAILER-DAEMON@mx.example.net
To: lettre@retour.example.org
Subject: Undeliverable
Content-Type: multipart/report; report-type=delivery-status; boundary=x

--x
Content-Type: text/plain

The user is unknown.
--x
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net

Final-Recipient: rfc822; zoe
Action: failed
Status: 5.1.1
--x
Content-Type: message/rfc822

{_BACK}
--x--
""", zoe="hard"),
    _odd("an alias, and where it leads", """From: MAILER-DAEMON@mx.example.net
To: lettre@retour.example.org
Subject: Undelivered Mail Returned to Sender
Content-Type: multipart/report; report-type=delivery-status; boundary=x

--x
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net

Original-Recipient: rfc822;zoe@example.com
Final-Recipient: rfc822;yann@example.com
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 User unknown
--x--
""", zoe="hard", yann="hard"),
    _odd("boundary not declared", f"""From: MAILER-DAEMON@mx.example.net
To: lettre@retour.example.org
Subject: failure
Content-Type: multipart/report

--abc
Content-Type: text/plain

Failed.
--abc
Content-Type: message/delivery-status

Reporting-MTA: dns; mx

Final-Recipient: rfc822; zoe@example.com
Action: failed
Status: 5.2.2
--abc
Content-Type: message/rfc822

{_BACK}
--abc--
""", zoe="full"),
    _odd("cut in the middle", """From: MAILER-DAEMON@mx.example.net
To: lettre@retour.example.org
Subject: failure
Content-Type: multipart/report; boundary="abc"; report-type=delivery-status

--abc
Content-Type: text/plain

<zoe@example.com>: 550 5.1.1 User unkno""", zoe="hard"),
    _odd("headers in the wrong language", """From: =?utf-8?B?0J/QvtGH0YLQvtCy0LDRjyDRgdC70YPQttCx0LA=?= <postmaster@example.ru>
To: lettre@retour.example.org
Subject: =?koi8-r?B?7sXEz9PUwdfMxc7OzyDQydPYzc8=?=
Content-Type: text/plain; charset=koi8-r
Content-Transfer-Encoding: base64

8NjN0y4g0NbO8M4gOiA8aXZhbkBtYWlsLnJ1PiA1NTAgNS4xLjEK
""", mailru="hard"),
    _odd("a challenge that quotes a status", """From: Zoe <zoe@example.com>
To: lettre@retour.example.org
Subject: Re: La lettre
Auto-Submitted: auto-replied

Before your message can be delivered, click the link below to complete the verification (error 550).
""", kind="challenge", zoe="challenge"),
    _odd("text/html, a table", """From: postmaster@example.onmicrosoft.com
To: lettre@retour.example.org
Subject: Undeliverable: La lettre
Content-Type: text/html; charset=utf-8

<html><body><table><tr><td>Your message to <a href="mailto:zoe@example.com">zoe@example.com</a> couldn't be delivered.</td></tr>
<tr><td><b>zoe</b> wasn't found at <b>example.com</b>.</td></tr></table></body></html>
""", zoe="hard"),
    _odd("our own address named first", f"""From: MAILER-DAEMON@mx.example.net
To: lettre@retour.example.org
Subject: Delivery failure

Message from: lettre@example.org
Message to: zoe@example.com
The message could not be delivered, mailbox full.

----- Original message -----
{_BACK}
""", zoe="full"),
    _odd("delay that will become a failure", """From: Mail Delivery System <MAILER-DAEMON@mx.example.net>
To: lettre@retour.example.org
Subject: Message delayed

Your message to zoe@example.com is delayed: 451 4.3.0 try again later. If it cannot be delivered within 5 days
it will be returned to you as undeliverable. You do not need to resend it.
""", kind="delay", zoe="soft"),
    _odd("a subject of ours that speaks of delay", """From: postmaster@mx.example.net
To: lettre@retour.example.org
Subject: Undeliverable: retard des trains, delayed trains

zoe@example.com
550 5.1.1 User unknown
""", zoe="hard"),
    _odd("Gmail, delayed then failed, generic subject", """From: Mail Delivery Subsystem <mailer-daemon@googlemail.com>
To: lettre@retour.example.org
Subject: Delivery Status Notification (Failure)
X-Failed-Recipients: zoe@example.com

Delivery to the following recipient failed permanently:

     zoe@example.com

Technical details of permanent failure:
Google tried to deliver your message, but it was rejected by the server for the recipient domain example.com by mx.example.com. [198.51.100.3].

The error that the other server returned was:
550 5.7.1 Service unavailable; client [209.85.220.41] blocked using Spamhaus
""", zoe="blocked"),
)  # fmt: skip
