"""Shapes written after the rules, without looking at them, as each program would write.

The first measure on them, before anything was mended, is in docs/decisions/words-before-codes.md.
"""

from tests.unit.outcomes.corpus.case import Case, written

_HEAD = """
Return-Path: <>
To: lettre@retour.example.org
Date: Mon, 12 Oct 2026 09:12:44 +0200
"""
_OURS = """Received: from news.example.org (news.example.org [192.0.2.10])
	by mx.example.com with ESMTPS id 4Z0abc; Mon, 12 Oct 2026 09:12:40 +0200
From: "La lettre" <lettre@example.org>
To: {to}
Subject: La lettre d'octobre
Message-ID: <20261012071240.1234@example.org>
List-Id: La lettre <lettre.example.org>
"""


def _report(
    name: str, kind: str, head: str, text: str, fields: str, *, to: str = "zoe@example.com", **verdicts: str
) -> Case:
    """A multipart/report, with the headers of what was returned."""
    body = f"""{_HEAD.strip()}
{head.strip()}
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="=_b1"

This is a MIME-encapsulated message.

--=_b1
Content-Type: text/plain; charset=utf-8

{text.strip()}

--=_b1
Content-Type: message/delivery-status

{fields.strip()}

--=_b1
Content-Type: text/rfc822-headers

{_OURS.format(to=to)}
--=_b1--
"""
    return written(name, kind, body, **verdicts)


def _plain(name: str, kind: str, head: str, text: str, encoding: str = "utf-8", **verdicts: str) -> Case:
    charset = (
        f"MIME-Version: 1.0\nContent-Type: text/plain; charset={encoding}\nContent-Transfer-Encoding: 8bit"
    )
    body = f"{_HEAD.strip()}\n{head.strip()}\n{charset}\n\n{text.strip()}\n"
    return written(name, kind, body, encoding, **verdicts)


