"""The whole house at once, as `make demo` runs it: real worker, real beat, real SMTP, real pages."""

import email
import email.policy
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from mailer.core.embedded import free_port
from mailer.demo.mail_store import MailStore
from mailer.web.public.forms import FASTEST
from tests.support.waiting import PATIENCE, until

COMMAND = [sys.executable, "-m", "mailer.cli", "demo"]
HEADERS = {
    "From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type", "Reply-To", "List-Id",
    "List-Unsubscribe", "List-Unsubscribe-Post", "List-Help", "List-Owner", "List-Post", "List-Archive",
    "Feedback-ID", "Precedence",
}  # fmt: skip


def _bare() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("MAILER_")}


def _processes(folder: Path) -> list[str]:
    """Command lines of what still runs for this demo."""
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if str(folder) in line]


def _mails(folder: Path) -> list[EmailMessage]:
    files = sorted((folder / "mail").glob("*.eml"))
    return [email.message_from_bytes(file.read_bytes(), policy=email.policy.default) for file in files]


def _body(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    assert part
    return str(part.get_content())


def _link(mail: EmailMessage, path: str) -> str:
    found = re.search(rf"http://\S+/{path}/\S+", _body(mail, "plain"))
    assert found, path
    return found[0]


def _post(url: str, **data: str) -> str:
    request = urllib.request.Request(url, urllib.parse.urlencode(data).encode())  # noqa: S310
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:  # noqa: S310
        return str(answer.read().decode())


def _get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=PATIENCE) as answer:  # noqa: S310
        return str(answer.read().decode())


def _without_what_is_personal(mail: EmailMessage, raw: bytes) -> bytes:
    """The copy with its own values taken out: what is left is the same for everybody."""
    text = raw.replace(b"=\r\n", b"")
    for header in ("To", "Message-ID", "List-Unsubscribe"):
        text = re.sub(rb"\r\n" + header.encode() + rb":.*?(?=\r\n\S)", b"", text, flags=re.DOTALL)
    text = re.sub(rb"/u/[a-z0-9]{58}", b"/u/", text)
    return re.sub(rb"Bonjour[^,]*,", b"Bonjour,", text)


def test_once(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    done = subprocess.run(
        [*COMMAND, "--once", "--subscribers", "40", "--dir", str(folder)],
        capture_output=True, text=True, timeout=PATIENCE, check=False, env=_bare(),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    certificate = json.loads(done.stdout.splitlines()[-1])
    assert certificate["audience"] == certificate["accepted"] == 40
    assert certificate["refused"] == certificate["withheld"] == certificate["unknown"] == 0
    assert _processes(folder) == []

    entries = MailStore(folder / "mail").entries()
    assert len({entry.recipient for entry in entries}) == 40
    assert len({entry.sender for entry in entries}) == 40
    mails = _mails(folder)
    assert len({mail["Message-ID"] for mail in mails}) == 40
    raw = [(folder / "mail" / f"{n:07d}.eml").read_bytes() for n in range(1, 41)]
    assert len({_without_what_is_personal(m, r) for m, r in zip(mails, raw, strict=True)}) == 1
    for mail, source in zip(mails, raw, strict=True):
        assert set(mail.keys()) >= HEADERS
        assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert len(_body(mail, "html").encode()) <= 90_000
        assert max(map(len, source.split(b"\r\n"))) <= 998
    assert _hosts(_body(mails[0], "html")) <= {"127.0.0.1", "www.example.org", "example.org", None}


def _hosts(page: str) -> set[str | None]:
    """Whom a page calls or links to."""
    addresses = re.findall(
        r"""(?:href|src|background)=["']([^"']+)|url\(["']?([^"')]+)|@import\s+["']([^"']+)""", page
    )
    return {urllib.parse.urlsplit(next(filter(None, found))).hostname for found in addresses}


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A demo that has sent its letter to ten people, and its site."""
    folder, port = tmp_path / "demo", free_port()
    with subprocess.Popen(
        [*COMMAND, "--subscribers", "10", "--port", str(port), "--dir", str(folder)],
        stderr=subprocess.PIPE, text=True, env=_bare(),
    ) as process:  # fmt: skip
        assert process.stderr
        for line in process.stderr:
            if "Ctrl-C" in line:
                break
        yield folder, f"http://127.0.0.1:{port}"
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 0
    assert _processes(folder) == []


def test_sign_up_read_leave_and_come_back(demo: tuple[Path, str]) -> None:
    folder, site = demo
    assert len(_mails(folder)) == 10
    form = f"{site}/lettre/?lang=fr"
    shown = re.search(r'name="shown" value="([^"]+)"', _get(form))
    assert shown
    time.sleep(FASTEST.total_seconds())  # a robot would not have read it
    assert "Consultez votre messagerie" in _post(
        form, email="nina@example.org", consent="yes", name="Nina", shown=shown[1]
    )
    confirmation = until(lambda: _arrived(folder, "Confirmez"))
    link = _link(confirmation, "confirm")
    assert "je confirme" in _get(link + "?lang=fr")
    assert "est confirm" in _post(link + "?lang=fr")
    until(lambda: _arrived(folder, "est confirmée"))

    letter = _mails(folder)[0]
    one_click = re.search(r"<(http[^>]+)>", letter["List-Unsubscribe"])
    assert one_click
    assert "désinscription est prise en compte" in _post(
        one_click[1] + "?lang=fr", **{"List-Unsubscribe": "One-Click"}
    )
    goodbye = until(lambda: _arrived(folder, "désinscription"))
    assert goodbye["To"] == letter["To"]
    assert "est confirm" in _post(_link(goodbye, "back") + "?lang=fr")


def _arrived(folder: Path, words: str) -> EmailMessage | None:
    return next((mail for mail in _mails(folder) if words in mail["Subject"]), None)
