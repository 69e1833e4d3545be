"""Whether a relay's refusals are about each recipient, or about us.  Pure.

A 5xx may be about the sender, the login or the letter at any stage: Postfix answers at RCPT for all of them.
It is *suspect*, and final for nobody until a person has judged, by its status, or when one wording refuses
ten in a row across two domains, or a fifth of the last fifty.  Suspects in such numbers trip the breaker: for
the issue, or for one provider where that provider alone refuses so.
"""

from collections import defaultdict, deque
from collections.abc import Collection
from typing import NamedTuple

from mailer.delivery.message import Letter, Recipient
from mailer.smtp import replies
from mailer.smtp.providers import OTHER
from mailer.smtp.replies import Reply

IN_A_ROW, DOMAINS = 10, 2
LAST, PART = 50, 10


class LetterTooBig(Exception):
    """The relay says, before the first message, that it takes no letter of this size."""


class Ending(NamedTuple):
    """How one message was answered."""

    lane: str
    domain: str
    wording: str | None  # of a refusal; None: any other answer
    suspect: bool  # by its status

    def like(self, other: "Ending") -> bool:
        return self.wording == other.wording or (self.suspect and other.suspect)


class Trip(NamedTuple):
    """What the breaker has tripped on."""

    lane: str | None  # None: everybody
    wording: str
    reason: str


class Window:
    """The last endings, of all or of one lane."""

    def __init__(self) -> None:
        self.last: deque[Ending] = deque(maxlen=LAST)

    def trips(self, ending: Ending) -> bool:
        """Note it; return whether it is one refusal too many of its kind."""
        self.last.append(ending)
        if ending.wording is None:
            return False
        run = list(self.last)[-IN_A_ROW:]
        in_a_row = len(run) == IN_A_ROW and all(ending.like(each) for each in run)
        if in_a_row and len({each.domain for each in run}) >= DOMAINS:
            return True
        return len(self.last) == LAST and sum(map(ending.like, self.last)) >= PART

    def alone(self, ending: Ending) -> bool:
        """Return whether its lane alone refuses so, while others are accepted."""
        ours = {each.lane for each in self.last if ending.like(each)} == {ending.lane}
        return ours and any(each.wording is None and each.lane != ending.lane for each in self.last)


class Breaker:
    """One sender's view of one issue's refusals."""

    def __init__(self) -> None:
        self.trips: list[Trip] = []  # not yet told to the ledger
        self.stopped = False  # it has tripped for everybody: nothing more begins before a person has judged
        self._taken: Collection[str] = ()
        self._doubted: set[tuple[str | None, str]] = set()  # what it has tripped on: lane (or all), wording
        self._all, self._lanes = Window(), defaultdict[str, Window](Window)
        self._fine: dict[str, Ending] = {}  # by lane; most messages end so

    def heed(self, taken: Collection[str]) -> None:
        """Take these wordings for what they say from now on: a person has judged them."""
        self._taken, self.stopped = taken, False

    def accepted(self, lane: str) -> None:
        """Note that a message was taken."""
        ending = self._fine.get(lane) or self._fine.setdefault(lane, Ending(lane, "", None, suspect=False))
        self._all.last.append(ending)
        if lane != OTHER:
            self._lanes[lane].last.append(ending)

    def suspects(self, lane: str, address: str, answer: Reply) -> bool:
        """Note how a message was answered; return whether that is a refusal which is not final."""
        ending = self._read(lane, address, answer)
        trips = self._all.trips(ending)
        if lane != OTHER:
            trips |= self._lanes[lane].trips(ending)
        if ending.wording is None:
            return False
        if trips:
            alone = lane != OTHER and self._all.alone(ending)
            self.trips.append(Trip(lane if alone else None, ending.wording, replies.said(answer)))
            self._doubted.add((self.trips[-1].lane, ending.wording))
            self.stopped |= not alone
            self._all, self._lanes[lane] = Window(), Window()
        return ending.suspect or bool(self._doubted & {(None, ending.wording), (lane, ending.wording)})

    def _read(self, lane: str, address: str, answer: Reply) -> Ending:
        if answer.code // 100 == 5 and (wording := replies.wording(answer)) not in self._taken:
            return Ending(lane, address.rpartition("@")[2], wording, replies.is_suspect(answer))
        return Ending(lane, "", None, suspect=False)


def measure(letter: Letter, limit: int, taken: Collection[str]) -> None:
    """Compare a letter with how many bytes the relay says it takes; 0: it does not say.  Raises LetterTooBig.

    Whoever took that refusal as it is has every message tried.
    """
    size = len(letter.to(Recipient(1, "somebody@example.org", None)).message) if limit else 0
    reason = f"552 5.3.4 the letter weighs {-(-size // 1000)} kB, the relay takes {limit // 1000} kB"
    if size > limit and replies.wording(Reply(0, "", reason)) not in taken:
        raise LetterTooBig(reason)
