"""Every reply in the format of a program, in turn; and each format with a few replies of its own."""

from tests.unit.outcomes.corpus.case import Case
from tests.unit.outcomes.corpus.formats import FORMATS
from tests.unit.outcomes.corpus.more_replies import MORE_REPLIES
from tests.unit.outcomes.corpus.replies import REPLIES

_TO = (
    "zoe@example.com",
    "Paul.Durand@Example.net",
    "contact@asso-example.fr",
    "m.o'neill+news@example.co.uk",
)


def _made(number: int, reply: str, meaning: str, step: int) -> Case:
    to = _TO[number % len(_TO)]
    program = FORMATS[(number + step) % len(FORMATS)]
    raw = program(to, reply.replace("@", to) if "<@>" in reply or " @" in reply or "(@)" in reply else reply)
    return Case(f"{program.__name__}: {reply or 'nothing'}", raw, "bounce", {to.lower(): meaning})


MADE = tuple(
    _made(number, reply, meaning, step)
    for replies, step in ((REPLIES, 0), (REPLIES, 5), (MORE_REPLIES, 3))
    for number, (reply, meaning) in enumerate(replies)
)  # fmt: skip
