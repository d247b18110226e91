"""The open sessions: those of here, those that wait on disk, those that another posdeck carries on."""

from __future__ import annotations

from dataclasses import replace

from fake_front import FakeFront, ago, view

from posdeck.errors import PosdeckError
from posdeck.operations.view import ELSEWHERE, HERE, STORED, SessionSummary


def summary(id: str, held: str = STORED, place: str = "", hours: float = 1) -> SessionSummary:
    return SessionSummary(
        id, "consumer-not-processing", "Consumer not processing", "consumer-order", "waiting", "cause",
        ago(hours=hours), "alice", held, place,
    )  # fmt: skip


def front_with(*sessions: SessionSummary) -> FakeFront:
    return FakeFront(replace(view(), sessions=sessions))


def resumed(driver) -> list[str]:
    return [call[1] for call in driver.front.asked if call[0] == "resume_session"]


async def test_the_list_says_who_has_each_and_where_it_belongs(opened) -> None:
    front = front_with(
        summary("aaaa0001", HERE),
        summary("bbbb0002", STORED, hours=2),
        summary("cccc0003", ELSEWHERE, hours=3),
        summary("dddd0004", STORED, "staging / spc--pos", hours=4),
    )
    async with opened(front, size=(120, 30)) as driver:
        assert "3 open :sessions" in driver.text()
        await driver.press("0")
        assert "open here" in driver.line("aaaa0001")
        assert "⏎ resumes" in driver.line("bbbb0002")
        assert "another posdeck" in driver.line("cccc0003")
        assert "belongs to staging / spc--pos" in driver.line("dddd0004")


async def test_enter_takes_a_stored_session_up(opened) -> None:
    async with opened(front_with(summary("bbbb0002")), size=(80, 24)) as driver:
        await driver.press("0", "enter")
        assert resumed(driver) == ["bbbb0002"]
        assert driver.app.console_screen.current.view_name == "session"
        assert "Is it stuck, or only slow?" in driver.text()


async def test_from_the_overview_by_its_line(opened) -> None:
    async with opened(front_with(summary("bbbb0002")), size=(160, 40)) as driver:
        driver.app.console_screen.current.acts.focus()
        await driver.press("enter")
        assert resumed(driver) == ["bbbb0002"]


async def test_resume_takes_the_newest_that_waits_or_the_one_that_is_named(opened) -> None:
    front = front_with(
        summary("aaaa0001", HERE, hours=0.5), summary("bbbb0002", hours=2), summary("eeee0005", hours=3)
    )
    async with opened(front) as driver:
        await driver.press("colon", *"resume", "enter")
        assert resumed(driver) == ["bbbb0002"]
        await driver.press("colon", *"resume ee", "enter")
        assert resumed(driver) == ["bbbb0002", "eeee0005"]


async def test_resume_alone_goes_to_one_of_here_and_takes_none_that_was_left_to_somebody(opened) -> None:
    left = replace(summary("bbbb0002", hours=0.1), handed_to="ravi")
    async with opened(front_with(left)) as driver:
        await driver.press("colon", *"resume", "enter")
        assert "No session waits to be resumed here" in driver.text()
        assert resumed(driver) == []
        await driver.press("colon", *"resume bb", "enter")
        assert resumed(driver) == ["bbbb0002"]
    front = front_with(left)
    async with opened(front) as driver:
        here = await front.open_session("consumer-not-processing", {"consumer": "consumer-order"})
        front.post(replace(front.view, sessions=(left, summary(here.id, HERE, hours=2))))
        await driver.settle()
        await driver.press("colon", *"resume", "enter")
        assert resumed(driver) == []
        assert driver.app.console_screen.current.view_name == "session"


async def test_a_handover_to_nobody_asks_again_and_answers_nothing(opened) -> None:
    async with opened() as driver:
        await driver.press("b", "O", "enter", *"ravi")
        assert driver.app.console_screen.prompt.text == "handover ravi"
        assert not [call for call in driver.front.asked if call[0] == "answer"]
        await driver.press("enter")
        assert [call[0] for call in driver.front.asked].count("hand_over") == 1


async def test_nothing_to_resume_says_so(opened) -> None:
    async with opened(front_with(summary("cccc0003", ELSEWHERE))) as driver:
        await driver.press("colon", *"resume", "enter")
        assert "No session waits to be resumed here" in driver.text()
        await driver.press("colon", *"resume zz", "enter")
        assert "No session begins with “zz”" in driver.text()
        await driver.press("0", "slash", *"nothing", "enter")
        assert "shows none of them" in driver.text()


async def test_a_refusal_is_said_and_the_place_stays(opened) -> None:
    async with opened(front_with(summary("dddd0004", STORED, "staging / spc--pos"))) as driver:
        driver.front.open_error = PosdeckError(
            "session dddd0004", "was begun in staging", "Take it up there."
        )
        await driver.press("0", "enter")
        assert "was begun in staging" in driver.text()
        assert driver.app.console_screen.current.view_name == "sessions"


async def test_an_empty_list_says_how_to_begin_one(opened) -> None:
    async with opened(front_with()) as driver:
        await driver.press("0")
        assert "No session of this place is open" in driver.text()


async def test_stored_sessions_do_not_hold_back_leaving(opened) -> None:
    async with opened(front_with(replace(summary("bbbb0002"), status="interrupted"))) as driver:
        assert driver.app.running() == []


async def test_the_list_fits_a_small_terminal(opened) -> None:
    async with opened(
        front_with(summary("bbbb0002"), summary("cccc0003", ELSEWHERE)), size=(80, 24)
    ) as driver:
        await driver.press("0")
        assert "⏎ resumes" in driver.line("bbbb0002")
        assert "another posdeck" in driver.line("cccc0003")


async def test_a_session_is_handed_over_by_key_and_the_brief_is_copied(opened) -> None:
    async with opened(size=(80, 24)) as driver:
        await driver.press("b")
        await driver.press("O", *"anna watch the lag", "enter")
        assert ("hand_over", "7f3a0011", "anna", "watch the lag") in driver.front.asked
        assert driver.app.clipboard.startswith("# Handover: Consumer not processing")
        text = driver.text()
        assert "Handed over to anna" in text
        assert "Path" not in text, "the screen of a session that is somebody else's is left"


async def test_a_handover_that_is_refused_says_why_and_leaves_nothing(opened) -> None:
    async with opened() as driver:
        await driver.app.command("handover anna")
        await driver.settle()
        assert ":handover is for the session on screen" in driver.text()
        await driver.press("b", "enter")
        await driver.app.command("handover")
        await driver.settle()
        assert ":handover names nobody" in driver.text()
        driver.front.post_session(replace(driver.front.session("7f3a0011"), status="running"))
        await driver.settle()
        await driver.app.command("handover anna")
        await driver.settle()
        assert "something of it runs" in driver.text()
        assert not driver.app.clipboard


async def test_who_is_to_take_a_session_up_is_said_in_the_lists(opened) -> None:
    front = front_with(replace(summary("aaaa0001"), status="handed-over", handed_to="anna"))
    async with opened(front) as driver:
        assert "for anna" in driver.text()
        await driver.press("0")
        assert "for anna, ⏎ takes it up" in driver.text()
