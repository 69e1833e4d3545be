"""Bounces that say it in words, of programs and languages that the formats do not cover."""

from tests.unit.outcomes.corpus.case import Case, written


def _daemon(
    name: str, sender: str, subject: str, text: str, encoding: str = "utf-8", **verdicts: str
) -> Case:
    head = f"From: {sender}\nTo: lettre@retour.example.org\nSubject: {subject}\n"
    mime = f"MIME-Version: 1.0\nContent-Type: text/plain; charset={encoding}\nContent-Transfer-Encoding: 8bit\n\n"
    return written(name, "bounce", f"{head}{mime}{text.strip()}\n", encoding, **verdicts)


TEXTS = (
    _daemon("Office 365 in French, page text", "Microsoft Outlook <postmaster@ville-example.onmicrosoft.com>", "Non remis : La lettre", """
Votre message à mairie@ville-example.fr n'a pas pu être remis.

mairie est introuvable dans ville-example.fr.

lettre            Office 365            mairie
Action requise                          Destinataire
Adresse À inconnue

Comment corriger
L'adresse est peut-être mal orthographiée ou n'existe pas. Essayez une ou plusieurs des opérations suivantes :
""", town="hard"),
    _daemon("Office 365 in German, full", "Microsoft Outlook <postmaster@example.onmicrosoft.com>", "Unzustellbar: La lettre", """
Ihre Nachricht an paul.durand@example.net konnte nicht zugestellt werden.

Das Postfach von paul.durand ist voll und kann derzeit keine Nachrichten empfangen.

Diagnoseinformationen für Administratoren:
Generierender Server: AM0PR01MB1234.eurprd01.prod.exchangelabs.com
paul.durand@example.net
Remote Server returned '554 5.2.2 mailbox full; STOREDRV.Deliver.Exception:QuotaExceededException.MapiExceptionShutoffQuotaExceeded; Failed to process message due to a permanent exception'
""", paul="full"),
    _daemon("Office 365 in Spanish, restricted", "Microsoft Outlook <postmaster@example.onmicrosoft.com>", "No se puede entregar: La lettre", """
No se pudo entregar el mensaje a zoe@example.com.

No tiene permiso para enviar a este destinatario.

Información de diagnóstico para los administradores:
zoe@example.com
Remote Server returned '550 5.7.124 RESOLVER.RST.SenderNotInGroup; not authorized'
""", zoe="policy"),
    _daemon("Exchange 2000, English", "System Administrator <postmaster@example.net>", "Undeliverable: La lettre", """
Your message

  To:      'zoe@example.com'
  Subject: La lettre
  Sent:    Mon, 12 Oct 2026 09:12:40 +0200

did not reach the following recipient(s):

zoe@example.com on Mon, 12 Oct 2026 09:12:44 +0200
    The recipient name is not recognized
	The MTS-ID of the original message is: c=US;a= ;p=Example;l=EX01-261012
    MSEXCH:IMS:Example:HQ:EX01 0 (000C05A6) Unknown Recipient
""", zoe="hard"),
    _daemon("GroupWise", "Mail Delivery System <Mailer-Daemon@gw.example.net>", "Message status - undeliverable", """
The attached file had the following undeliverable recipient(s):
     paul.durand@example.net

Transcript of session follows:
  Command: data...End-of-data
  Response: 550 User unknown
""", paul="hard"),
    _daemon("MDaemon", "MDaemon at mail.example.net <MDaemon@mail.example.net>", "Permanent Delivery Failure", """
The following data may contain sections which represent BASE64 encoded attachments.

--- Session Transcript ---
 Mon 2026-10-12 09:12:40: [12:1] Parsing message <xxxxxxxxxxxxxxxxxx\\pd5000.msg>
 Mon 2026-10-12 09:12:41: [12:1] <-- 220 mx.example.com ESMTP
 Mon 2026-10-12 09:12:41: [12:1] --> RCPT To:<zoe@example.com>
 Mon 2026-10-12 09:12:42: [12:1] <-- 550 <zoe@example.com>, Recipient unknown
 Mon 2026-10-12 09:12:42: [12:1] --> QUIT
--- End Transcript ---

: Message contains [1] file attachments
""", zoe="hard"),
    _daemon("Courier", '"Courier mail server at mx" <postmaster@mx.example.net>', "NOTICE: mail delivery status.", """
This is a delivery status notification from mx.example.net,
running the Courier mail server, version 1.0.

The original message was received on Mon, 12 Oct 2026 09:12:40 +0200

---------------------------------------------------------------------------

                           UNDELIVERABLE MAIL

Your message to the following recipients cannot be delivered:

<zoe@example.com>:
    mx.example.com [198.51.100.3]:
>>> RCPT TO:<zoe@example.com>
<<< 550 User unknown.

---------------------------------------------------------------------------
""", zoe="hard"),
    _daemon("Lotus Notes of old", "Lotus_Notes_Postmaster@example.com", "Non-Delivery of: La lettre", """
Unable to deliver message:

Recipient: zoe@example.com
Error: User zoe not listed in public Name & Address Book
""", zoe="hard"),
    _daemon("Yandex", "mailer-daemon@yandex.ru", "Недоставленное сообщение", """
Это письмо отправлено почтовым сервером yandex.ru.

К сожалению, мы вынуждены сообщить Вам о том, что Ваше письмо не может
быть отправлено одному или нескольким адресатам. Технические подробности
можно найти ниже.

Возможные причины недоставки указаны по адресу: https://yandex.ru/support

<ivan@mail.ru>: host mxs.mail.ru[94.100.180.31] said: 550 user not found
    (in reply to RCPT TO command)
""", mailru="hard"),
    _daemon("Mail.ru", "mailer-daemon@corp.mail.ru", "Mail failure.", """
This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. The following addresses failed:

  <ivan@mail.ru>
    mailbox is full (MTA-imposed quota exceeded)
""", mailru="full"),
    _daemon("Japanese provider", "MAILER-DAEMON@example.co.jp", "=?utf-8?B?6YWN5L+h44Ko44Op44O8?=", """
お客様が送信したメールは、以下の宛先に届けることができませんでした。

宛先: tanaka@example.co.jp
理由: メールボックスが一杯です
""", jp="full"),
    _daemon("Japanese provider, unknown, iso-2022-jp", "Mail Delivery Subsystem <MAILER-DAEMON@example.co.jp>", "Returned mail", """
次のアドレスは存在しません。

<tanaka@example.co.jp>
""", encoding="iso-2022-jp", jp="hard"),
    _daemon("Chinese corporate mail", "postmaster@corp.example.cn", "=?utf-8?B?6YCA5L+h6YCa55+l?=", """
很抱歉，您的邮件被退回。
收件人 zoe@example.com 邮箱已满。
""", zoe="full"),
    _daemon("Orange webmail in French", "postmaster@orange.fr", "Message non remis", """
Votre message n'a pas pu être délivré au destinataire suivant :

jeanne.petit@orange.fr

Motif : l'adresse du destinataire n'existe pas.
""", orange="hard"),
    _daemon("La Poste in French, full", "Serveur de messagerie <postmaster@laposte.net>", "Echec de la remise du message", """
Bonjour,

Le message que vous avez adressé à c.blanc@laposte.net n'a pas été remis : la boîte aux lettres de votre correspondant est pleine.
Nous vous invitons à le renvoyer plus tard.
""", laposte="full"),
    _daemon("Town hall in latin-1 undeclared", "Administrateur <postmaster@ville-example.fr>", "Adresse inconnue", """
Destinataire : mairie@ville-example.fr
Cette adresse n'existe plus.
""", encoding="iso-8859-1", town="hard"),
    _daemon("several, one reason for all", "MAILER-DAEMON@mx.example.net", "Delivery failure", """
Your message could not be delivered to the following addresses:

    zoe@example.com
    yann@example.com

Reason: 550 5.1.1 user unknown
""", zoe="hard", yann="hard"),
    _daemon("several, each its own", "MAILER-DAEMON@mx.example.net", "Undeliverable message", """
The following recipients did not receive your message:

    zoe@example.com: mailbox is full
    yann@example.com: user unknown
""", zoe="full", yann="hard"),
    _daemon("a sentence", "postmaster@mx.example.net", "Delivery error", """
Sorry, your message to yann@example.com cannot be delivered. This account has been disabled or discontinued [#102].
""", yann="soft"),
    _daemon("SMTP32", "Postmaster <postmaster@mx.example.net>", "Undeliverable Mail", """
Unknown host: zoe@example.com

Original message follows.

Received: from news.example.org [192.0.2.10]
From: lettre@example.org
To: zoe@example.com
Subject: La lettre
""", zoe="hard"),
    _daemon("Merak", "MAILER-DAEMON@mx.example.net", "Mail delivery failed", """
Message with subject [La lettre] to <zoe@example.com> could not be delivered.
Undelivered mail reason: 550 5.1.1 <zoe@example.com> User unknown; rejecting
""", zoe="hard"),
    _daemon("InterMail", "Mail Administrator <Postmaster@isp.example>", "Mail System Error - Returned Mail", """
This Message was undeliverable due to the following reason:

The user(s) account is temporarily over quota.

<paul.durand@example.net>

Please reply to Postmaster@isp.example
if you feel this message to be in error.
""", paul="full"),
    _daemon("InterMail, unknown", "Mail Administrator <Postmaster@isp.example>", "Mail System Error - Returned Mail", """
This Message was undeliverable due to the following reason:

The following destination addresses were unknown (please check
the addresses and re-mail the message):

SMTP <zoe@example.com>

Please reply to Postmaster@isp.example
if you feel this message to be in error.
""", zoe="hard"),
    _daemon("PMDF", "PMDF e-Mail Interconnect <postmaster@campus.example>", "Delivery Notification: Delivery has failed", """
This report relates to a message you sent with the following header fields:

  Message-id: <20261012071240.1234@example.org>
  Date: Mon, 12 Oct 2026 09:12:40 +0200
  From: lettre@example.org
  To: zoe@example.com
  Subject: La lettre

Your message cannot be delivered to the following recipients:

  Recipient address: zoe@example.com
  Reason: Illegal host/domain name found
""", zoe="hard"),
    _daemon("Swedish", "postmaster@example.se", "Det gick inte att leverera: La lettre", """
Meddelandet kunde inte levereras till följande mottagare:

zoe@example.com
E-postadressen hittades inte. 550 5.1.1
""", zoe="hard"),
    _daemon("Danish", "postmaster@example.dk", "Ikke leveret: La lettre", """
Meddelelsen kunne ikke leveres til: zoe@example.com
Modtagerens postkasse er fuld.
""", zoe="full"),
    _daemon("Turkish", "postmaster@example.com.tr", "Teslim edilemedi: La lettre", """
İletiniz teslim edilemedi.

zoe@example.com
E-posta adresi bulunamadı. #550 5.1.1
""", zoe="hard"),
    _daemon("Czech", "postmaster@example.cz", "Nedoručitelné: La lettre", """
Zprávu nelze doručit těmto příjemcům:

zoe@example.com
Adresa neexistuje. #550 5.1.1 RESOLVER.ADR.RecipNotFound; not found ##
""", zoe="hard"),
    _daemon("Hungarian, codes alone to help", "Mailer-Daemon@example.hu", "Kézbesíthetetlen", """
A levelet nem sikerült kézbesíteni:

<zoe@example.com>: 550 5.1.1 ismeretlen címzett
""", zoe="hard"),
    _daemon("unknown language", "MAILER-DAEMON@example.ee", "Kiri tagasi", """
Teie kirja ei saanud kohale toimetada.

<zoe@example.com>
smtp; 550 5.1.1 <zoe@example.com>: kasutajat pole
""", zoe="hard"),
    written("VERP of another list alone names the recipient", "bounce", """
Return-Path: <>
From: MAILER-DAEMON@mx.example.net
To: lettre-bounces+zoe=example.com@lists.example.org
Subject: Undeliverable

The mail could not be delivered. 550 5.1.1 user unknown
""", zoe="hard"),
    written("the returned message alone names the recipient", "bounce", """
Return-Path: <>
From: Mail Delivery <postmaster@mx.example.net>
To: lettre@retour.example.org
Subject: Returned mail
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=x

--x
Content-Type: text/plain

The mailbox of the recipient of this message is full. It is returned to you.
--x
Content-Type: message/rfc822

Received: from news.example.org
From: lettre@example.org
To: Paul Durand <paul.durand@example.net>
Subject: La lettre

Bonjour
--x--
""", paul="full"),
    written("a status without a word", "bounce", """
Return-Path: <>
From: <>
To: lettre@retour.example.org
Subject: DSN
Content-Type: multipart/report; boundary=x; report-type=delivery-status

--x
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net

Final-Recipient: rfc822; yann@example.com
Action: failed
Status: 5.1.1

Final-Recipient: rfc822; zoe@example.com
Action: delivered
Status: 2.0.0

Final-Recipient: rfc822; paul.durand@example.net
Action: failed
Status: 5.2.2
--x--
""", yann="hard", paul="full"),
    written("a status in base64, blank lines lost", "bounce", """
From: MAILER-DAEMON@mx.example.net
To: lettre@retour.example.org
Subject: failure
Content-Type: multipart/report; report-type=delivery-status; boundary="x"

--x
Content-Type: message/delivery-status
Content-Transfer-Encoding: base64

UmVwb3J0aW5nLU1UQTogZG5zOyBteC5leGFtcGxlLm5ldApGaW5hbC1SZWNpcGllbnQ6IHJmYzgy
Mjsgem9lQGV4YW1wbGUuY29tCkFjdGlvbjogZmFpbGVkClN0YXR1czogNS4xLjEKRmluYWwtUmVj
aXBpZW50OiByZmM4MjI7IHlhbm5AZXhhbXBsZS5jb20KQWN0aW9uOiBmYWlsZWQKU3RhdHVzOiA1
LjIuMgo=
--x--
""", zoe="hard", yann="full"),
    written("no headers at all", "bounce", """
<zoe@example.com>:
Sorry, no mailbox here by that name. (#5.1.1)
This is the qmail-send program at mx.example.net.
I'm sorry to have to inform you that it could not be delivered.
""", zoe="hard"),
)  # fmt: skip
