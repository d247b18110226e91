"""Procedures by keyboard: what is still open is asked for, several marked objects take their turn, and two keys
that a terminal reports as one are two keys."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fake_front import CONFIRMATION, FULL, view

from posdeck.errors import PosdeckError, RefusedError
from posdeck.operations.view import ChoiceView, Evidence, Question
from posdeck.ui.rows.hpa import plot


def begun(driver) -> list[tuple[str, dict[str, str]]]:
    """The sessions that were asked for."""
    return [(call[1], call[2]) for call in driver.front.asked if call[0] == "open_session"]


async def test_scaling_asks_for_the_number_and_shows_whom_it_concerns(opened) -> None:
    async with opened(size=(80, 24)) as driver:
        await driver.press("3", "slash", *r"consumer-order\b", "enter", "s")
        text = driver.text()
        assert f"deployment/{FULL['consumer-order']}: 1/1 ready" in text
        assert "How many." in text
        assert begun(driver) == []
        await driver.press("3", "enter")
        assert begun(driver) == [("scale-workload", {"workload": "consumer-order", "replicas": "3"})]


async def test_an_answer_that_is_not_accepted_stays_and_can_be_corrected(opened) -> None:
    async with opened() as driver:
        driver.front.open_error = PosdeckError("parameter replicas", "99 is more than 15", "How many.")
        await driver.press("3", "s", "9", "9", "enter")
        assert "99 is more than 15" in driver.text()
        driver.front.open_error = None
        await driver.press("backspace", "enter")
        assert begun(driver)[-1] == ("scale-workload", {"workload": "app", "replicas": "9"})
        assert driver.app.console_screen.current.view_name == "session"


async def test_what_is_required_cannot_stay_empty(opened) -> None:
    async with opened() as driver:
        await driver.press("colon", *"run scale-workload", "enter", "f2")
        assert "workload is still open" in driver.text()
        assert begun(driver) == []


async def test_known_answers_are_listed_and_can_be_gone_through(opened) -> None:
    async with opened() as driver:
        await driver.press("colon", *"run roll-back consumer-order", "enter")
        assert "41 · 40" in driver.text()
        await driver.press("ctrl+n", "ctrl+n", "f2")
        assert begun(driver) == [("roll-back", {"workload": "consumer-order", "revision": "40"})]


async def test_an_optional_answer_may_stay_empty(opened) -> None:
    async with opened() as driver:
        await driver.press("colon", *"run roll-back consumer-order", "enter", "enter")
        assert begun(driver) == [("roll-back", {"workload": "consumer-order"})]


async def test_ctrl_d_names_the_pod_and_its_workload(opened) -> None:
    async with opened() as driver:
        await driver.press("2", "slash", *"cron", "enter", "ctrl+d")
        (runbook, params) = begun(driver)[0]
        assert runbook == "delete-pod"
        assert params["workload"] == "cron"
        assert params["pod"].startswith(FULL["cron"])


async def test_enter_in_the_library_begins_and_d_reads(opened) -> None:
    async with opened() as driver:
        await driver.press("8", "d")
        assert "Look, decide, act." in driver.text()
        await driver.press("escape", "enter")
        assert "Consumer not processing · before it begins" in driver.text()
        await driver.press("escape")
        assert driver.app.console_screen.current.view_name == "runbooks"
        assert begun(driver) == []


async def test_an_unknown_runbook_is_said(opened) -> None:
    async with opened() as driver:
        await driver.press("colon", *"run nonsense", "enter")
        assert "There is no runbook “nonsense”" in driver.text()


async def test_marked_consumers_are_restarted_one_after_the_other(opened) -> None:
    async with opened() as driver:
        await driver.press("5", "space", "space", "r")
        assert len(begun(driver)) == 1
        assert "1 of 2 marked" in driver.text()
        session = driver.front.session(driver.app.console_screen.current.session.id)
        driver.front.post_session(
            replace(session, status="done", confirmation=None, verification="passed", exit_code=0)
        )
        await driver.settle()
        assert "b goes on with" in driver.text()
        await driver.press("b")
        assert len({params["consumer"] for _, params in begun(driver)}) == 2
        assert "2 of 2 marked: the last" in driver.text()


@pytest.mark.parametrize("outcome", [{"status": "failed", "verification": "failed", "exit_code": 1},
                                     {"status": "done", "verification": "cannot tell", "exit_code": 2}])  # fmt: skip
async def test_a_series_stops_where_one_did_not_end_well(opened, outcome) -> None:
    async with opened() as driver:
        await driver.press("5", "space", "space", "r")
        session = driver.front.session(driver.app.console_screen.current.session.id)
        driver.front.post_session(replace(session, confirmation=None, **outcome))
        await driver.settle()
        await driver.press("b")
        assert len(begun(driver)) == 1
        assert "b goes on" not in driver.text()


async def test_what_is_for_one_at_a_time_is_refused_for_marked_rows(opened) -> None:
    async with opened() as driver:
        await driver.press("3", "space", "space", "s")
        assert "2 rows are marked, and scale is for one at a time" in driver.text()
        await driver.press("r")
        assert "Nothing was begun" in driver.text()  # one of the two has no restart of its own
        assert begun(driver) == []


async def test_escape_and_a_letter_in_quick_succession_are_two_keys(opened) -> None:
    async with opened() as driver:
        await driver.press("2", "slash", *"bulk")
        assert "/bulk" in driver.text()
        await driver.press("alt+j")
        assert "Pods 19" in driver.text()
        assert driver.app.console_screen.current.rows.list.cursor == 1


async def test_where_nothing_is_suggested_enter_chooses_nothing(opened) -> None:
    async with opened() as driver:
        await driver.press("b")
        session = driver.front.session(driver.app.console_screen.current.session.id)
        asked = Question("other", "Which is it?", (ChoiceView("a", "This"), ChoiceView("b", "That")))
        driver.front.post_session(replace(session, question=asked))
        await driver.settle()
        assert "Nothing is suggested" in driver.text()
        await driver.press("enter")
        assert not [call for call in driver.front.asked if call[0] == "answer"]
        await driver.press("down", "down", "enter")
        assert ("answer", "b") in driver.front.asked


async def test_break_glass_is_asked_for_only_where_a_policy_says_no(opened) -> None:
    async with opened() as driver:
        await driver.press("b", "enter")
        assert "Break glass" not in driver.text()
        session = driver.front.session(driver.app.console_screen.current.session.id)
        frozen = replace(CONFIRMATION, step="frozen", overridable="freeze: nothing is changed before 06:00")
        driver.front.post_session(replace(session, confirmation=frozen))
        await driver.settle()
        assert "nothing is changed before 06:00" in driver.text()
        await driver.press(*"consumer-order", "enter", *"why", "enter")
        assert not [call for call in driver.front.asked if call[0] == "confirm"]
        driver.front.confirm_error = RefusedError("freeze", "consumer-order", "not yet", "Wait.")
        await driver.press(*"orders stand still", "enter")
        assert ("confirm", "consumer-order", "why", "", "orders stand still") in driver.front.asked
        assert driver.app.console_screen.current.form.value("glass") == "orders stand still"


async def test_a_long_log_is_shown_by_its_end_and_whole_by_a_key(opened) -> None:
    async with opened() as driver:
        await driver.press("b")
        session = driver.front.session(driver.app.console_screen.current.session.id)
        long = Evidence(
            "logs", "The log", "\n".join(f"line-{i:03}." for i in range(100)), notice=("look here",)
        )
        driver.front.post_session(replace(session, evidence=(long,)))
        await driver.settle()
        text = driver.text()
        assert all(words in text for words in ("look here", "line-099.", "94 more lines"))
        assert "line-000." not in text
        await driver.press("v")
        assert "line-000." in driver.text()


def test_the_plot_of_an_hpa_is_true_to_time() -> None:
    hpa = next(iter(view().snapshot.hpas.values()))
    # 2 replicas for one minute in ten, then 15: nine tenths of the width stand high
    lines = [
        "".join(text for text, _ in line)
        for line in plot(((0, 2, 2), (60, 15, 15), (600, 15, 15)), hpa, 60, 8)
    ]
    assert 46 <= lines[0].count("█") <= 50
    assert "00:00" in lines[-2]
    assert "00:10" in lines[-2]
