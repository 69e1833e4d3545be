"""A real HTTP server that keeps what it is sent: a chat, a pager, a watch from outside."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


class WebHook:
    """What a test's server was asked."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/hooks/s3cret"
        self.asked: list[tuple[str, str, str]] = []  # method, type, body
        self.statuses: list[int] = []  # of the next answers; 200 when there are none
        self.delay = 0.0  # seconds before each answer
        self.location = ""  # where a redirect leads

    def texts(self) -> list[str]:
        """What was posted, in the order it came."""
        return [json.loads(body)["text"] for method, _, body in self.asked if method == "POST"]


@contextmanager
def running_hook() -> Iterator[WebHook]:
    """A server on a port of its own."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length).decode()
            hook.asked.append((self.command, self.headers.get("Content-Type", ""), body))
            time.sleep(hook.delay)
            self.send_response(hook.statuses.pop(0) if hook.statuses else 200)
            if hook.location:
                self.send_header("Location", hook.location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_POST  # noqa: N815

        def log_message(self, *_: Any) -> None:
            """Keep quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        hook = WebHook(server.server_port)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield hook
        finally:
            server.shutdown()
            thread.join()
