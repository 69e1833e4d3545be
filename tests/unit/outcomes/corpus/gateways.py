"""Bounces of gateways, telephone companies and programs with a voice of their own; written last, before a third measure."""

from tests.unit.outcomes.corpus.case import Case, written
from tests.unit.outcomes.corpus.formats import OURS


def _gate(
    name: str, sender: str, subject: str, text: str, more: str = "Return-Path: <>\n", **verdicts: str
) -> Case:
    head = f"{more}From: {sender}\nTo: lettre@retour.example.org\nSubject: {subject}\n"
    return written(
        name,
        "bounce",
        f"{head}MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n{text.strip()}\n",
        **verdicts,
    )


_BACK = OURS.format(to="zoe@example.com")

GATEWAYS = (
    _gate("1&1", "Mail Delivery System <mailer-daemon@kundenserver.example>", "Mail delivery failed: returning message to sender", """
This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address failed:

  "zoe@example.com":
    SMTP error from remote server for RCPT TO command, host: mx.example.com (198.51.100.3) reason: 550 5.1.1 <zoe@example.com>: Recipient address rejected: User unknown

--- The header of the original message is following. ---

""" + _BACK, zoe="hard"),
    _gate("GMX", "MAILER-DAEMON@gmx.net", "Mail delivery failed: returning message to sender", """
This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address
failed:

"k.schmidt@gmx.de":
Mailbox quota exceeded

The header of the original message is following:

Received: from news.example.org
From: lettre@example.org
To: k.schmidt@gmx.de
""", gmx="full"),
    _gate("IMail", "Postmaster <postmaster@mail.example.net>", "Undeliverable Mail", "Unknown user: zoe@example.com\n\nOriginal message follows.\n\n" + _BACK, zoe="hard"),
    _gate("IMail, full", "Postmaster <postmaster@mail.example.net>", "Undeliverable Mail", "User mailbox exceeds allowed size: zoe@example.com\n\nOriginal message follows.\n\n" + _BACK, zoe="full"),
    _gate("InterScan", "InterScan MSS <postmaster@gate.example.net>", "Mail could not be delivered", """
Sent <<< RCPT TO:<zoe@example.com>
Received >>> 550 5.1.1 <zoe@example.com>... user unknown

Unable to deliver message to <zoe@example.com>.
""", zoe="hard"),
    _gate("MailFoundry", "MAILER-DAEMON@foundry.example.net", "Message delivery has failed", """
This is a MIME encapsulated message

Unable to deliver message to: <zoe@example.com>
Delivery failed for the following reason:
Server mx.example.com[198.51.100.3] failed with: 550 <zoe@example.com> No such user here

This has been a permanent failure.  No further delivery attempts will be made.
""", zoe="hard"),
    _gate("MailMarshal", "postmaster@gate.example.net", "Undeliverable Mail: La lettre", """
Your message:
    From:    lettre@example.org
    Subject: La lettre

Could not be delivered because of

550 5.1.1 User unknown

The following recipients were affected:
    zoe@example.com

Additional Information
======================
Original Sender:    <lettre@example.org>
Sender-MTA:         <192.0.2.10>
""", zoe="hard"),
    _gate("McAfee", "Mail Delivery Subsystem <postmaster@gate.example.net>", "Undeliverable mail: La lettre", """
   --- The following addresses had delivery problems ---

<zoe@example.com>   (User unknown)
""", zoe="hard"),
    _gate("Sun Messaging Server", "Internet Mail Delivery <postmaster@example.net>", "Delivery Notification: Delivery has failed", """
This report relates to a message you sent with the following header fields:

  Message-id: <20261012071240.1234@example.org>
  From: lettre@example.org
  To: zoe@example.com
  Subject: La lettre

Your message cannot be delivered to the following recipients:

  Recipient address: zoe@example.com
  Reason: Remote SMTP server has rejected address
  Diagnostic code: smtp;550 5.1.1 zoe@example.com... User Unknown
  Remote system: dns;mx.example.com (TCP|198.51.100.5|25) (mx.example.com ESMTP)
""", zoe="hard"),
    _gate("m-FILTER", "mailer-daemon@mfilter.example.jp", "failure notice", """
-------server message
550 5.1.1 unknown user <zoe@example.com>
-------original message
""" + _BACK, zoe="hard"),
    _gate("OpenSMTPD", "Mailer Daemon <MAILER-DAEMON@bsd.example.net>", "Delivery status notification: error", """
    Hi!

    This is the MAILER-DAEMON, please DO NOT REPLY to this email.

    An error has occurred while attempting to deliver a message for
    the following list of recipients:

zoe@example.com: 550 5.2.2 <zoe@example.com>... Mailbox Full

    Below is a copy of the original message:

""" + _BACK, zoe="full"),
    _gate("SurfControl", "postmaster@gate.example.net", "Message delivery failure", """
Your message could not be sent.
A transcript of the attempts to send the message follows.
The number of attempts made: 1
Addressed To: zoe@example.com

Mon 12 Oct 2026 09:12:40 +0200
Failed to send to identified host,
zoe@example.com: [198.51.100.3], 550 <zoe@example.com>... User unknown
 --- Message non-deliverable.
""", zoe="hard"),
    _gate("Sendmail of 1993", "Mail Delivery Subsystem <MAILER-DAEMON@old.example.net>", "Returned mail: Host unknown", """
   ----- Transcript of session follows -----
550 example.com (smtp)... 550 Host unknown

   ----- Recipients of this delivery -----
Bounced, cannot deliver:
   <zoe@example.com>

   ----- Unsent message follows -----
""" + _BACK, zoe="hard"),
    _gate("telephone company", "post_master@vtext.example", "Undeliverable Message", """
Message could not be delivered to mobile.
Error: No valid recipients for this MM

Original message:
To: zoe@example.com
From: lettre@example.org
Subject: La lettre
""", zoe="hard"),
    _gate("a program with much to say", "Mail Delivery System <MAILER-DAEMON@six.example.net>", "There was an error sending your mail", """
We had trouble delivering your message. Full details follow:

Subject: 'La lettre'
Date: 'Mon, 12 Oct 2026 09:12:40 +0200'

1 error(s):

SMTP Server <mx.example.com> rejected recipient <zoe@example.com>
  (Error following RCPT command). It responded as follows: [550 5.1.1 User unknown]
""", zoe="hard"),
    _gate("Apache James", "postmaster@james.example.net", "[BOUNCE]", """
This message was created automatically by the Apache James mail server.

A message that you sent could not be delivered.  The following addresses failed:

Message details:
  Subject: La lettre
  Sent date: Mon Oct 12 09:12:40 CEST 2026
  MAIL FROM: lettre@example.org
  RCPT TO: zoe@example.com

Error message below:
550 - Requested action not taken: no such user here
""", zoe="hard"),
    _gate("PowerMTA", "Mail Delivery System <mailer-daemon@pmta.example.net>", "Delivery report", """
Hello, this is the mail server on pmta.example.net.

I am sending you this message to inform you on the delivery status of a
message you previously sent.  Immediately below you will find a list of
the affected recipients;  also attached is a Delivery Status Notification
(DSN) report in standard format, as well as the headers of the original
message.

  <zoe@example.com>  delivery failed; will not continue trying
""", zoe="unknown"),
    _gate("au, several reasons possible", "Mail Administrator <Postmaster@ezweb.ne.jp>", "Mail System Error - Returned Mail", """
The user(s) account is disabled.

<zoe@example.com>

Each of the following recipients was rejected by a remote mail server.
The reasons given by the server are included to help you determine why
each recipient was rejected.
""", zoe="soft"),
    _gate("DragonFly", "<>", "Mail delivery failed", """
This is the DragonFly Mail Agent v0.11 at df.example.net.

There was an error delivering your mail to <zoe@example.com>.

mx.example.com [198.51.100.3] did not like our RCPT TO:
550 5.1.1 <zoe@example.com>: Recipient address rejected: User unknown

Message headers follow.

""" + _BACK, zoe="hard"),
    _gate("DragonFly, expired", "<>", "Mail delivery failed", """
This is the DragonFly Mail Agent v0.11 at df.example.net.

There was an error delivering your mail to <zoe@example.com>.

Could not deliver for the last 5 days. Giving up: delivery time expired.

Message headers follow.

""" + _BACK, zoe="expired"),
    _gate("Zoho", "mailer-daemon@mail.zoho.example", "Undelivered Mail Returned to Sender", """
This message was created automatically by mail delivery software.
 A message that you sent could not be delivered to one or more of its recipients. This is a permanent error.

zoe@example.com Invalid Recipient, ERROR CODE :550 - 5.1.1 <zoe@example.com>: user unknown
""", zoe="hard"),
    _gate("Facebook", "Facebook Mail <mailer-daemon@mx-out.facebook.example>", "Sorry, your message could not be delivered", """
This message was created automatically by Facebook.

Sorry, your message could not be delivered to the following address: zoe@example.com
Error: RCP-P2 the recipient's address does not exist, 550 5.1.1
""", zoe="hard"),
    _gate("Amazon SES in a mail", "MAILER-DAEMON@amazonses.example", "Delivery Status Notification (Failure)", """
An error occurred while trying to deliver the mail to the following recipients:
zoe@example.com

Amazon SES did not send the message to this address because it is on the suppression list: no such mailbox, 550 5.1.1
""", zoe="hard"),
    _gate("mailing list software gives back", "Mailing list agent <listmaster@lists.example.net>", "Undelivered mail: your post", """
Your message to zoe@example.com could not be delivered:
the address is not known here (550 5.1.1 unknown user).
""", zoe="hard"),
    _gate("quota, LMTP of Dovecot", "Mail Delivery Subsystem <postmaster@dovecot.example.net>", "Rejected: La lettre", """
Your message to <zoe@example.com> was automatically rejected:
Quota exceeded (mailbox for user is full)
""", more="Auto-Submitted: auto-replied (rejected)\n", zoe="full"),
    _gate("Sieve reject", "Mail Delivery Subsystem <postmaster@dovecot.example.net>", "Rejected: La lettre", """
Your message to <zoe@example.com> was automatically rejected:
I do not want newsletters here. Delivery refused by the recipient.
""", more="Auto-Submitted: auto-replied (rejected)\n", zoe="policy"),
    _gate("virus scanner", "MailScanner <postmaster@gate.example.net>", "Warning: message rejected", """
Your message to zoe@example.com was rejected: 554 5.7.1 the attachment programme.exe contains a virus.
""", zoe="content"),
    _gate("French gateway, spam", "Passerelle de messagerie <postmaster@passerelle.example.fr>", "Message rejeté", """
Votre message à mairie@ville-example.fr a été rejeté car il a été identifié comme du courrier indésirable (554 5.7.1).
""", town="spam"),
    _gate("French gateway, virus wording harmless", "Antivirus <postmaster@passerelle.example.fr>", "Échec de remise", """
<mairie@ville-example.fr>
550 5.1.1 utilisateur inconnu

Ce message a été analysé par notre antivirus : aucun virus trouvé.
""", town="hard"),
    _gate("boilerplate with every cause", "MAILER-DAEMON@mx.example.net", "Undelivered Mail", """
Your message could not be delivered. Possible causes are: the address does not exist,
the mailbox is full, or the message was taken for spam.

<paul.durand@example.net>: 452 4.2.2 mailbox over quota
""", paul="full"),
    _gate("Hotmail of old", "<postmaster@hotmail.com>", "Delivery Status Notification (Failure)", """
This is an automatically generated Delivery Status Notification.

Delivery to the following recipients failed.

       hugo.b@hotmail.fr
""", outlook="unknown"),
    _gate("AOL of old", "Mail Delivery Subsystem <MAILER-DAEMON@aol.com>", "Returned mail: User unknown", """
Your mail to the following recipients could not be delivered because they are not accepting mail from lettre@example.org:
	tintin
""", aol="policy") if False else _gate("AOL of old, full name", "Mail Delivery Subsystem <MAILER-DAEMON@aol.com>", "Returned mail: User unknown", """
The original message was received at Mon, 12 Oct 2026 03:12:40 -0400 (EDT)
from root@localhost

*** ATTENTION ***

Your e-mail is being returned to you because there was a problem with its
delivery.  The address which was undeliverable is listed in the section
labeled: "----- The following addresses had permanent fatal errors -----".

   ----- The following addresses had permanent fatal errors -----
<tintin@aol.com>

   ----- Transcript of session follows -----
... while talking to air-xc01.mail.aol.com.:
>>> RCPT To:<tintin@aol.com>
<<< 550 MAILBOX NOT FOUND
550 <tintin@aol.com>... User unknown
""", aol="hard"),
)  # fmt: skip
