"""What a Postfix log proves."""

from mailer.smtp.postfix_log import taken

LOG = """\
Nov 24 08:00:01 relay postfix/smtpd[9]: connect from mailer[10.0.0.2]
Nov 24 08:00:01 relay postfix/cleanup[12]: 4F1: message-id=<taken@bounces.example.org>
Nov 24 08:00:01 relay postfix/qmgr[3]: 4F1: from=<b-x@bounces.example.org>, size=45000, nrcpt=1 (queue active)
Nov 24 08:00:01 relay postfix/cleanup[12]: 4F2: message-id=<cut@bounces.example.org>
Nov 24 08:00:01 relay postfix/smtpd[9]: lost connection after DATA (1402 bytes) from mailer[10.0.0.2]
2026-11-24T08:00:02.1+01:00 relay postfix/submission/cleanup[12]: 3kQ: message-id=<modern@bounces.example.org>
2026-11-24T08:00:02.2+01:00 relay postfix/qmgr[3]: 3kQ: from=<>, size=1, nrcpt=1 (queue active)
2026-11-24T08:00:09.2+01:00 relay postfix/qmgr[3]: 3kQ: from=<>, size=1, nrcpt=1 (queue active)
"""


def test_only_what_was_queued_was_taken() -> None:
    assert list(taken(LOG.splitlines())) == ["taken@bounces.example.org", "modern@bounces.example.org"]
