"""A Dovecot of a test's own: no root privileges, a free port, one user, a maildir that tests write in."""

import grp
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from mailer.core import imap
from mailer.core.embedded import free_port
from tests.support.waiting import PATIENCE

PROGRAM = shutil.which("dovecot", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
USER, PASSWORD = "droits@example.org", 'é "b\\c@/:'
QUOTED = "droits%40example.org:%C3%A9%20%22b%5Cc%40%2F%3A"
CONFIGURATION = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
auth_failure_delay = 0
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
first_valid_uid = 1
mail_location = maildir:{folder}/mail
passdb {{
  driver = passwd-file
  args = username_format=%u {folder}/users
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={folder}
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
protocol imap {{
  imap_capability = {capability}
}}
"""


class Dovecot:
    """A server and its one mailbox."""

    def __init__(self, folder: Path, capability: str) -> None:
        self.folder, self.port = folder, free_port()
        self.url = f"imap://{QUOTED}@127.0.0.1:{self.port}/"
        self._process: subprocess.Popen[bytes] | None = None
        self._user = "nobody" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        self._write_configuration(capability)

    def _write_configuration(self, capability: str) -> None:
        account = pwd.getpwnam(self._user)
        group = grp.getgrgid(account.pw_gid).gr_name
        said = CONFIGURATION.format(
            folder=self.folder, user=self._user, group=group, port=self.port, capability=capability
        )
        (self.folder / "dovecot.conf").write_text(said)
        (self.folder / "users").write_text(f"{USER}:{{PLAIN.b64}}{b64encode(PASSWORD.encode()).decode()}\n")
        for name in ("cur", "new", "tmp"):
            (self.folder / "mail" / name).mkdir(parents=True)
        if os.geteuid() == 0:
            for path in (self.folder, *self.folder.rglob("*")):
                os.chown(path, account.pw_uid, account.pw_gid)

    def start(self) -> None:
        assert PROGRAM
        who: dict[str, Any] = {
            "user": self._user,
            "group": pwd.getpwnam(self._user).pw_gid,
            "extra_groups": [],
        }
        self._process = subprocess.Popen(
            [PROGRAM, "-F", "-c", str(self.folder / "dovecot.conf")],
            start_new_session=True, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            **(who if os.geteuid() == 0 else {}),
        )  # fmt: skip
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self._process.poll() is None:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return
            time.sleep(0.02)
        raise RuntimeError("dovecot did not start")

    def stop(self) -> None:
        """With its children: left to itself it waits for the slowest."""
        if self._process:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(timeout=PATIENCE)

    def deliver(self, *mails: bytes) -> None:
        """What a mail server does on arrival."""
        with imap.opened(self.url) as mailbox:
            for raw in mails:
                mailbox._client.append("INBOX", raw)

    def empty(self) -> None:
        """No mail in any folder."""
        with imap.opened(self.url) as mailbox:
            mailbox.delete(mailbox.search("ALL"))
            with mailbox.done():
                mailbox.delete(mailbox.search("ALL"))

    def holds(self, folder: str = "INBOX") -> list[tuple[bytes, bool]]:
        """The mails of a folder, and whether each is flagged."""
        with imap.opened(f"{self.url}{folder}") as mailbox:
            flagged = mailbox.search("FLAGGED")
            return [(mailbox.fetch(uid) or b"", uid in flagged) for uid in mailbox.search("ALL")]


@contextmanager
def running_dovecot(capability: str = "") -> Iterator[Dovecot]:
    """A server; with `capability`, one that offers nothing else.  Skips where Dovecot is not installed."""
    if PROGRAM is None:
        pytest.skip("no Dovecot is installed: the mailbox was not read over IMAP")
    folder = Path(tempfile.mkdtemp(prefix="dovecot-"))
    server = Dovecot(folder, capability)
    server.start()
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(imap, "TIMEOUT", 120.0)  # a busy machine is no mailbox that is down
            yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
