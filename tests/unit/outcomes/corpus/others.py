"""Complaints, delays, and all that is no bounce."""

from tests.unit.outcomes.corpus.case import Case, written
from tests.unit.outcomes.corpus.formats import OURS


def _person(
    name: str, kind: str, subject: str, text: str, more: str = "", *,
    sender: str = "Zoe <zoe@example.com>", **who: str,
) -> Case:  # fmt: skip
    head = f"From: {sender}\nTo: lettre@example.org\nSubject: {subject}\n{more}Content-Type: text/plain; charset=utf-8\n\n"
    return written(name, kind, f"{head}{text.strip()}\n", **who)


def _feedback(
    name: str, fields: str, back: str, *, alone: bool = False, to: str = "zoe@example.com", **who: str
) -> Case:
    kind = "text/rfc822-headers" if alone else "message/rfc822"
    return written(name, "complaint", f"""From: feedback@provider.example
To: fbl@example.org
Subject: FW: La lettre d'octobre
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="f"

--f
Content-Type: text/plain; charset="US-ASCII"

This is an email abuse report for an email message received from IP
192.0.2.10 on Mon, 12 Oct 2026 09:12:40 +0200.
For more information about this format please see http://www.mipassoc.org/arf/.
--f
Content-Type: message/feedback-report

{fields.strip()}
--f
Content-Type: {kind}

{back or OURS.format(to=to)}
--f--
""", **who)  # fmt: skip


_ABUSE = "Feedback-Type: abuse\nUser-Agent: SomeGenerator/1.0\nVersion: 1"

COMPLAINTS = (
    _feedback("RFC 5965, recipient in the report", f"{_ABUSE}\nOriginal-Rcpt-To: <zoe@example.com>\nOriginal-Mail-From: <lettre@retour.example.org>", "", to="undisclosed-recipients:;", zoe="spam"),
    _feedback("RFC 5965, recipient in the message", _ABUSE, "", zoe="spam"),
    _feedback("headers alone", f"{_ABUSE}\nRemoval-Recipient: zoe@example.com", "", alone=True, zoe="spam"),
    _feedback("headers alone, recipient in them", _ABUSE, "", alone=True, zoe="spam"),
    _feedback("opt-out", "Feedback-Type: opt-out\nVersion: 0.1\nRemoval-Recipient: zoe@example.com", "", zoe="spam"),
    _feedback("authentication failure", "Feedback-Type: auth-failure\nVersion: 1\nAuth-Failure: dmarc\nOriginal-Rcpt-To: zoe@example.com", "", alone=True, zoe="authentication"),
    _feedback("redacted", f"{_ABUSE}\nOriginal-Rcpt-To: redacted@provider.example", "", to="redacted-address@provider.example"),
    _feedback("recipient in Received alone", _ABUSE, "Received: from news.example.org by mx.example.com for <zoe@example.com>; Mon, 12 Oct 2026 09:12:40 +0200\nFrom: lettre@example.org\nSubject: La lettre\n", zoe="spam"),
    written("Microsoft JMRP", "complaint", f"""From: staff@hotmail.com
To: jmrp@example.org
Subject: complaint about message from 192.0.2.10
X-HmXmrOriginalRecipient: hugo.b@hotmail.fr
MIME-Version: 1.0
Content-Type: message/rfc822

{OURS.format(to="hugo.b@hotmail.fr")}
""", outlook="spam"),
    written("Microsoft JMRP, inside", "complaint", f"""From: staff@hotmail.com
To: jmrp@example.org
Subject: complaint about message from 192.0.2.10
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=j

--j
Content-Type: message/rfc822

X-HmXmrOriginalRecipient: hugo.b@hotmail.fr
{OURS.format(to="undisclosed:;")}
--j--
""", outlook="spam"),
    written("Signal Spam", "complaint", f"""From: fbl@signal-spam.example
To: fbl@example.org
Subject: Signalement
Content-Type: multipart/report; boundary=s; report-type="feedback-report"

--s
Content-Type: text/plain; charset=utf-8

Ceci est un signalement.
--s
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: SignalSpam/1.0
Version: 0.1
Original-Rcpt-To: nadia@sfr.fr
--s
Content-Type: message/rfc822

{OURS.format(to="nadia@sfr.fr")}
--s--
""", sfr="spam"),
    written("feedback report in a plain part", "complaint", f"""From: abuse@provider.example
To: fbl@example.org
Subject: Abuse report
Content-Type: multipart/mixed; boundary=p

--p
Content-Type: text/plain

This is an abuse report about a message from 192.0.2.10.
--p
Content-Type: message/rfc822

{OURS.format(to="zoe@example.com")}
--p--
""", zoe="spam"),
)  # fmt: skip

