"""A session by keyboard: question, confirmation, refusal, tasks, result; what was typed is never lost."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fake_front import CONFIRMATION, FakeFront

from posdeck.errors import RefusedError
from posdeck.operations.view import StepState, TaskView

REFUSED = RefusedError("permission", "consumer-order", "no permission to patch deployments", "Ask for it.")


async def test_one_key_opens_the_runbook_of_the_problem_with_its_parameters(opened) -> None:
    async with opened() as driver:
        await driver.press("b")
        assert (
            "open_session",
            "consumer-not-processing",
            {"consumer": "consumer-order"},
        ) in driver.front.asked
        text = driver.text()
        assert "Is it stuck, or only slow?" in text
        assert "← suggested" in text
        assert "channel closed" in text


@pytest.mark.parametrize("size", [(80, 24), (200, 50)])
async def test_the_whole_way_by_keyboard(opened, size) -> None:
    async with opened(size=size) as driver:
        await driver.press("b", "enter")
        assert ("answer", "stuck") in driver.front.asked
        assert "Type consumer-order to go on" in driver.text()
        await driver.press(*"consumer-order", "enter", *"INC", "enter")
        assert ("confirm", "consumer-order", "INC", "", "") in driver.front.asked
        text = driver.text()
        assert "✔ preview: server-side dry run" in text
        assert "▶ restart" in text


async def test_a_number_answers(opened) -> None:
    async with opened() as driver:
        await driver.press("b", "3", "enter")
        assert ("answer", "unsure") in driver.front.asked


async def test_an_enter_too_many_confirms_nothing(opened) -> None:
    async with opened() as driver:
        await driver.press("b", "enter", "enter", "enter")
        assert not [call for call in driver.front.asked if call[0] == "confirm"]


async def test_where_y_is_enough_enter_is_not(opened) -> None:
    async with opened() as driver:
        await driver.press("b", "enter")
        session = driver.front.session("7f3a0011")
        light = replace(CONFIRMATION, type_this="", reason_required=False, step="light")
        driver.front.post_session(replace(session, confirmation=light))
        await driver.settle()
        await driver.press("enter")
        assert not [call for call in driver.front.asked if call[0] == "confirm"]
        await driver.press("y")
        assert ("confirm", "yes", "", "", "") in driver.front.asked


async def test_a_wrong_name_is_caught_and_stays_to_be_corrected(opened) -> None:
    async with opened() as driver:
        await driver.press("b", "enter", *"consumer-orde", "enter", *"why", "enter")
        form = driver.app.console_screen.current.form
        assert "'consumer-orde' was typed" in form.refusal
        assert "⊘" in driver.text()
        assert (form.value("typed"), form.value("reason")) == ("consumer-orde", "why")
        await driver.press(*"consumer-order", "enter")
        typed = [call[1] for call in driver.front.asked if call[0] == "confirm"]
        assert typed == ["consumer-orde", "consumer-order"], "the gate puts a wrong name on record"


async def test_f2_confirms_as_it_stands_and_the_gate_says_what_is_missing(opened) -> None:
    async with opened(FakeFront(confirm_error=REFUSED), size=(200, 40)) as driver:
        await driver.press("b", "enter", *"consumer-order", "f2")
        assert ("confirm", "consumer-order", "", "", "") in driver.front.asked
        assert "refused by rule permission" in driver.text()


async def test_a_refusal_stands_beside_what_was_typed(opened) -> None:
    async with opened(FakeFront(confirm_error=REFUSED), size=(200, 40)) as driver:
        await driver.press("b", "enter", *"consumer-order", "enter", *"because", "enter")
        text = driver.text()
        assert "refused by rule permission" in text
        assert "no permission to patch deployments" in text
        form = driver.app.console_screen.current.form
        assert (form.value("typed"), form.value("reason")) == ("consumer-order", "because")
        driver.front.confirm_error = None
        await driver.press("enter")
        assert len([call for call in driver.front.asked if call[0] == "confirm"]) == 2
        assert "▶ restart" in driver.text()


async def test_an_update_of_the_session_keeps_what_is_being_typed(opened) -> None:
    async with opened() as driver:
        await driver.press("b", "enter", *"consumer")
        session = driver.front.session("7f3a0011")
        driver.front.post_session(replace(session, log=("a line",)))
        await driver.settle()
        assert driver.app.console_screen.current.form.value("typed") == "consumer"


async def test_an_act_that_the_gate_refuses_beforehand_cannot_be_confirmed(opened) -> None:
    async with opened() as driver:
        await driver.press("b", "enter")
        session = driver.front.session("7f3a0011")
        barred = replace(CONFIRMATION, refused="read-only: started with --read-only")
        driver.front.post_session(replace(session, confirmation=barred))
        await driver.settle()
        assert "read-only: started with --read-only" in driver.text()
        await driver.press("y", "f2", "enter")
        assert not [call for call in driver.front.asked if call[0] == "confirm"]


async def test_r_goes_straight_to_the_act(opened) -> None:
    async with opened() as driver:
        await driver.press("5", "r")
        assert (
            "open_session",
            "restart-consumer",
            {"consumer": "consumer-order"},
            "straight",
        ) in driver.front.asked
        assert "Type consumer-order to go on" in driver.text()


async def test_tasks_result_verification_and_what_comes_next(opened) -> None:
    async with opened() as driver:
        await driver.press("b", "enter", *"consumer-order", "enter", *"x", "enter")
        session = driver.front.session("7f3a0011")
        driver.front.post_session(
            replace(
                session,
                status="failed",
                tasks=(TaskView("wait for the rollout", StepState.FAILED, 300.0, "deadline [bold]exceeded"),),
                verification="failed",
                result="the new pod does not become ready",
                next_offer=("roll-back", "Roll back to revision 40"),
                next_params={"workload": "consumer-order", "revision": "40"},
                exit_code=4,
            )
        )
        await driver.settle()
        text = driver.text()
        for words in (
            "verification: failed",
            "deadline [bold]exceeded",
            "Roll back to revision 40",
            "exit 4",
        ):
            assert words in text
        await driver.press("b")
        assert (
            "open_session",
            "roll-back",
            {"workload": "consumer-order", "revision": "40"},
        ) in driver.front.asked


async def test_ctrl_c_cancels_the_session_and_does_not_quit(opened) -> None:
    async with opened() as driver:
        await driver.press("b", "ctrl+c")
        assert ("cancel", "7f3a0011") in driver.front.asked
        assert driver.app.is_running
        assert "cancelled" in driver.text()


async def test_escape_leaves_the_screen_and_not_the_session(opened) -> None:
    async with opened() as driver:
        await driver.press("b", "escape")
        assert driver.app.console_screen.current.view_name == "overview"
        assert not [call for call in driver.front.asked if call[0] == "cancel"]


async def test_evidence_and_log_can_be_read_while_it_runs(opened) -> None:
    async with opened() as driver:
        await driver.press("b", "v")
        assert "Pods of consumer-order" in driver.text()
        await driver.press("o")
        assert "No output yet" in driver.text()


async def test_a_workload_without_a_runbook_says_so(opened) -> None:
    async with opened() as driver:
        await driver.press("3", "b")
        assert "No runbook fits app" in driver.text()


async def test_what_an_act_did_can_be_taken_back_by_a_key(opened) -> None:
    async with opened() as driver:
        await driver.press("b", "enter")
        await driver.press("Z")
        assert not [call for call in driver.front.asked if call[0] == "take_back"], "nothing to take back yet"
        session = driver.front.session("7f3a0011")
        over = replace(
            session, confirmation=None, status="done", way_back="Set the former number of replicas"
        )
        driver.front.post_session(over)
        await driver.settle()
        assert "Z  Set the former number of replicas" in driver.text()
        await driver.press("Z")
        assert ("take_back", "7f3a0011", "") in driver.front.asked


async def test_live_output_can_be_scrolled_and_searched(opened) -> None:
    async with opened(size=(80, 24)) as driver:
        await driver.press("b", "enter", *"consumer-order", "enter", *"because", "enter")
        session = driver.front.session("7f3a0011")
        tasks = tuple(TaskView(f"task {i}", StepState.PASSED, 0.1) for i in range(30))
        log = tuple(f"line {i} of the playbook" for i in range(60))
        driver.front.post_session(replace(session, tasks=tasks, log=log))
        await driver.settle()
        assert "task 29" in driver.text()
        await driver.press("tab", "g")
        assert "task 0" in driver.text()
        driver.front.post_session(
            replace(session, tasks=(*tasks, TaskView("task 30", StepState.RUNNING)), log=log)
        )
        await driver.settle()
        assert "task 0" in driver.text(), "who reads is left where he is"
        await driver.press("slash", *"task 17", "enter")
        assert "task 17" in driver.text()
        await driver.press("escape", "tab", "o")
        assert "line 0 of the playbook" in driver.text()
        await driver.press("slash", *"line 41", "enter")
        assert "line 41 of the playbook" in driver.text()
