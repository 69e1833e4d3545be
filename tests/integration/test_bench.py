"""The bench's recipients are as good as imported ones: a send to them proves what it claims to."""

from bench import path
from bench.crowd import Crowd
from mailer.db import transaction, utcnow
from mailer.issues import editing
from mailer.people import verification
from mailer.sending import audience
from mailer.settings import Settings


def test_every_consent_is_a_valid_link_of_one_chain(clean: None) -> None:
    crowd = Crowd()
    crowd.subscribe(path.newsletter("first"), 3)
    crowd.subscribe(path.newsletter("second"), 2)
    with transaction() as db:
        found = verification.verify(db, now=utcnow())
    assert found.whole
    assert found.events == found.payloads == 5


def test_everybody_is_in_the_audience(clean: None, settings: Settings) -> None:
    Crowd().subscribe(path.newsletter("lettre"), 7)
    issue_id = path.draft("lettre")
    with transaction() as db:
        issue = editing.get(db, issue_id)
        assert issue
        now = utcnow()
        editing.schedule(db, issue, due_at=now, approver="bench", now=now, settings=settings)
        frozen = audience.freeze(db, issue_id, now=now)
    assert frozen
    assert (frozen.audience, frozen.excluded) == (7, 0)