FRESH = (
    _plain(
        "qmail, four recipients",
        "bounce",
        "From: MAILER-DAEMON@mail.example.net\nSubject: failure notice",
        """
Hi. This is the qmail-send program at mail.example.net.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<zoe@example.com>:
Sorry, no mailbox here by that name. vpopmail (#5.1.1)

<yann@example.com>:
198.51.100.7 failed after I sent the message.
Remote host said: 554 5.7.1 Message cannot be accepted, spam rejection

<paul.durand@example.net>:
user is over quota (#5.2.2)

<jeanne.petit@orange.fr>:
193.252.22.65 does not like recipient.
Remote host said: 550 5.1.1 Adresse d au moins un destinataire invalide. Invalid recipient. OFR204_416 [416]
Giving up on 193.252.22.65.

--- Below this line is a copy of the message.

Return-Path: <lettre@retour.example.org>
Received: (qmail 2143 invoked by uid 89); 12 Oct 2026 07:12:44 -0000
From: lettre@example.org
To: undisclosed-recipients:;
Subject: La lettre
""",
        zoe="hard",
        yann="spam",
        paul="full",
        orange="hard",
    ),
    _plain(
        "Exim, one unknown and one generated",
        "bounce",
        "From: Mail Delivery System <Mailer-Daemon@srv1.example.net>\nX-Failed-Recipients: zoe@example.com\n"
        "Auto-Submitted: auto-replied\nSubject: Mail delivery failed: returning message to sender",
        """
This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  zoe@example.com
    host mx.example.com [198.51.100.3]
    SMTP error from remote mail server after RCPT TO:<zoe@example.com>:
    550 5.7.1 No such user here: zoe

------ This is a copy of the message, including all the headers. ------

Return-path: <lettre@retour.example.org>
Received: from [192.0.2.10] (helo=news.example.org)
	by srv1.example.net with esmtp (Exim 4.98)
From: lettre@example.org
To: zoe@example.com
Subject: La lettre
""",
        zoe="hard",
    ),
    _plain(
        "Exim, unrouteable",
        "bounce",
        "From: Mail Delivery System <Mailer-Daemon@srv1.example.net>\n"
        "Subject: Mail delivery failed: returning message to sender",
        """
This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  paul.durand@example.net
    Unrouteable address
  mairie@ville-example.fr
    mailbox is full: retry timeout exceeded

------ This is a copy of your message, including all the headers. ------
""",
        paul="hard",
        town="full",
    ),
    _plain(
        "Exim, delayed",
        "delay",
        "From: Mail Delivery System <Mailer-Daemon@srv1.example.net>\n"
        "Subject: Warning: message 1tAbCd-0001Xy-2z delayed 24 hours",
        """
This message was created automatically by mail delivery software.
A message that you sent has not yet been delivered to one or more of its
recipients after more than 24 hours on the queue on srv1.example.net.

The message identifier is:     1tAbCd-0001Xy-2z
The subject of the message is: La lettre

The address to which the message has not yet been delivered is:

  zoe@example.com
    host mx.example.com [198.51.100.3]: Connection refused

No action is required on your part. Delivery attempts will continue for
some time, and this warning may be repeated at intervals if the message
remains undelivered. Eventually the mail delivery software will give up,
and when that happens, the message will be returned to you.
""",
        zoe="soft",
    ),
    _plain(
        "Sendmail 8.9, old style",
        "bounce",
        "From: Mail Delivery Subsystem <MAILER-DAEMON@relay.example.net>\n"
        "Subject: Returned mail: User unknown",
        """
The original message was received at Mon, 12 Oct 2026 09:12:40 +0200
from news.example.org [192.0.2.10]

   ----- The following addresses had permanent fatal errors -----
<yann@example.com>

   ----- Transcript of session follows -----
... while talking to mx.example.com.:
>>> RCPT To:<yann@example.com>
<<< 550 <yann@example.com>... User unknown
550 <yann@example.com>... User unknown

   ----- Original message follows -----

Return-Path: <lettre@retour.example.org>
Received: from news.example.org (news.example.org [192.0.2.10])
From: lettre@example.org
To: yann@example.com
Subject: La lettre
""",
        yann="hard",
    ),
    _plain(
        "Sendmail warning",
        "delay",
        "From: Mail Delivery Subsystem <MAILER-DAEMON@relay.example.net>\n"
        "Subject: Warning: could not send message for past 4 hours",
        """
    **********************************************
    **      THIS IS A WARNING MESSAGE ONLY      **
    **  YOU DO NOT NEED TO RESEND YOUR MESSAGE  **
    **********************************************

The original message was received at Mon, 12 Oct 2026 05:12:40 +0200

   ----- The following addresses had transient non-fatal errors -----
<zoe@example.com>

   ----- Transcript of session follows -----
<zoe@example.com>... Deferred: Connection timed out with mx.example.com.
Warning: message still undelivered after 4 hours
Will keep trying until message is 5 days old
""",
        zoe="soft",
    ),
    _report(
        "Sendmail with status, host unknown",
        "bounce",
        "From: Mail Delivery Subsystem <MAILER-DAEMON@relay.example.net>\n"
        "Subject: Returned mail: see transcript for details",
        """
The original message was received at Mon, 12 Oct 2026 09:12:40 +0200

   ----- The following addresses had permanent fatal errors -----
<zoe@example.com>
    (reason: 550 Host unknown)

   ----- Transcript of session follows -----
550 5.1.2 <zoe@example.com>... Host unknown (Name server: example.com: host not found)
""",
        """
Reporting-MTA: dns; relay.example.net
Arrival-Date: Mon, 12 Oct 2026 09:12:40 +0200

Final-Recipient: RFC822; zoe@example.com
Action: failed
Status: 5.1.2
Remote-MTA: DNS; example.com
Diagnostic-Code: SMTP; 550 Host unknown
""",
        zoe="hard",
    ),
    _report(
        "Postfix, Orange blocks with 5.1.1",
        "bounce",
        "From: MAILER-DAEMON@news.example.org (Mail Delivery System)\nSubject: Undelivered Mail Returned to Sender",
        """
This is the mail system at host news.example.org.

I'm sorry to have to inform you that your message could not
be delivered to one or more recipients. It's attached below.

<jeanne.petit@orange.fr>: host smtp-in.orange.fr[193.252.22.65] said: 550 5.2.0
    Mail rejete. Mail rejected. OFR_506 [506] (in reply to end of DATA command)
""",
        """
Reporting-MTA: dns; news.example.org

Final-Recipient: rfc822; jeanne.petit@orange.fr
Original-Recipient: rfc822;jeanne.petit@orange.fr
Action: failed
Status: 5.2.0
Remote-MTA: dns; smtp-in.orange.fr
Diagnostic-Code: smtp; 550 5.2.0 Mail rejete. Mail rejected. OFR_506 [506]
""",
        to="jeanne.petit@orange.fr",
        orange="spam",
    ),
    _report(
        "Postfix, Wanadoo full",
        "bounce",
        "From: MAILER-DAEMON@news.example.org (Mail Delivery System)\nSubject: Undelivered Mail Returned to Sender",
        """
This is the mail system at host news.example.org.

<m.legrand@wanadoo.fr>: host smtp-in.orange.fr[80.12.26.33] said: 552 5.1.1
    Boite du destinataire pleine. Recipient overquota. OFR_417 [417] (in reply to RCPT TO command)
""",
        """
Reporting-MTA: dns; news.example.org

Final-Recipient: rfc822; m.legrand@wanadoo.fr
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 552 5.1.1 Boite du destinataire pleine. Recipient overquota.
    OFR_417 [417]
""",
        to="m.legrand@wanadoo.fr",
        wanadoo="full",
    ),
    _report(
        "Postfix, Orange source blocked under 5.1.1",
        "bounce",
        "From: MAILER-DAEMON@news.example.org (Mail Delivery System)\nSubject: Undelivered Mail Returned to Sender",
        "<jeanne.petit@orange.fr>: host smtp-in.orange.fr said: 550 5.1.1 Service refuse. OFR_108",
        """
Reporting-MTA: dns; news.example.org

Final-Recipient: rfc822; jeanne.petit@orange.fr
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 Service refuse. Veuillez essayer plus tard. Service
    refused, please try later. OFR_108 [108]
""",
        to="jeanne.petit@orange.fr",
        orange="blocked",
    ),
    _report(
        "Postfix, La Poste",
        "bounce",
        "From: MAILER-DAEMON@news.example.org (Mail Delivery System)\nSubject: Undelivered Mail Returned to Sender",
        "<c.blanc@laposte.net>: host smtpz4.laposte.net[160.92.124.66] said: 550 5.7.0 LPN007_510",
        """
Reporting-MTA: dns; news.example.org

Final-Recipient: rfc822; c.blanc@laposte.net
Action: failed
Status: 5.5.0
Diagnostic-Code: smtp; 550 5.5.0 Service refuse. Veuillez essayer plus tard. Service
    refused, please try later. LPN007_510
""",
        to="c.blanc@laposte.net",
        laposte="blocked",
    ),
    _report(
        "Postfix, La Poste unknown",
        "bounce",
        "From: MAILER-DAEMON@news.example.org (Mail Delivery System)\nSubject: Undelivered Mail Returned to Sender",
        "<c.blanc@laposte.net>: host smtpz4.laposte.net[160.92.124.66] said: 550 5.1.1 unknown",
        """
Reporting-MTA: dns; news.example.org

Final-Recipient: rfc822; c.blanc@laposte.net
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 <c.blanc@laposte.net>: Recipient address rejected: User unknown. LPN105_11
""",
        to="c.blanc@laposte.net",
        laposte="hard",
    ),
    _report(
        "Postfix, SFR blocks",
        "bounce",
        "From: MAILER-DAEMON@news.example.org (Mail Delivery System)\nSubject: Undelivered Mail Returned to Sender",
        "<nadia@sfr.fr>: host smtp-in.sfr.fr[93.17.128.123] refused to talk to me: 554 5.7.1 SFR_IN_203",
        """
Reporting-MTA: dns; news.example.org

Final-Recipient: rfc822; nadia@sfr.fr
Action: failed
Status: 5.7.1
Diagnostic-Code: smtp; 554 5.7.1 Service unavailable; Connexion refusee. (SFR_IN_203)
""",
        to="nadia@sfr.fr",
        sfr="blocked",
    ),
    _report(
        "Postfix, Free inactive",
        "bounce",
        "From: MAILER-DAEMON@news.example.org (Mail Delivery System)\nSubject: Undelivered Mail Returned to Sender",
        "<luc.martin@free.fr>: host mx1.free.fr[212.27.48.6] said: 550 5.2.1 This mailbox has been blocked due to inactivity",
        """
Reporting-MTA: dns; news.example.org

Final-Recipient: rfc822; luc.martin@free.fr
Action: failed
Status: 5.2.1
Diagnostic-Code: smtp; 550 5.2.1 This mailbox has been blocked due to inactivity
    (UserSearch)
""",
        to="luc.martin@free.fr",
        free="soft",
    ),
    _report(
        "Gmail, no such account",
        "bounce",
        "From: Mail Delivery Subsystem <mailer-daemon@googlemail.com>\n"
        "Subject: Delivery Status Notification (Failure)\nX-Failed-Recipients: amelie.roux@gmail.com",
        """
** Address not found **

Your message wasn't delivered to amelie.roux@gmail.com because the address couldn't be found, or is unable to receive mail.

The response was:

550 5.1.1 The email account that you tried to reach does not exist. Please try double-checking the recipient's email address for typos or unnecessary spaces. For more information, go to https://support.google.com/mail/?p=NoSuchUser d2e1a72fcca58-7a2b6
""",
        """
Reporting-MTA: dns; googlemail.com
Received-From-MTA: dns; lettre@example.org

Final-Recipient: rfc822; amelie.roux@gmail.com
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550-5.1.1 The email account that you tried to reach does not exist. Please try
 550-5.1.1 double-checking the recipient's email address for typos or
 550 5.1.1 unnecessary spaces.
""",
        to="amelie.roux@gmail.com",
        gmail="hard",
    ),
    _report(
        "Gmail, unauthenticated",
        "bounce",
        "From: Mail Delivery System <MAILER-DAEMON@news.example.org>\nSubject: Undelivered Mail Returned to Sender",
        "<amelie.roux@gmail.com>: host gmail-smtp-in.l.google.com said: 550-5.7.26",
        """
Reporting-MTA: dns; news.example.org

Final-Recipient: rfc822; amelie.roux@gmail.com
Action: failed
Status: 5.7.26
Diagnostic-Code: smtp; 550-5.7.26 Your email has been blocked because the sender is unauthenticated.
    550-5.7.26 Gmail requires all senders to authenticate with either SPF or DKIM.
    550 5.7.26 For instructions on setting up authentication, go to
""",
        to="amelie.roux@gmail.com",
        gmail="authentication",
    ),
    _report(
        "Gmail gives up on the network, text generic",
        "bounce",
        "From: Mail Delivery Subsystem <mailer-daemon@googlemail.com>\nSubject: Delivery Status Notification (Failure)",
        """
** Message not delivered **

There was a problem delivering your message to zoe@example.com. See the technical details below.

The response was:

The recipient server did not accept our requests to connect. For more information, go to https://support.google.com/mail/answer/7720
[mx.example.com. 198.51.100.3: timed out]
""",
        """
Reporting-MTA: dns; googlemail.com

Final-Recipient: rfc822; zoe@example.com
Action: failed
Status: 4.4.1
Diagnostic-Code: smtp; The recipient server did not accept our requests to connect.
""",
        zoe="soft",
    ),
    _report(
        "Gmail, delayed",
        "delay",
        "From: Mail Delivery Subsystem <mailer-daemon@googlemail.com>\nSubject: Delivery Status Notification (Delay)",
        """
** Delivery incomplete **

There was a temporary problem delivering your message to zoe@example.com. Gmail will retry for 45 more hours. You'll be notified if the delivery fails permanently.
""",
        """
Reporting-MTA: dns; googlemail.com

Final-Recipient: rfc822; zoe@example.com
Action: delayed
Status: 4.4.2
Will-Retry-Until: Wed, 14 Oct 2026 09:12:44 -0700 (PDT)
""",
        zoe="soft",
    ),
    _report(
        "Outlook.com, block list",
        "bounce",
        "From: postmaster@news.example.org\nSubject: Undelivered Mail Returned to Sender",
        "<hugo.b@hotmail.fr>: host hotmail-com.olc.protection.outlook.com said: 550 5.7.1",
        """
Reporting-MTA: dns; news.example.org

Final-Recipient: rfc822; hugo.b@hotmail.fr
Action: failed
Status: 5.7.1
Diagnostic-Code: smtp; 550 5.7.1 Unfortunately, messages from [192.0.2.10] weren't sent.
    Please contact your Internet service provider since part of their network is on our
    block list (S3140). You can also refer your provider to http://mail.live.com/mail/troubleshooting.aspx#errors.
""",
        to="hugo.b@hotmail.fr",
        outlook="blocked",
    ),
    _report(
        "Outlook.com, mailbox unavailable",
        "bounce",
        "From: MAILER-DAEMON@news.example.org\nSubject: Undelivered Mail Returned to Sender",
        "<hugo.b@hotmail.fr>: host hotmail-com.olc.protection.outlook.com said: 550 5.5.0",
        """
Reporting-MTA: dns; news.example.org

Final-Recipient: rfc822; hugo.b@hotmail.fr
Action: failed
Status: 5.5.0
Diagnostic-Code: smtp; 550 5.5.0 Requested action not taken: mailbox unavailable (S2017062302).
    [DB5EUR03FT014.eop-EUR03.prod.protection.outlook.com]
""",
        to="hugo.b@hotmail.fr",
        outlook="hard",
    ),
    _report(
        "Exchange Online in French",
        "bounce",
        "From: Microsoft Outlook <MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@ville-example.fr>\n"
        "Subject: Non remis : La lettre d'octobre",
        """
Échec de la remise à ces destinataires ou groupes :

mairie@ville-example.fr<mailto:mairie@ville-example.fr>
L'adresse de messagerie que vous avez entrée est introuvable. Vérifiez l'adresse de messagerie du destinataire et essayez de renvoyer le message. Si le problème persiste, contactez votre support technique.

Informations de diagnostic pour les administrateurs :

Serveur de génération : PR0P264MB1234.FRAP264.PROD.OUTLOOK.COM

mairie@ville-example.fr
Remote Server returned '550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient mairie@ville-example.fr not found by SMTP address lookup'
""",
        """
Reporting-MTA: dns;PR0P264MB1234.FRAP264.PROD.OUTLOOK.COM

Final-recipient: RFC822;mairie@ville-example.fr
Action: failed
Status: 5.1.10
Diagnostic-code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient mairie@ville-example.fr not found by SMTP address lookup
""",
        to="mairie@ville-example.fr",
        town="hard",
    ),
    _plain(
        "Exchange in French, text alone",
        "bounce",
        "From: Administrateur système <postmaster@ville-example.fr>\nSubject: Non remis : La lettre",
        """
Votre message n'a pas été remis à certains ou à tous les destinataires désignés.

      Objet :	La lettre
      Date :	12/10/2026 09:12

Impossible de joindre le(s) destinataire(s) suivant(s) :

      mairie@ville-example.fr le 12/10/2026 09:12
            Le compte de messagerie n'existe pas dans l'organisation destinataire de ce message. Vérifiez l'adresse de messagerie, ou contactez directement le destinataire pour obtenir l'adresse correcte.
            <mail.ville-example.fr #5.1.1>
""",
        town="hard",
    ),
    _plain(
        "Exchange in German, text alone, full",
        "bounce",
        "From: Systemadministrator <postmaster@example.de>\nSubject: Unzustellbar: La lettre",
        """
Ihre Nachricht hat einige oder alle Empfänger nicht erreicht.

      Betreff:	La lettre
      Gesendet am:	12.10.2026 09:12

Folgende(r) Empfänger konnten nicht erreicht werden:

      'paul.durand@example.net' am 12.10.2026 09:12
            Das Postfach des Empfängers ist voll. <mail.example.net #5.2.2 smtp;552 5.2.2 quota>
""",
        encoding="iso-8859-1",
        paul="full",
    ),
    _plain(
        "Exchange in Spanish",
        "bounce",
        "From: Administrador del sistema <postmaster@example.es>\nSubject: No se puede entregar: La lettre",
        """
El mensaje no llegó a alguno o todos los destinatarios.

      Asunto:	La lettre
      Enviado el:	12/10/2026 9:12

No se puede localizar a los destinatarios siguientes:

      zoe@example.com el 12/10/2026 9:12
            La cuenta de correo no existe en la organización a la que se envió este mensaje. Compruebe la dirección de correo.
            < mail.example.com #5.1.1>
""",
        zoe="hard",
    ),
    _plain(
        "Exchange in Italian",
        "bounce",
        "From: Amministratore di sistema <postmaster@example.it>\nSubject: Non recapitabile: La lettre",
        """
Il messaggio non ha raggiunto alcuni o tutti i destinatari.

      Oggetto:	La lettre
      Inviato:	12/10/2026 9:12

Impossibile raggiungere i seguenti destinatari:

      zoe@example.com il 12/10/2026 9:12
            L'account di posta elettronica non esiste nell'organizzazione a cui è stato inviato il messaggio.
            <mail.example.com #5.1.1>
""",
        zoe="hard",
    ),
    _plain(
        "Exchange in Portuguese",
        "bounce",
        "From: Administrador do sistema <postmaster@example.pt>\nSubject: Não entregue: La lettre",
        """
A sua mensagem não chegou a alguns ou a todos os destinatários.

      Assunto:	La lettre

Não foi possível contactar os seguintes destinatários:

      zoe@example.com em 12/10/2026 9:12
            A caixa de correio do destinatário está cheia e não pode aceitar mensagens agora.
            <mail.example.com #5.2.2>
""",
        zoe="full",
    ),
    _plain(
        "Exchange in Dutch",
        "bounce",
        "From: Systeembeheerder <postmaster@example.nl>\nSubject: Onbestelbaar: La lettre",
        """
Het bericht heeft sommige of alle geadresseerden niet bereikt.

      Onderwerp:	La lettre

De volgende geadresseerden zijn niet bereikt:

      zoe@example.com op 12-10-2026 9:12
            Het e-mailaccount bestaat niet in de organisatie waarnaar dit bericht is verzonden.
            <mail.example.com #5.1.1>
""",
        zoe="hard",
    ),
    _plain(
        "Exchange in Polish",
        "bounce",
        "From: Administrator systemu <postmaster@example.pl>\nSubject: Niedostarczone: La lettre",
        """
Twoja wiadomość nie dotarła do niektórych lub wszystkich zamierzonych adresatów.

      Temat:	La lettre

Nie można dotrzeć do następujących adresatów:

      zoe@example.com dnia 2026-10-12 09:12
            Konto e-mail nie istnieje w organizacji, do której wysłano tę wiadomość.
            <mail.example.com #5.1.1>
""",
        zoe="hard",
    ),
    _plain(
        "Exchange in Japanese",
        "bounce",
        "From: =?iso-2022-jp?B?GyRCJTclOSVGJWA0SU19PFQbKEI=?= <postmaster@example.co.jp>\n"
        "Subject: =?utf-8?B?6YWN5L+h5LiN6IO9OiBMYSBsZXR0cmU=?=",
        """
あなたのメッセージは、一部またはすべての受信者に配信できませんでした。

      件名: La lettre

次の受信者に配信できません:

      'tanaka@example.co.jp' (2026/10/12 16:12)
            メッセージの送信先の組織に電子メール アカウントが存在しません。
            <mail.example.co.jp #5.1.1>
""",
        jp="hard",
    ),
    _plain(
        "Domino",
        "bounce",
        "From: Postmaster@example.com\nSubject: DELIVERY FAILURE: User zoe (zoe@example.com) not listed in Domino Directory",
        """
Your message

  Subject: La lettre

was not delivered to:

  zoe@example.com

because:

  User zoe (zoe@example.com) not listed in Domino Directory
""",
        zoe="hard",
    ),
    _plain(
        "Domino, restricted",
        "bounce",
        "From: Postmaster@example.com\nSubject: DELIVERY FAILURE: 550 5.7.1 Unable to relay",
        """
Your message

  Subject: La lettre

was not delivered to:

  zoe@example.com

because:

  550 5.7.1 Unable to relay for zoe@example.com
""",
        zoe="policy",
    ),
    _report(
        "Zimbra, overquota",
        "bounce",
        "From: MAILER-DAEMON@zimbra.example.net (Mail Delivery System)\nSubject: Undelivered Mail Returned to Sender",
        """
This is the mail system at host zimbra.example.net.

<paul.durand@example.net>: host zimbra.example.net[/opt/zimbra/lmtp] said: 452 4.2.2
    Over quota (in reply to end of DATA command)
""",
        """
Reporting-MTA: dns; zimbra.example.net

Final-Recipient: rfc822; paul.durand@example.net
Action: failed
Status: 4.2.2
Diagnostic-Code: smtp; 452 4.2.2 Over quota
""",
        to="paul.durand@example.net",
        paul="full",
    ),
    _plain(
        "Yahoo, old free text",
        "bounce",
        "From: MAILER-DAEMON@yahoo.com\nSubject: Failure Notice",
        """
Sorry, we were unable to deliver your message to the following address.

<lea_m@yahoo.fr>:
Remote host said: 554 delivery error: dd This user doesn't have a yahoo.fr account (lea_m@yahoo.fr) [0] - mta1022.mail.ir2.yahoo.com [BODY]

--- Below this line is a copy of the message.

Received: from [192.0.2.10] by web.example
From: lettre@example.org
To: lea_m@yahoo.fr
Subject: La lettre
""",
        yahoo="hard",
    ),
    _report(
        "Yahoo, deferred for complaints and given up",
        "bounce",
        "From: MAILER-DAEMON@news.example.org\nSubject: Undelivered Mail Returned to Sender",
        "<lea_m@yahoo.fr>: host mta5.am0.yahoodns.net refused to talk to me: 421 4.7.0 [TSS04]",
        """
Reporting-MTA: dns; news.example.org

Final-Recipient: rfc822; lea_m@yahoo.fr
Action: failed
Status: 4.7.0
Diagnostic-Code: smtp; 421 4.7.0 [TSS04] Messages from 192.0.2.10 temporarily deferred due to
    unexpected volume or user complaints - 4.16.55.1; see https://postmaster.yahooinc.com/error-codes
""",
        to="lea_m@yahoo.fr",
        yahoo="blocked",
    ),
    _report(
        "AOL, unknown",
        "bounce",
        "From: MAILER-DAEMON@news.example.org\nSubject: Undelivered Mail Returned to Sender",
        "<tintin@aol.com>: host mx-aol.mail.gm0.yahoodns.net said: 552 1 Requested mail action aborted",
        """
Reporting-MTA: dns; news.example.org

Final-Recipient: rfc822; tintin@aol.com
Action: failed
Status: 5.0.0
Diagnostic-Code: smtp; 552 1 Requested mail action aborted, mailbox not found
""",
        to="tintin@aol.com",
        aol="hard",
    ),
    _report(
        "GMX, unknown",
        "bounce",
        "From: MAILER-DAEMON@news.example.org\nSubject: Undelivered Mail Returned to Sender",
        "<k.schmidt@gmx.de>: host mx01.emig.gmx.net said: 550 Requested action not taken: mailbox unavailable",
        """
Reporting-MTA: dns; news.example.org

Final-Recipient: rfc822; k.schmidt@gmx.de
Action: failed
Status: 5.0.0
Diagnostic-Code: smtp; 550-Requested action not taken: mailbox unavailable
    550 For explanation visit https://postmaster.gmx.net/en/case?c=hi&i=ip&v=192.0.2.10&r=1
""",
        to="k.schmidt@gmx.de",
        gmx="hard",
    ),
    _report(
        "web.de, policy about our address",
        "bounce",
        "From: MAILER-DAEMON@news.example.org\nSubject: Undelivered Mail Returned to Sender",
        "<uwe@web.de>: host mx-ha02.web.de refused to talk to me: 554-web.de Nemesis ESMTP Service not available",
        """
Reporting-MTA: dns; news.example.org

Final-Recipient: rfc822; uwe@web.de
Action: failed
Status: 5.0.0
Diagnostic-Code: smtp; 554-web.de (mxweb111) Nemesis ESMTP Service not available
    554-No SMTP service 554-Bad DNS PTR resource record. 554 For explanation visit
    https://postmaster.web.de/error-messages?ip=192.0.2.10&c=rdns
""",
        to="uwe@web.de",
        webde="blocked",
    ),
    _report(
        "T-Online, block",
        "bounce",
        "From: MAILER-DAEMON@news.example.org\nSubject: Undelivered Mail Returned to Sender",
        "<h.meier@t-online.de>: host mx00.t-online.de refused to talk to me: 554",
        """
Reporting-MTA: dns; news.example.org

Final-Recipient: rfc822; h.meier@t-online.de
Action: failed
Status: 5.0.0
Diagnostic-Code: smtp; 554 IP=192.0.2.10 - A problem occurred. (Ask your postmaster for help or to
    contact tobr@rx.t-online.de to clarify.) (BL)
""",
        to="h.meier@t-online.de",
        tonline="blocked",
    ),
    _report(
        "Mail.ru, unknown",
        "bounce",
        "From: MAILER-DAEMON@news.example.org\nSubject: Undelivered Mail Returned to Sender",
        "<ivan@mail.ru>: host mxs.mail.ru said: 550 Message was not accepted -- invalid mailbox.",
        """
Reporting-MTA: dns; news.example.org

Final-Recipient: rfc822; ivan@mail.ru
Action: failed
Status: 5.0.0
Diagnostic-Code: smtp; 550 Message was not accepted -- invalid mailbox. Local mailbox
    ivan@mail.ru is unavailable: user not found
""",
        to="ivan@mail.ru",
        mailru="hard",
    ),
    _plain(
        "QQ, system letter in Chinese",
        "bounce",
        "From: PostMaster@qq.com\nSubject: =?gb18030?B?z7XNs83L0MU=?=",
        """
尊敬的用户，您好！

您的邮件没有投递到以下收件人：

收件人：123456@qq.com
主题：La lettre

退信原因：收件人邮件地址（123456@qq.com）不存在，邮件无法送达。
host mx3.qq.com said: 550 Mailbox not found. http://service.mail.qq.com/cgi-bin/help?subtype=1
""",
        encoding="gb18030",
        qq="hard",
    ),
    _report(
        "MessageLabs, unknown",
        "bounce",
        "From: MAILER-DAEMON@server-1.messagelabs.com\nSubject: Mail Delivery Failure",
        """
This is the mail delivery agent at messagelabs.com.
I was unable to deliver your message to the following addresses:

paul.durand@example.net

Reason: 550 Invalid recipient <paul.durand@example.net> (#5.1.1)
""",
        """
Reporting-MTA: dns; server-1.messagelabs.com

Final-Recipient: rfc822; paul.durand@example.net
Action: failed
Status: 5.0.0
Diagnostic-Code: smtp; 550 Invalid recipient <paul.durand@example.net> (#5.1.1)
""",
        to="paul.durand@example.net",
        paul="hard",
    ),
    _report(
        "Barracuda",
        "bounce",
        "From: MAILER-DAEMON@news.example.org\nSubject: Undelivered Mail Returned to Sender",
        "<zoe@example.com>: host d1.ess.barracudanetworks.com said: 550 permanent failure for one or more recipients (zoe@example.com:blocked)",
        """
Reporting-MTA: dns; news.example.org

Final-Recipient: rfc822; zoe@example.com
Action: failed
Status: 5.0.0
Diagnostic-Code: smtp; 550 permanent failure for one or more recipients (zoe@example.com:blocked)
""",
        zoe="spam",
    ),
    _report(
        "Mimecast, unknown",
        "bounce",
        "From: MAILER-DAEMON@news.example.org\nSubject: Undelivered Mail Returned to Sender",
        "<zoe@example.com>: host eu-smtp-inbound-1.mimecast.com said: 550 Invalid Recipient",
        """
Reporting-MTA: dns; news.example.org

Final-Recipient: rfc822; zoe@example.com
Action: failed
Status: 5.0.0
Diagnostic-Code: smtp; 550 Invalid Recipient - https://community.mimecast.com/docs/DOC-1369#550
    [k3yVXb1fNqq2]
""",
        zoe="hard",
    ),
    _report(
        "Proofpoint, blocked",
        "bounce",
        "From: MAILER-DAEMON@news.example.org\nSubject: Undelivered Mail Returned to Sender",
        "<zoe@example.com>: host mx1-us1.ppe-hosted.com refused to talk to me",
        """
Reporting-MTA: dns; news.example.org

Final-Recipient: rfc822; zoe@example.com
Action: failed
Status: 5.0.0
Diagnostic-Code: smtp; 554 Blocked - see https://ipcheck.proofpoint.com/?ip=192.0.2.10
""",
        zoe="blocked",
    ),
    _plain(
        "IronPort, text alone",
        "bounce",
        "From: Mail Delivery System <MAILER-DAEMON@esa1.example.com>\nSubject: Delivery Status Notification (Failure)",
        """
The following message to <zoe@example.com> was undeliverable.
The reason for the problem:
5.1.0 - Unknown address error 550-'5.1.1 <zoe@example.com>: Recipient address rejected: User unknown in local recipient table'
""",
        zoe="hard",
    ),
    _plain(
        "IronPort, gave up",
        "bounce",
        "From: Mail Delivery System <MAILER-DAEMON@esa1.example.com>\nSubject: Delivery Status Notification (Failure)",
        """
The following message to <zoe@example.com> was undeliverable.
The reason for the problem:
5.4.7 - Delivery expired (message too old) 'timeout'
""",
        zoe="expired",
    ),
    _plain(
        "OVH, text alone",
        "bounce",
        "From: MAILER-DAEMON@mx1.mail.ovh.net (Mail Delivery System)\nSubject: Undelivered Mail Returned to Sender",
        """
This is the mail system at host mx1.mail.ovh.net.

I'm sorry to have to inform you that your message could not
be delivered to one or more recipients. It's attached below.

                   The mail system

<contact@asso-example.fr>: host mx.asso-example.fr[198.51.100.44] said: 550 5.1.1
    <contact@asso-example.fr>: Recipient address rejected: User unknown in
    virtual mailbox table (in reply to RCPT TO command)
""",
        ovh="hard",
    ),
    _report(
        "Postfix, DNS gone",
        "bounce",
        "From: MAILER-DAEMON@news.example.org (Mail Delivery System)\nSubject: Undelivered Mail Returned to Sender",
        """
This is the mail system at host news.example.org.

<zoe@example.com>: Host or domain name not found. Name service error for
    name=example.com type=AAAA: Host not found
""",
        """
Reporting-MTA: dns; news.example.org

Final-Recipient: rfc822; zoe@example.com
Action: failed
Status: 5.4.4
Diagnostic-Code: X-Postfix; Host or domain name not found. Name service error for
    name=example.com type=AAAA: Host not found
""",
        zoe="hard",
    ),
    _report(
        "Postfix, greylisted until the end",
        "bounce",
        "From: MAILER-DAEMON@news.example.org (Mail Delivery System)\nSubject: Undelivered Mail Returned to Sender",
        "<zoe@example.com>: host mx.example.com[198.51.100.3] said: 450 4.2.0 Greylisted",
        """
Reporting-MTA: dns; news.example.org

Final-Recipient: rfc822; zoe@example.com
Action: failed
Status: 4.2.0
Diagnostic-Code: smtp; 450 4.2.0 <zoe@example.com>: Recipient address rejected: Greylisted, see http://postgrey.example/help
""",
        zoe="soft",
    ),
    _report(
        "Exchange, restricted group",
        "bounce",
        "From: Microsoft Outlook <MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@example.com>\n"
        "Subject: Undeliverable: La lettre",
        """
Delivery has failed to these recipients or groups:

Zoe Martin (zoe@example.com)<mailto:zoe@example.com>
You don't have permission to send to this recipient. For assistance, contact your system administrator.
""",
        """
Reporting-MTA: dns;EX01.example.com

Final-Recipient: rfc822;zoe@example.com
Action: failed
Status: 5.7.1
Diagnostic-Code: smtp;550 5.7.1 RESOLVER.RST.AuthRequired; authentication required
X-Display-Name: Zoe Martin
""",
        zoe="policy",
    ),
    _report(
        "Office 365, directory edge block",
        "bounce",
        "From: MAILER-DAEMON@news.example.org\nSubject: Undelivered Mail Returned to Sender",
        "<zoe@example.com>: host example-com.mail.protection.outlook.com said: 550 5.4.1 Recipient address rejected: Access denied.",
        """
Reporting-MTA: dns; news.example.org

Final-Recipient: rfc822; zoe@example.com
Action: failed
Status: 5.4.1
Diagnostic-Code: smtp; 550 5.4.1 Recipient address rejected: Access denied.
    AS(201806281) [AM7EUR06FT022.eop-eur06.prod.protection.outlook.com]
""",
        zoe="hard",
    ),
    _plain(
        "docomo, odd address",
        "bounce",
        "From: MAILER-DAEMON@docomo.ne.jp\nSubject: Mail System Error - Returned Mail",
        """
This Message was undeliverable due to the following reason:

Each of the following recipients was rejected by a remote mail server.

    Recipient: <hana..u.@docomo.ne.jp>
    Reason:    550 Unknown user hana..u.@docomo.ne.jp
""",
        docomo="hard",
    ),
    written(
        "vacation in German with a null path",
        "auto_reply",
        """
Return-Path: <>
From: Karin Schmidt <k.schmidt@gmx.de>
To: lettre@retour.example.org
Subject: Abwesenheitsnotiz: La lettre
Auto-Submitted: auto-replied
Content-Type: text/plain; charset=utf-8

Guten Tag, ich bin bis zum 20. Oktober nicht im Büro. Ihre Nachricht wird nicht weitergeleitet.
Bei technischen Fehlern (z. B. 550 user unknown) wenden Sie sich bitte an postmaster@gmx.de.
""",
    ),
    written(
        "a person quotes a bounce",
        "human",
        """
From: Paul Durand <paul.durand@example.net>
To: lettre@example.org
Subject: Re: Undelivered Mail Returned to Sender
Content-Type: text/plain; charset=utf-8

Bonjour, j'ai reçu ceci en vous écrivant hier, pouvez-vous vérifier votre adresse ?

> This is the mail system at host mx.example.net.
> <lettre@example.org>: host mx.example.org said: 550 5.1.1 User unknown
""",
    ),
    written(
        "a person says that a mail did not arrive",
        "human",
        """
From: Zoe <zoe@example.com>
To: lettre@example.org
Subject: message non distribué
Content-Type: text/plain; charset=utf-8

Bonjour, ma voisine me dit que votre message n'a pas pu être remis à yann@example.com, sa boîte est pleine.
Pouvez-vous le renvoyer la semaine prochaine ? Merci
""",
    ),
    written(
        "a parcel could not be delivered",
        "other",
        """
From: Colis Express <notification@colis.example>
To: lettre@example.org
Subject: Votre colis n'a pas pu être livré
List-Unsubscribe: <https://colis.example/u>
Content-Type: text/plain; charset=utf-8

Votre colis 550 123 456 n'a pas pu être livré à l'adresse suivante. Reprogrammez la livraison.
""",
    ),
    written(
        "challenge in French",
        "challenge",
        """
From: Zoe Martin <zoe@example.com>
To: lettre@retour.example.org
Subject: Re: La lettre - demande d'authentification
Content-Type: text/plain; charset=utf-8

Bonjour, je suis protégée contre le spam. Pour que votre message me parvienne, veuillez
vous authentifier en cliquant sur le lien : https://verify.example/auth/ab12. Mailinblack
""",
        zoe="challenge",
    ),
    written(
        "read receipt of Outlook",
        "other",
        """
From: Zoe <zoe@example.com>
To: lettre@example.org
Subject: Lu : La lettre
MIME-Version: 1.0
Content-Type: multipart/report; report-type=disposition-notification; boundary=b

--b
Content-Type: text/plain

Votre message a été lu le lundi 12 octobre 2026.
--b
Content-Type: message/disposition-notification

Reporting-UA: example.com; Microsoft Outlook
Final-Recipient: rfc822;zoe@example.com
Original-Message-ID: <1@example.org>
Disposition: manual-action/MDN-sent-manually; displayed
--b--
""",
    ),
)
