"""Which addresses the server looks at, and what it makes of their answers."""

import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest

from mailer.core import public_web
from mailer.core.public_web import Answer, is_public, look_at, may_reach


class Site(BaseHTTPRequestHandler):
    """A site of a few pages, which notes what it is asked."""

    asked: ClassVar[list[tuple[str, str, str]]] = []
    pages: ClassVar[dict[tuple[str, str], tuple[int, str]]] = {}

    def _answer(self) -> None:
        type(self).asked.append((self.command, self.path, self.headers.get("Host", "")))
        assert self.headers.get("Cookie") is None
        status, location = self.pages.get((self.command, self.path), (404, ""))
        self.send_response(status)
        if location:
            self.send_header("Location", location)
        self.send_header("Set-Cookie", "a=b")
        self.end_headers()

    do_HEAD = do_GET = _answer  # noqa: N815 -- the server's own names

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def site(pages: dict[tuple[str, str], tuple[int, str]]) -> Iterator[int]:
    """The port of a site with these pages."""
    Site.asked, Site.pages = [], pages
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


def here(_host: str, _port: int) -> list[str]:
    return ["127.0.0.1"]


def anywhere(_address: str, _port: int) -> bool:
    return True


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.0.0.1", "172.16.3.4", "192.168.1.1", "169.254.169.254", "100.64.0.1", "224.0.0.1",
        "0.0.0.0", "255.255.255.255", "192.0.2.1", "198.18.0.1", "240.0.0.1", "::", "::1", "fe80::1",  # noqa: S104
        "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
        "64:ff9b::7f00:1", "2002:7f00:1::", "fec0::1", "2001:db8::1", "::127.0.0.1",
    ],
)  # fmt: skip
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f:cb07::1", "::ffff:8.8.8.8"])
def test_addresses_that_are_public(address: str) -> None:
    assert is_public(address)
    assert may_reach(address, 443)
    assert not may_reach(address, 22)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/", "http://localhost/", "http://2130706433/", "http://0x7f.1/", "http://[::1]/",
        "http://169.254.169.254/latest/meta-data", "http://user@127.0.0.1/", "ftp://x.fr/", "file:///etc/passwd",
        "http:///nothing",
    ],
)  # fmt: skip
def test_nothing_of_ours_is_ever_spoken_to(url: str) -> None:
    assert look_at([url]) == {url: Answer(fault="private")}


def test_a_name_with_one_private_address_is_refused_whole() -> None:
    def both(_host: str, _port: int) -> list[str]:
        return ["93.184.215.14", "10.0.0.1"]

    assert look_at(["https://x.fr/"], resolve=both) == {"https://x.fr/": Answer(fault="private")}


def test_a_name_is_resolved_once_for_each_connection_which_goes_there() -> None:
    answers = iter([["127.0.0.1"], ["203.0.113.9"]])  # the second time, another machine

    with site({("HEAD", "/a"): (200, "")}) as port:
        found = look_at(
            [f"http://rebinding.example:{port}/a"], resolve=lambda *_: next(answers), reach=anywhere
        )
        assert [*found.values()] == [Answer(200)]
        assert Site.asked == [("HEAD", "/a", f"rebinding.example:{port}")]
    assert next(answers) == ["203.0.113.9"]


def test_a_redirection_goes_through_the_same() -> None:
    def resolve(host: str, _port: int) -> list[str]:
        return ["10.0.0.1"] if host == "inside.example" else ["127.0.0.1"]

    def reach(address: str, _port: int) -> bool:
        return address == "127.0.0.1"

    pages = {
        ("HEAD", "/in"): (302, "http://inside.example/secret"), ("HEAD", "/next"): (301, "/there"),
        ("HEAD", "/there"): (200, ""), ("HEAD", "/round"): (302, "/round"),
    }  # fmt: skip
    with site(pages) as port:
        base = f"http://x.example:{port}"
        found = look_at([f"{base}/in", f"{base}/next", f"{base}/round"], resolve=resolve, reach=reach)
    assert [*found.values()] == [Answer(fault="private"), Answer(200), Answer(fault="redirects")]


def test_get_is_used_only_where_head_is_refused() -> None:
    pages = {("HEAD", "/no"): (405, ""), ("GET", "/no"): (200, ""), ("HEAD", "/yes"): (200, "")}
    with site(pages) as port:
        base = f"http://x.example:{port}"
        found = look_at([f"{base}/no", f"{base}/yes", f"{base}/gone"], resolve=here, reach=anywhere)
    assert [*found.values()] == [Answer(200), Answer(200), Answer(404)]
    assert sorted(method for method, path, _host in Site.asked if path == "/yes") == ["HEAD"]


def test_what_does_not_answer_in_time_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()

    def slow(host: str, port: int) -> list[str]:
        release.wait(30)
        return here(host, port)

    monkeypatch.setattr(public_web, "LONGEST", 0.2)
    begun = time.monotonic()
    assert look_at(["http://x.example/"], resolve=slow, reach=anywhere) == {
        "http://x.example/": Answer(fault="timeout")
    }
    assert time.monotonic() - begun < 20
    release.set()


def test_a_site_without_tls_has_no_certificate() -> None:
    with site({}) as port:
        (answer,) = look_at([f"https://x.example:{port}/"], resolve=here, reach=anywhere).values()
    assert answer.fault in ("certificate", "unreachable")
    assert isinstance(public_web._TLS.verify_mode, ssl.VerifyMode)
    assert public_web._TLS.verify_mode is ssl.CERT_REQUIRED


def test_no_name_and_nobody_there() -> None:
    found = look_at(["http://nothing.invalid/", "http://x.example:9/"], resolve=_no_name, reach=anywhere)
    assert [answer.fault for answer in found.values()] == ["unknown_host", "unreachable"]


def _no_name(host: str, port: int) -> list[str]:
    if host == "nothing.invalid":
        return public_web.resolved("nothing.invalid", port)
    return ["127.0.0.1"]


def test_an_address_that_raises_keeps_no_other_waiting() -> None:
    def resolve(host: str, _: int) -> list[str]:
        if host == "odd.example":
            raise RuntimeError("what nobody foresaw")
        return ["127.0.0.1"]

    with site({("HEAD", "/"): (200, "")}) as port:
        odd, fine = "http://odd.example/", f"http://fine.example:{port}/"
        answers = look_at([odd, fine], resolve=resolve, reach=lambda *_: True)
    assert answers == {odd: Answer(fault="unreachable"), fine: Answer(200)}
