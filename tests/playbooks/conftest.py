"""A small HTTP server that answers as a test tells it to, in place of an API server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.cluster.api import wait_until
from tests.cluster.control_plane import ControlPlane

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
HOST, NAME = "consumer-order", "spc--pos--be--consumer-order--prod"
Play = Callable[..., subprocess.CompletedProcess[str]]
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


@pytest.fixture
def deployment(control_plane: ControlPlane, namespace: str) -> Callable[[], dict[str, Any]]:
    """A running deployment of the known name; call it to read it as it is now."""
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    control_plane.api.patch(
        f"/api/v1/namespaces/{namespace}", {"metadata": {"labels": {"posdeck/simulated": "true"}}}
    )
    labels = {"app": HOST}
    spec = {"containers": [{"name": "main", "image": "pos:1"}]}
    template = {"metadata": {"labels": labels}, "spec": spec}
    body = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
    control_plane.api.create(path, {"metadata": {"name": NAME}, "spec": body})

    def now() -> dict[str, Any]:
        found: dict[str, Any] = control_plane.api.get(f"{path}/{NAME}")
        return found

    wait_until(lambda: now().get("status", {}).get("availableReplicas") == 1, "the deployment is available")
    return now


@pytest.fixture
def play(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> Play:
    """Run a shipped playbook as a person would, from a folder that has nothing to do with it."""

    def run(playbook: str, *options: str, identity: str = "operator") -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "LC_ALL": "C.UTF-8",
            "XDG_STATE_HOME": str(tmp_path / "state"),
            "XDG_CONFIG_HOME": str(tmp_path / "config"),
            "KUBECONFIG": str(control_plane.identity(identity)),
        }
        command = [str(BIN / "ansible-playbook"), "-i", str(ROOT / "inventory" / "simulated")]
        command += [str(ROOT / "playbooks" / playbook), "-e", f"kube_namespace={namespace}", *options]
        return subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False
        )

    return run
