"""A small HTTP server that answers as a test tells it to, in place of an API server."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
COLLECTIONS = ROOT / "playbooks" / "collections"
if str(COLLECTIONS) not in sys.path:
    sys.path.insert(
        0, str(COLLECTIONS)
    )  # the collection is importable without Ansible's own import machinery


@dataclass
class Request:
    """What came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Answers:
    """What goes out: one after the other, the last one again and again. None hangs up without a word."""

    url: str = ""
    seen: list[Request] = field(default_factory=list)
    queue: list[tuple[int, Any, dict[str, str]] | None] = field(default_factory=list)
    decide: Callable[[Request], tuple[int, Any]] | None = None

    def say(self, status: int, body: Any, **headers: str) -> None:
        self.queue.append((status, body, headers))

    def hang_up(self) -> None:
        self.queue.append(None)


class _Handler(BaseHTTPRequestHandler):
    answers: Answers
    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = Request(self.command, self.path, dict(self.headers), body)
        self.answers.seen.append(request)
        headers: dict[str, str] = {}
        if self.answers.decide is not None:
            status, content = self.answers.decide(request)
        else:
            queue = self.answers.queue
            answer = queue.pop(0) if len(queue) > 1 else queue[0]
            if answer is None:
                self.close_connection = True
                return
            status, content, headers = answer
        sent = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    do_GET = do_POST = do_PATCH = do_DELETE = _answer

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet."""


@pytest.fixture
def api() -> Iterator[Answers]:
    answers = Answers()
    handler = type("Handler", (_Handler,), {"answers": answers})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    answers.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield answers
    server.shutdown()
    thread.join()
    server.server_close()
