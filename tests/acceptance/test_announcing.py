"""What becomes wrong makes itself known where nobody looks at the screen: in a real terminal and to scripts."""

from __future__ import annotations

import json
import queue
import re
import shlex
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from tests.acceptance.places import Desk, full
from tests.acceptance.terminal import Terminal

SWITCHED_OFF = "consumer-lis-patient"
OSC = re.compile(rb"\x1b\]([0-9]+);([^\x07\x1b]*)(?:\x07|\x1b\\)")


def scale(desk: Desk, replicas: int) -> None:
    desk.place.kubectl("scale", f"deployment/{full(SWITCHED_OFF)}", f"--replicas={replicas}")


# in a terminal


@pytest.fixture
def hook() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A webhook and what was posted to it."""
    posted: list[dict[str, Any]] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/hook", posted
    server.shutdown()
    server.server_close()


def announcements(output: bytes, code: bytes) -> list[str]:
    """The texts of control sequences of one kind."""
    return [text.decode() for kind, text in OSC.findall(output) if kind == code]


def bells(output: bytes) -> int:
    """How often it rang; the sign also ends control sequences."""
    return OSC.sub(b"", output).count(b"\x07")


@pytest.mark.parametrize(("desktop", "code"), [("osc9", b"9"), ("osc777", b"777")])
def test_a_terminal_hears_of_it_once_and_nobody_is_disturbed(
    healthy_desk: Desk, hook: tuple[str, list[dict[str, Any]]], desktop: str, code: bytes
) -> None:
    """Bell, title, desktop notification and webhook, while somebody types a filter in another view."""
    address, posted = hook
    config = healthy_desk.home / "config" / "posdeck" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text(f'[announce]\ndesktop = "{desktop}"\nwebhook = "{address}"\n')
    variables = healthy_desk.variables() | {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
    terminal = Terminal(healthy_desk.command(), variables, healthy_desk.home)
    try:
        terminal.until("SIMULATED", "LIVE", "consumer-order", within=120)
        terminal.press("2/order-")
        terminal.until("order-", "consumer-pos-order-")
        terminal.until_true(lambda: bool(announcements(terminal.output, b"2")), "a title", within=120)
        assert bells(terminal.output) == 0, "what is there at the start is no news"

        scale(healthy_desk, 0)
        terminal.until_true(lambda: bool(announcements(terminal.output, code)), "a notification", within=120)
        terminal.until_true(lambda: bool(posted), "the webhook", within=60)
        (said,) = announcements(terminal.output, code)
        assert SWITCHED_OFF in said
        assert bells(terminal.output) == 1
        titles = announcements(terminal.output, b"2")
        assert titles[0].startswith("· spc--pos")
        assert titles[-1].startswith(("✖1", "▲1"))
        (document,) = posted
        assert [p["short"] for p in document["problems"]] == [SWITCHED_OFF]

        # what is typed goes on where it was: the filter of the same view
        terminal.press("bulk-upload-vip")
        terminal.until("order-bulk-upload-vip", without=("consumer-pos-order-",))

        scale(healthy_desk, 1)
        terminal.until_true(
            lambda: announcements(terminal.output, b"2")[-1].startswith("· "), "a title of health", within=120
        )
        assert bells(terminal.output) == 1, "that it is over is said by the title alone"
        assert len(posted) == 1
        terminal.press("\x1b\x11")  # escape, ctrl-q
        assert terminal.ended(within=60) == 0
        assert terminal.output.rstrip().endswith(b"\x1b[23;2t") or b"\x1b[23;2t" in terminal.output
    finally:
        terminal.close()


# for scripts


class Watching:
    """``posdeck findings --watch`` and the lines that it prints, each of them JSON."""

    def __init__(self, desk: Desk) -> None:
        self.process = desk.start("findings", "--watch")
        self.lines: list[dict[str, Any]] = []
        self._coming: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._coming.put(line)

    def until(
        self, wanted: Callable[[dict[str, Any]], bool], what: str, within: float = 120
    ) -> dict[str, Any]:
        """The first line that is wanted, of all that come from now on."""
        while True:
            try:
                line = json.loads(self._coming.get(timeout=within))
            except queue.Empty:
                pytest.fail(f"never came: {what}; came {self.lines}, ended {self.process.poll()}")
            self.lines.append(line)
            if wanted(line):
                return dict(line)

    def ended(self, within: float = 60) -> tuple[int, str]:
        """The exit code and what was said of it."""
        code = self.process.wait(within)
        self._reader.join(within)
        while not self._coming.empty():
            self.lines.append(json.loads(self._coming.get()))
        assert self.process.stderr is not None
        return code, self.process.stderr.read()


@pytest.fixture
def watching(healthy_desk: Desk) -> Iterator[Watching]:
    found = Watching(healthy_desk)
    found.until(lambda line: line["event"] == "cannot-tell", "the first look")
    yield found
    if found.process.poll() is None:
        found.process.kill()
    found.process.wait()
    for pipe in (found.process.stdout, found.process.stderr):
        assert pipe is not None
        pipe.close()


def told(event: str) -> Callable[[dict[str, Any]], bool]:
    return lambda line: (line["event"], line.get("id"), line.get("short")) == (
        event, "workload-stopped", SWITCHED_OFF,
    )  # fmt: skip


def test_a_script_reads_what_appears_changes_and_ends(healthy_desk: Desk, watching: Watching) -> None:
    scale(healthy_desk, 0)
    appeared = watching.until(told("appeared"), "that it appeared")
    assert appeared["severity"] in ("critical", "warning")
    assert appeared["runbook"] == "scale-workload"
    assert appeared["evidence"]
    said = healthy_desk.run("findings", "ack", "workload-stopped", "--text", "on it")
    assert said.returncode == 0, said.stderr
    changed = watching.until(told("changed"), "that somebody looks after it")
    assert changed["acknowledged_by"]
    scale(healthy_desk, 1)
    watching.until(told("ended"), "that it is over")
    watching.process.send_signal(signal.SIGINT)
    code, complaint = watching.ended()
    assert code == 130
    assert complaint.strip() == "posdeck: interrupted"
    assert all(line["at"].endswith("+00:00") for line in watching.lines)
    about = [line["event"] for line in watching.lines if line.get("id") == "workload-stopped"]
    assert about == ["appeared", "changed", "ended"]


def test_it_ends_when_it_is_told_to(watching: Watching) -> None:
    watching.process.send_signal(signal.SIGTERM)
    assert watching.ended() == (143, "")


def test_it_ends_when_nobody_reads_any_more(healthy_desk: Desk) -> None:
    """As in ``posdeck findings --watch | head -1``, although nothing happens afterwards that it would print."""
    pipeline = (
        f"{shlex.join(healthy_desk.command('findings', '--watch'))} | head -n 1; echo ${{PIPESTATUS[0]}}"
    )
    done = subprocess.run(
        ["bash", "-c", pipeline], env=healthy_desk.variables(), cwd=healthy_desk.home,
        capture_output=True, text=True, timeout=180,
    )  # fmt: skip
    first, code = done.stdout.splitlines()
    assert json.loads(first)["event"] == "cannot-tell"
    assert (code, done.stderr) == ("141", "")
