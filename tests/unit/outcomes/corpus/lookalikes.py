"""What looks like a bounce and is none, and complaints and absences in odd clothes; written before their measure."""

from tests.unit.outcomes.corpus.case import Case, written
from tests.unit.outcomes.corpus.formats import OURS


def _mail(name: str, kind: str, sender: str, subject: str, text: str, *, more: str = "", **who: str) -> Case:
    head = f"From: {sender}\nTo: lettre@example.org\nSubject: {subject}\n{more}Content-Type: text/plain; charset=utf-8\n\n"
    return written(name, kind, f"{head}{text.strip()}\n", **who)


LOOKALIKES = (
    _mail("asks for help with a bounce, everything pasted", "human", "Paul Durand <paul.durand@example.net>", "Undelivered Mail Returned to Sender", """
Bonjour,

voilà ce que je reçois quand j'écris à ma collègue :

This is the mail system at host mx.example.net.
<yann@example.com>: host mx.example.com said: 550 5.1.1 User unknown

Received: from mx.example.net
From: paul.durand@example.net
To: yann@example.com
Message-ID: <1@example.net>

Cordialement, Paul
"""),
    _mail("parcel, from a delivery service", "human", "DHX Delivery Notification <info@parcels.example>", "Delivery failed: we could not deliver your parcel", """
Your parcel could not be delivered. Choose another day.
"""),
    _mail("parcel, in French, null path", "human", "Livraison <info@colis.example>", "Échec de livraison", """
Votre colis n'a pas pu être livré ce matin.
""", more="Return-Path: <>\n"),
    _mail("cron", "human", "Cron Daemon <root@news.example.org>", "Cron <root@news> /usr/bin/mailstats", """
550 5.1.1 : 12
"""),
    _mail("monitoring", "human", "nagios@news.example.org", "SMTP error on news.example.org", """
Service: SMTP. State: CRITICAL. 550 5.7.1 returned by check.
"""),
    _mail("issue tracker", "other", "notifications <notifications@forge.example>", "[mailer] Undelivered mail is not parsed: 550 5.1.1", """
<zoe@example.com>: host mx said: 550 5.1.1 User unknown
""", more="List-Id: <mailer.forge.example>\n"),
    _mail("advertisement for a mail service", "other", "Mail Delivery Pro <news@mailpro.example>", "Mail delivery made easy", """
Are your mails returned? 550 5.7.1 no more! Write to sales@mailpro.example
""", more="List-Unsubscribe: <mailto:u@mailpro.example>\n"),
    _mail("postmaster answers", "human", "Postmaster Orange <postmaster@orange.fr>", "Re: blocage OFR_506", """
Bonjour, votre adresse a été débloquée. Cordialement, le postmaster
"""),
    _mail("postmaster announces", "other", "postmaster@ville-example.fr", "Maintenance de la messagerie", """
La messagerie sera arrêtée samedi de 8 h à 12 h.
"""),
    _mail("a new address by itself", "auto_reply", "Yann <yann@example.com>", "Réponse automatique : La lettre", """
Cette adresse n'existe plus. Écrivez-moi à yann.nouveau@example.com. 550
""", more="Auto-Submitted: auto-replied\nReturn-Path: <>\n"),
    _mail("has left, by the server", "auto_reply", "Zoe <zoe@example.com>", "Automatic reply: La lettre", """
Zoe Martin has left the company. Your message was not delivered to anybody. Please contact paul.durand@example.net.
""", more="X-Auto-Response-Suppress: All\nAuto-Submitted: auto-generated\n"),
    _mail("ticket", "auto_reply", "Support <support@example.net>", "[Ticket #550] La lettre", """
We have received your message and will answer soon. This is an automated response.
""", more="Auto-Submitted: auto-replied\n"),
    _mail("thanks for the bounce", "human", "Zoe <zoe@example.com>", "Re: failure notice", "Merci, j'ai corrigé l'adresse !"),
    _mail("writes from a webmaster's mailbox", "human", "Webmestre <webmaster@asso-example.fr>", "Lettre d'octobre", "Bonjour, le lien est cassé (erreur 404)."),
    _mail("nothing but a signature", "human", "Zoe <zoe@example.com>", "", "-- \nZoe"),
    _mail("an invitation of a person", "human", "Zoe <zoe@example.com>", "Réunion", "On se voit le 12 ?"),
    _mail("spam in English", "human", "Prince <prince@example.net>", "Failure to deliver your funds", "Dear, the bank could not deliver 450 million. Write to lawyer@example.net. Thanks"),
    written("a person forwards a bounce as an attachment", "human", f"""From: Zoe <zoe@example.com>
To: lettre@example.org
Subject: Fwd: Undelivered Mail
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=o

--o
Content-Type: text/plain

Voir ci-joint, merci
--o
Content-Type: message/rfc822

From: MAILER-DAEMON@mx.example.net
To: zoe@example.com
Subject: Undelivered Mail Returned to Sender
Content-Type: multipart/report; boundary=i; report-type=delivery-status

--i
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net

Final-Recipient: rfc822; yann@example.com
Action: failed
Status: 5.1.1
--i
Content-Type: message/rfc822

{OURS.format(to="yann@example.com")}
--i--
--o--
"""),
    written("Outlook receipt in words", "human", """From: Zoe <zoe@example.com>
To: lettre@example.org
Subject: Lu : La lettre

Votre message a été lu le 12 octobre.
"""),
    written("feedback, base64, in upper case", "complaint", """From: FBL@provider.example
To: fbl@example.org
Subject: FBL
Content-Type: MULTIPART/REPORT; REPORT-TYPE="FEEDBACK-REPORT"; BOUNDARY="F"

--F
Content-Type: MESSAGE/FEEDBACK-REPORT
Content-Transfer-Encoding: BASE64

RmVlZGJhY2stVHlwZTogYWJ1c2UKVmVyc2lvbjogMQpPcmlnaW5hbC1SY3B0LVRvOiB6b2VAZXhh
bXBsZS5jb20K
--F--
""", zoe="spam"),
    written("feedback whose kind is lost", "complaint", f"""From: abuse@provider.example
To: fbl@example.org
Subject: Abuse
Content-Type: multipart/report; report-type=feedback-report; boundary=f

--f
Content-Type: text/plain

Feedback-Type: abuse
User-Agent: x
Version: 1
Original-Rcpt-To: zoe@example.com
--f
Content-Type: message/rfc822

{OURS.format(to="undisclosed:;")}
--f--
""", zoe="spam"),
    written("Yahoo loop", "complaint", f"""From: Yahoo! Mail AntiSpam Feedback <feedback@arf.mail.yahoo.example>
To: fbl@example.org
Subject: FW: La lettre
MIME-Version: 1.0
Content-Type: multipart/report; boundary="y"; report-type=feedback-report

--y
Content-Type: text/plain; charset=US-ASCII
Content-Disposition: inline

This is an email abuse report for an email message from example.org on Mon, 12 Oct 2026 09:12:40 +0200

--y
Content-Type: message/feedback-report
Content-Disposition: inline

Feedback-Type: abuse
User-Agent: Yahoo!-Mail-Feedback/2.0
Version: 0.1
Original-Mail-From: <lettre@retour.example.org>
Original-Rcpt-To: lea_m@yahoo.fr
Received-Date: Mon, 12 Oct 2026 09:12:40 +0200
Reported-Domain: example.org
Authentication-Results: dkim=pass

--y
Content-Type: message/rfc822
Content-Disposition: inline

{OURS.format(to="lea_m@yahoo.fr")}
--y--
""", yahoo="spam"),
)  # fmt: skip
