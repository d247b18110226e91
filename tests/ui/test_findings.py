"""Findings in the interface: said of by key, marked on rows, announced without moving anything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from fake_front import NOW, FakeFront

from conftest import Opened
from posdeck.config import Announce
from posdeck.errors import AuditError
from posdeck.operations.view import News, Problem, Remark, Severity, View
from posdeck.ui.herald import Herald, title_of
from posdeck.ui.rows.problems import Findings, Problems
from posdeck.ui.scene import Scene


async def test_a_key_acknowledges_the_selected_finding(opened: Opened) -> None:
    async with opened() as driver:
        await driver.press("7", "a")
        ((key, word, text, until),) = driver.front.remarks
        assert (word, text, until) == ("ack", "", None)
        assert key == driver.front.view.problems[0].key
        assert "on the record" in driver.text()


async def test_a_snooze_asks_for_how_long_and_why(opened: Opened) -> None:
    async with opened() as driver:
        await driver.press("7", "z", *"vendor", "enter")
        ((_, word, text, until),) = driver.front.remarks
        assert (word, text) == ("snooze", "vendor")
        assert until is not None
        assert (until - NOW).total_seconds() == 3600


async def test_what_cannot_be_recorded_does_not_count(opened: Opened) -> None:
    async with opened() as driver:
        driver.front.remark_refused = AuditError("record", "the disk is full", "Make room.")
        await driver.press("7", "m", *"seen", "enter")
        assert "does not count" in driver.text()
        assert driver.front.remarks == []


async def test_enter_shows_evidence_and_what_was_said(opened: Opened) -> None:
    async with opened() as driver:
        await driver.press("7", "enter")
        assert "nothing yet: a acknowledges" in driver.text()


async def test_what_the_evidence_offers_can_be_done_there(opened: Opened) -> None:
    async with opened() as driver:
        key = driver.front.view.problems[0].key
        await driver.press("7", "enter", "a")
        assert [(k, word) for k, word, *_ in driver.front.remarks] == [(key, "ack")]
        runbook = driver.front.view.problems[0].runbook
        assert f"b  {runbook}" in driver.text()
        await driver.press("b")
        assert "way out" not in driver.text()
        assert (
            any(asked[0] == "open_session" for asked in driver.front.asked)
            or "before it begins" in driver.text()
        )


async def test_the_evidence_follows_what_becomes_of_it(opened: Opened) -> None:
    async with opened() as driver:
        await driver.press("7", "enter")
        view = driver.front.view
        worse = replace(view.problems[0], evidence=(("pods ready", "0 of 7"),))
        driver.front.post(replace(view, problems=(worse, *view.problems[1:])))
        await driver.settle()
        assert "0 of 7" in driver.text()
        driver.front.post(replace(view, problems=view.problems[1:]))
        await driver.settle()
        assert "not told any more" in driver.text()


def _scene(front: FakeFront, *problems: Problem) -> Scene:
    return Scene(replace(front.view, problems=problems), NOW)


def test_rows_are_marked_with_what_concerns_them() -> None:
    front = FakeFront()
    pod = next(iter(front.view.snapshot.pods.values()))
    wide = Problem(
        "dependency-down", Severity.CRITICAL, "ExternalSystem", "queue", "Message queue", "is away",
        workloads=("long",), pods=(pod.name,),
    )  # fmt: skip
    scene = _scene(front, wide)
    assert scene.finding("pod", pod.name) is wide
    assert scene.finding("deployment", "long") is wide
    assert scene.trouble("deployment", "other") is None


def test_the_snoozed_stand_apart_and_are_never_lost() -> None:
    front = FakeFront()
    first = front.view.problems[0]
    put_off = replace(first, remark=Remark(snoozed_by="alice", snoozed_until=NOW))
    scene = _scene(front, put_off)
    assert Problems().items(scene) == {}
    sections = dict(Findings().sections(scene) or ())
    assert sections["wrong now, snoozed"] == [first.key]


@pytest.fixture
def heard() -> list[str]:
    return []


def _herald(heard: list[str], **settings: object) -> tuple[Herald, Callable[[View], None]]:
    herald = Herald(Announce(**settings), heard.append)  # type: ignore[arg-type]
    return herald, herald.take


def test_news_ring_once_and_the_title_counts(heard: list[str]) -> None:
    view = FakeFront().view
    herald, take = _herald(heard, desktop="osc9")
    take(view)
    assert heard.count("\x07") == 0
    assert title_of(view) in heard[1]
    told = replace(view, news=News(1, NOW, (view.problems[0],)))
    take(told)
    take(told)
    assert heard.count("\x07") == 1
    assert sum(each.startswith("\x1b]9;") for each in heard) == 1
    herald.leave()
    assert heard[-1] == "\x1b[23;2t"


def test_text_of_the_cluster_cannot_leave_its_control_sequence(heard: list[str]) -> None:
    view = FakeFront().view
    evil = replace(view.problems[0], text="a\x07\x1b]52;c;x\x07;b\nc")
    _, take = _herald(heard, title=False, bell=False, desktop="osc777")
    take(replace(view, news=News(1, NOW, (evil,))))
    (sent,) = heard
    inner = sent.removeprefix("\x1b]777;notify;posdeck;").removesuffix("\x07")
    assert all(sign not in inner for sign in ("\x07", "\x1b", ";", "\n"))


def test_settings_silence_each_part(heard: list[str]) -> None:
    view = FakeFront().view
    _, take = _herald(heard, title=False, bell=False)
    take(replace(view, news=News(1, NOW, (view.problems[0],))))
    assert heard == []
