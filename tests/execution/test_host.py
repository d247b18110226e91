"""What stands between ansible-runner and posdeck never blocks it, never raises into it, hides nothing."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest

from posdeck.execution import host
from posdeck.execution.host import EventPipe, Host, shorten


@pytest.fixture
def pipe() -> Iterator[tuple[EventPipe, int]]:
    reading, writing = os.pipe()
    yield EventPipe(writing), reading
    os.close(reading)
    os.close(writing)


def lines(reading: int) -> list[dict[str, Any]]:
    os.set_blocking(reading, False)
    content = b""
    while True:
        try:
            content += os.read(reading, 65536)
        except BlockingIOError:
            return [json.loads(line) for line in content.splitlines()]


def test_lines_are_numbered_in_order(pipe: tuple[EventPipe, int]) -> None:
    made, reading = pipe
    for number in range(100):
        made.put("event", value=number)
    made.close(5)
    found = lines(reading)
    assert [line["n"] for line in found] == list(range(1, 101))
    assert [line["d"]["value"] for line in found] == list(range(100))


def test_a_reader_that_does_not_read_holds_nothing_up(pipe: tuple[EventPipe, int]) -> None:
    """A pipe holds 64 KB; a hundred times that is queued, and giving up on it takes no longer than asked."""
    made, reading = pipe
    for _ in range(100):
        made.put("event", text="x" * 65536)
    made.close(0.01)
    assert made._thread.is_alive()
    content = b""
    while content.count(b"\n") < 100:
        content += os.read(reading, 1 << 20)
    made._thread.join()
    assert len(content) > 100 * 65536


def test_a_reader_that_is_gone_raises_nothing() -> None:
    reading, writing = os.pipe()
    made = EventPipe(writing)
    os.close(reading)
    made.put("event", text="x")
    made.close(5)
    os.close(writing)


def test_what_cannot_be_serialised_is_told_and_not_dropped(pipe: tuple[EventPipe, int]) -> None:
    made, reading = pipe
    circle: dict[str, Any] = {}
    circle["itself"] = circle
    made.put("event", odd=circle)
    made.close(5)
    assert lines(reading)[0]["k"] == "broken"


def test_an_exception_in_the_handler_stays_out_of_the_runner(pipe: tuple[EventPipe, int]) -> None:
    made, reading = pipe
    handler = Host(made)._on_event
    assert handler({"event": "runner_on_ok", "event_data": "not a mapping"}) is False
    made.close(5)
    assert lines(reading)[0]["k"] == "broken"


def test_too_much_output_is_counted_but_no_structured_event_is_lost(
    pipe: tuple[EventPipe, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "OUTPUT_LIMIT", 100)
    made, reading = pipe
    for _ in range(5):
        made.put_event({"event": "verbose", "stdout": "x" * 40})
    made.put_event({"event": "runner_on_ok", "stdout": "y" * 40, "event_data": {"host": "one"}})
    made.close(5)
    found = lines(reading)
    assert [line["k"] for line in found] == ["event", "event", "event", "dropped"]
    assert found[2]["d"]["data"]["host"] == "one"
    assert found[3]["d"] == {"lines": 3}


def test_a_status_never_carries_the_environment(pipe: tuple[EventPipe, int]) -> None:
    made, reading = pipe
    Host(made)._on_status({"status": "starting", "env": {"TOKEN": "secret"}, "command": ["x"]})
    made.close(5)
    assert lines(reading) == [{"n": 1, "k": "status", "d": {"status": "starting"}}]


def test_noise_is_left_out_of_results() -> None:
    event = {
        "event": "runner_on_ok",
        "created": "2026-01-01T00:00:00+00:00",
        "stdout": "ok",
        "event_data": {
            "host": "one",
            "task": "t",
            "res": {
                "msg": "m",
                "invocation": {"module_args": {}},
                "_ansible_no_log": False,
                "exception": "…",
            },
        },
    }
    assert shorten(event) == {
        "event": "runner_on_ok",
        "at": "2026-01-01T00:00:00+00:00",
        "text": "ok",
        "data": {"host": "one", "task": "t", "res": {"msg": "m"}},
    }
