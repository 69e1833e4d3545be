"""What a mail that came back tells: its kind, whom it is about, and what their server meant.  Pure."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID


class MailKind(StrEnum):
    """Name what a mail is."""

    BOUNCE = "bounce"  # a message was given up
    COMPLAINT = "complaint"  # a person, or a provider for them, calls a message unwanted (RFC 5965)
    UNSUBSCRIBE = "unsubscribe"
    AUTO_REPLY = "auto_reply"
    CHALLENGE = "challenge"  # a robot that wants proof of a human sender
    DELAY = "delay"  # a message is still being tried
    HUMAN = "human"
    OTHER = "other"  # newsletters, receipts, answers to invitations, reports: nobody waits for a reply


class Meaning(StrEnum):
    """Name what a mail server meant by its refusal."""

    HARD = "hard"  # there is no such mailbox
    SOFT = "soft"  # not now, or closed for a while
    FULL = "full"
    BLOCKED = "blocked"  # our server, its address or its reputation
    SPAM = "spam"  # the message, as it was weighed
    AUTHENTICATION = "authentication"  # SPF, DKIM, DMARC
    POLICY = "policy"  # their rules: relaying, closed lists, refused senders
    CONTENT = "content"  # its form, or what is attached
    TOO_BIG = "too_big"
    EXPIRED = "expired"  # tried for as long as their relay tries
    CHALLENGE = "challenge"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Judgement:
    """Hold a meaning, and the name of the rule that decided."""

    meaning: Meaning
    rule: str


@dataclass(frozen=True, slots=True)
class AddressOutcome:
    """Hold what became of one address."""

    address: str  # normalised
    meaning: Meaning
    rule: str
    status: str | None = None  # RFC 3463
    code: int | None = None  # RFC 5321


@dataclass(frozen=True, slots=True)
class Ours:
    """Name what we sent, as a token of ours proves it."""

    delivery: tuple[UUID, int] | None = None  # send id and position
    notice: UUID | None = None

    def as_json(self) -> dict[str, str]:
        """Return one of {"delivery": "SEND-ID/POSITION"} and {"notice": "ID"}."""
        if self.delivery:
            return {"delivery": f"{self.delivery[0].hex}/{self.delivery[1]}"}
        return {"notice": self.notice.hex} if self.notice else {}


@dataclass(frozen=True, slots=True)
class Report:
    """Hold all that was understood of a mail."""

    kind: MailKind
    rule: str  # which way it was recognised, and which rule judged
    outcomes: tuple[AddressOutcome, ...] = ()
    ours: Ours | None = None

    def as_json(self) -> dict[str, Any]:
        """Return it in the shape of `mailer outcomes classify --json`, without the file."""
        return {
            "kind": self.kind.value,
            "recipients": [
                {"address": one.address, "verdict": one.meaning.value, "status": one.status, "code": one.code}
                for one in self.outcomes
            ],
            "ours": self.ours.as_json() if self.ours else None,
            "rule": self.rule,
        }
