"""What is announced: each trouble once, the worst first, never in a flood, and only to where it may go."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posdeck.operations.news import AGAIN, GAP, Newsroom, sentence
from posdeck.operations.view import News, Problem, Remark, Severity
from posdeck.operations.webhook import WebhookError, document, post

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


def problem(name: str, severity: Severity = Severity.WARNING) -> Problem:
    return Problem("pod-hung", severity, "Deployment", name, name, "hangs")


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def begun(*problems: Problem) -> Newsroom:
    room = Newsroom()
    assert room.take(problems, NOON) is None
    return room


def test_what_is_there_at_the_start_is_no_news() -> None:
    room = begun(problem("a"))
    assert room.take([problem("a")], at(20)) is None


def test_what_is_new_is_told_once_worst_first() -> None:
    room = begun()
    news = room.take([problem("a"), problem("b", Severity.CRITICAL)], at(1))
    assert news is not None
    assert [p.short for p in news.problems] == ["b", "a"]
    assert sentence(news) == "critical: b: hangs (and 1 more)"
    assert room.take([problem("a"), problem("b", Severity.CRITICAL)], at(60)) is None


def test_a_flood_is_one_announcement_after_the_gap() -> None:
    room = begun()
    assert room.take([problem("a")], at(1)) is not None
    many = [problem(str(n)) for n in range(20)]
    assert room.take(many[:5], at(3)) is None
    assert room.take(many, at(6)) is None
    news = room.take(many, at(1) + GAP)
    assert news is not None
    assert len(news.problems) == 20


def test_what_flaps_is_told_once() -> None:
    room = begun()
    assert room.take([problem("a")], at(1)) is not None
    for second in range(20, 500, 20):
        assert room.take([problem("a")] if second % 40 else [], at(second)) is None
    assert room.take([], at(520)) is None
    assert room.take([problem("a")], at(520) + AGAIN) is not None


def test_worse_is_news() -> None:
    room = begun(problem("a"))
    news = room.take([problem("a", Severity.CRITICAL)], at(1))
    assert news is not None
    assert room.take([problem("a")], at(30)) is None
    assert room.take([problem("a", Severity.CRITICAL)], at(60)) is None


def test_what_somebody_knows_of_and_what_is_slight_is_silent() -> None:
    room = begun()
    known = replace(problem("a"), remark=Remark("alice", NOON))
    assert room.take([known, problem("b", Severity.INFO)], at(1)) is None
    loud = Newsroom(Severity.CRITICAL)
    loud.take([], NOON)
    assert loud.take([problem("a")], at(1)) is None


def test_what_is_over_before_its_turn_is_not_told() -> None:
    room = begun()
    room.take([problem("a")], at(1))
    assert room.take([problem("b")], at(2)) is None
    assert room.take([], at(1) + GAP) is None


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(1, 30),
            st.sets(st.integers(0, 4)),
            st.sampled_from([Severity.WARNING, Severity.CRITICAL]),
        ),
        max_size=40,
    )
)
def test_never_two_within_the_gap_and_never_what_is_not_there(
    steps: list[tuple[int, set[int], Severity]],
) -> None:
    room, now, told = begun(), NOON, []
    for seconds, names, severity in steps:
        now += timedelta(seconds=seconds)
        present = [problem(str(name), severity) for name in names]
        news = room.take(present, now)
        if news is not None:
            told.append(now)
            assert all(p in present for p in news.problems)
    assert all(later - earlier >= GAP for earlier, later in pairwise(told))


async def _received(status: str = "200 OK", extra: str = "") -> tuple[str, list[bytes], asyncio.Server]:
    bodies: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line.split(b":")[1])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length")
        )
        bodies.append(await reader.readexactly(length))
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n{extra}Connection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook/s3cret", bodies, server


async def test_the_webhook_gets_what_is_new_as_json() -> None:
    address, bodies, server = await _received()
    async with server:
        news = News(1, NOON, (problem("a"),))
        await post(address, document(news, environment="simulated", namespace="spc--pos"))
    (body,) = (json.loads(each) for each in bodies)
    assert body["text"] == "posdeck simulated spc--pos: warning: a: hangs"
    assert body["problems"][0]["key"] == "pod-hung/Deployment/a"


async def test_a_webhook_that_fails_is_named_by_its_host_alone() -> None:
    """Its path may be a secret; a redirection is not followed."""
    address, bodies, server = await _received("302 Found", "Location: http://127.0.0.1:1/elsewhere\r\n")
    async with server:
        with pytest.raises(WebhookError, match="302") as caught:
            await post(address, {})
    assert len(bodies) == 1
    assert "s3cret" not in str(caught.value)
    with pytest.raises(WebhookError, match="not reached"):
        await post(address, {})


async def test_a_password_in_the_address_goes_to_the_server_and_into_no_error() -> None:
    address, bodies, server = await _received()
    known = address.replace("127.0.0.1", "posdeck:p%40ss@127.0.0.1")
    async with server:
        await post(known, {})
    assert bodies, "urllib itself takes the password for a part of the port"
    for wrong in (known, known.replace("http://", "http://x"), "http://posdeck:p%40ss@127.0.0.1:port/"):
        with pytest.raises(WebhookError) as caught:
            await post(wrong, {})
        assert "p%40ss" not in str(caught.value)
        assert "p@ss" not in str(caught.value)