_DELAYS = (
    written("Postfix, delayed", "delay", """From: MAILER-DAEMON@news.example.org (Mail Delivery System)
To: lettre@retour.example.org
Subject: Delayed Mail (still being retried)
Content-Type: multipart/report; report-type=delivery-status; boundary=x

--x
Content-Type: text/plain

####################################################################
# THIS IS A WARNING ONLY.  YOU DO NOT NEED TO RESEND YOUR MESSAGE. #
####################################################################

<zoe@example.com>: connect to mx.example.com[198.51.100.3]:25: Connection timed out
--x
Content-Type: message/delivery-status

Reporting-MTA: dns; news.example.org

Final-Recipient: rfc822; zoe@example.com
Action: delayed
Status: 4.4.1
Diagnostic-Code: X-Postfix; connect to mx.example.com[198.51.100.3]:25: Connection timed out
Will-Retry-Until: Sat, 17 Oct 2026 09:12:40 +0200
--x--
""", zoe="soft"),
    written("Exchange, delayed, in French", "delay", """From: postmaster@ville-example.fr
To: lettre@retour.example.org
Subject: Remise retardée : La lettre

La remise à ces destinataires ou groupes est retardée :

mairie@ville-example.fr

Nous continuerons à essayer. Inutile de renvoyer le message.
""", town="soft"),
    written("German delay", "delay", """From: Mail Delivery System <MAILER-DAEMON@example.de>
To: lettre@retour.example.org
Subject: Zustellung verzögert

Ihre Nachricht an k.schmidt@gmx.de konnte noch nicht zugestellt werden. Weitere Versuche folgen.
""", gmx="soft"),
)  # fmt: skip

_AUTO = (
    _person("out of office, no header", "auto_reply", "Out of Office: La lettre", "I am out of the office until Monday."),
    _person("automatic reply", "auto_reply", "Automatic reply: La lettre", "I am on leave.", "Auto-Submitted: auto-replied\n"),
    _person("réponse automatique", "auto_reply", "Réponse automatique : La lettre", "Je suis absente jusqu'au 3 novembre."),
    _person("absence du bureau", "auto_reply", "Absence du bureau : La lettre", "Bonjour, je serai de retour le 12."),
    _person("German", "auto_reply", "Automatische Antwort: La lettre", "Ich bin im Urlaub."),
    _person("Spanish", "auto_reply", "Respuesta automática: La lettre", "Estoy fuera de la oficina."),
    _person("Italian", "auto_reply", "Risposta automatica: La lettre", "Sono fuori ufficio fino al 3."),
    _person("Portuguese", "auto_reply", "Resposta automática: La lettre", "Estou de férias."),
    _person("Dutch", "auto_reply", "Automatisch antwoord: La lettre", "Ik ben afwezig tot maandag."),
    _person("Polish", "auto_reply", "Odpowiedź automatyczna: La lettre", "Przebywam na urlopie."),
    _person("Swedish", "auto_reply", "Autosvar: La lettre", "Jag är på semester."),
    _person("Finnish", "auto_reply", "Automaattinen vastaus: La lettre", "Olen lomalla."),
    _person("Danish", "auto_reply", "Automatisk svar: La lettre", "Jeg er på ferie."),
    _person("Russian", "auto_reply", "Автоответ: La lettre", "Я в отпуске до понедельника."),
    _person("Japanese", "auto_reply", "自動応答: La lettre", "ただいま不在にしております。"),
    _person("Chinese", "auto_reply", "自动回复: La lettre", "您好，我正在休假。"),
    _person("Korean", "auto_reply", "부재중 자동 응답: La lettre", "휴가 중입니다."),
    _person("Turkish", "auto_reply", "Otomatik Yanıt: La lettre", "Ofis dışındayım."),
    _person("Czech", "auto_reply", "Automatická odpověď: La lettre", "Jsem na dovolené."),
    _person("vacation(1)", "auto_reply", "Re: La lettre", "Je ne lis pas mon courrier.", "Auto-Submitted: auto-replied (vacation)\nPrecedence: junk\n"),
    _person("cPanel", "auto_reply", "Merci de votre message", "Nous répondons sous 48 h.", "X-Autorespond: La lettre\nPrecedence: auto_reply\n"),
    _person("left the company, null path", "auto_reply", "Départ", "Paul no longer works for Example. This mailbox is no longer monitored.", "Return-Path: <>\n"),
    _person("vacation that speaks of undelivered mail", "auto_reply", "Réponse automatique : non distribué", "Je suis absent. Votre message n'a pas pu être lu.", "Return-Path: <>\nAuto-Submitted: auto-replied\n"),
    _person("old address, says where to write", "auto_reply", "Auto: address changed", "This address no longer exists, please write to zoe.new@example.com. This is an automatic reply.", "Auto-Submitted: auto-replied\n"),
)  # fmt: skip

_PEOPLE = (
    _person("a thank you", "human", "Re: La lettre d'octobre", "Merci pour cette lettre, très intéressante !"),
    _person("a question", "human", "Question", "Bonjour, où trouver le programme du 12 ? Cordialement"),
    _person("Outlook quotes with headers", "human", "RE: La lettre", "Merci beaucoup.\n\n-----Message d'origine-----\nDe : La lettre\nEnvoyé : lundi\nÀ : zoe@example.com\nObjet : La lettre\n\nBonjour"),
    _person("asks whether mail arrives", "human", "Mails non reçus", "Je ne reçois plus vos messages, erreur 550 5.1.1 d'après mon voisin (paul.durand@example.net). Est-ce normal ?"),
    _person("forwards a bounce", "human", "TR: Undelivered Mail Returned to Sender", "Regarde ça.\n\n<yann@example.com>: host mx said: 550 5.1.1 User unknown"),
    _person("a postmaster who is a person", "human", "Re: vos envois vers example.com", "Bonjour, votre adresse 192.0.2.10 n'est plus sur notre liste.\nBien à vous, Paul", sender="Paul Durand <paul.durand@example.net>"),
    _person("in German", "human", "AW: La lettre", "Vielen Dank, sehr interessant. Mein Postfach ist oft voll, bitte kürzer!"),
    _person("holiday plans", "human", "Vacances", "Je pars en vacances le 12, on se voit après ?"),
    _person("a wish to leave among words", "human", "Re: La lettre", "Bonjour, j'aime beaucoup mais recevoir moins de messages serait bien. Merci"),
    _person("a new address", "human", "Changement d'adresse", "Bonjour, mon ancienne adresse yann@example.com n'existe plus, écrivez-moi ici."),
)  # fmt: skip

_LEAVING = (
    _person("unsubscribe", "unsubscribe", "unsubscribe", ""),
    _person("désinscription", "unsubscribe", "Désinscription", "Merci."),
    _person("Re: désabonnement", "unsubscribe", "Re: désabonnement", ""),
    _person("the one word of a mail", "unsubscribe", "Re: La lettre", "Désabonner\n\nLe 12 oct. 2026 à 09:12, La lettre <lettre@example.org> a écrit :\n> Bonjour"),
)  # fmt: skip

_MAILINGS = (
    _person("newsletter about mail", "other", "Why is my mail returned?", "Your message could not be delivered: 550 5.1.1. Ten reasons.", "List-Id: <tips.example>\nList-Unsubscribe: <mailto:x@y.example>\nPrecedence: bulk\n"),
    _person("order confirmation", "other", "Delivery status of your order", "Your parcel is on its way.", "Auto-Submitted: auto-generated\n", sender="Shop <noreply@shop.example>"),
    written("answer to an invitation", "other", """From: Zoe <zoe@example.com>
To: lettre@example.org
Subject: Accepted: Réunion
Content-Type: multipart/alternative; boundary=c

--c
Content-Type: text/plain

Zoe has accepted this invitation.
--c
Content-Type: text/calendar; method=REPLY; charset=utf-8

BEGIN:VCALENDAR
METHOD:REPLY
END:VCALENDAR
--c--
"""),
    written("receipt, deleted unread", "other", """From: Zoe <zoe@example.com>
To: lettre@example.org
Subject: Non lu : La lettre
Content-Type: multipart/report; report-type=disposition-notification; boundary=c

--c
Content-Type: text/plain

Votre message a été supprimé sans avoir été lu.
--c
Content-Type: message/disposition-notification

Final-Recipient: rfc822;zoe@example.com
Disposition: automatic-action/MDN-sent-automatically; deleted
--c--
"""),
    written("delivered", "other", """From: MAILER-DAEMON@mx.example.net
To: lettre@retour.example.org
Subject: Delivery Status Notification (Success)
Content-Type: multipart/report; report-type=delivery-status; boundary=c

--c
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net

Final-Recipient: rfc822; zoe@example.com
Action: relayed
Status: 2.1.9
--c--
"""),
    written("DMARC aggregate", "other", """From: noreply-dmarc-support@google.com
To: dmarc@example.org
Subject: Report domain: example.org Submitter: google.com
Auto-Submitted: auto-generated
Content-Type: application/zip; name="google.com!example.org.zip"
Content-Transfer-Encoding: base64

UEsDBBQAAAAIAA==
"""),
    written("not spam", "other", f"""From: feedback@provider.example
To: fbl@example.org
Subject: not spam
Content-Type: multipart/report; report-type=feedback-report; boundary=f

--f
Content-Type: message/feedback-report

Feedback-Type: not-spam
Version: 1
--f
Content-Type: message/rfc822

{OURS.format(to="zoe@example.com")}
--f--
"""),
    written("quota warning to ourselves", "other", """From: System Administrator <postmaster@example.org>
To: lettre@example.org
Subject: Your mailbox is almost full

Your mailbox lettre@example.org is 90 % full. Please delete some messages.
"""),
    written("held by a list", "other", """From: liste-bounces@lists.example.net
To: lettre@example.org
Subject: Your message to Liste awaits moderator approval
Precedence: bulk
List-Id: <liste.lists.example.net>
Auto-Submitted: auto-generated

Your mail to 'Liste' with the subject La lettre is being held until the list moderator can review it.
"""),
)  # fmt: skip

_CHALLENGES = (
    _person("Boxbe", "challenge", "La lettre (Action Required)", "Your message is waiting. To have your message delivered, please confirm that you are a human: https://www.boxbe.com/x", zoe="challenge"),
    _person("Spam Arrest", "challenge", "Re: La lettre [Verification]", "Click the link below to complete the verification process: http://www.spamarrest.com/a2?x", zoe="challenge"),
    _person("TMDA", "challenge", "Please confirm your message", "This message was created automatically by mail delivery software (TMDA). Please reply to this message to confirm.", "Auto-Submitted: auto-replied\n", zoe="challenge"),
    _person("UOL", "challenge", "AntiSpam UOL", "Para que sua mensagem seja entregue, clique no link abaixo para confirmar o envio. AntiSpam UOL", zoe="challenge"),
    _person("in French", "challenge", "Votre message est en attente", "Afin que votre message soit remis à son destinataire, confirmez que vous n'êtes pas un robot.", "Return-Path: <>\n", zoe="challenge"),
)  # fmt: skip

OTHERS = (*_DELAYS, *_AUTO, *_PEOPLE, *_LEAVING, *_MAILINGS, *_CHALLENGES)
