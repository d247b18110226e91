"""Runbooks led through the interface, by keyboard alone on a terminal of 80×24, and the cluster looked at afterwards."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from tests.operations.opened_console import private_folders
from tests.paths.conftest import LIBRARY, OpenHands, embedded_cluster, own_inventory, proofs
from tests.paths.hands import Hands, hands_on
from tests.paths.leading import Leading, Objects
from tests.paths.scenes import Scene
from tests.paths.stage import Part

from posdeck.runbooks.plan import Plan
from posdeck.runbooks.session import rollback_key

pytestmark = pytest.mark.ansible


class Looking:
    """The cluster before and after."""

    def __init__(self, hands: Hands, runbook: str) -> None:
        self.hands = hands
        self.leading = Leading(hands.stage, LIBRARY[runbook], Scene())
        self.before: Objects = {}

    async def begin(self) -> None:
        """Look at it as it is."""
        self.before = await self.leading.objects()

    def plan(self, unit: str) -> Plan:
        """What was planned for an act or its way back."""
        assert self.hands.session is not None
        found = self.hands.stage.console.driver(self.hands.session.id).session.steps[unit].plan
        assert found is not None
        return found

    async def changed_as_planned(self, unit: str) -> None:
        """Only what the plan changes is changed."""
        await self.leading.changed_as_planned(self.plan(unit), self.before)

    async def untouched(self) -> None:
        """It is what it was, byte for byte."""
        assert self.leading.differing(self.before, await self.leading.objects()) == set()


async def restart_by_its_key(hands: Hands) -> None:
    """From the consumers, by the restart key: the name is mistyped, then typed; the end is shown."""
    looking = Looking(hands, "restart-consumer")
    await looking.begin()
    await hands.press("3", "slash", *"consumer-customer", "enter")
    await hands.shows("consumer-customer")
    await hands.press("r")
    await hands.asked("restart")
    await hands.shows("Type consumer-customer to go on:")
    await hands.press(*"consumer-order", "enter")
    form = hands.app.console_screen.current.form  # type: ignore[attr-defined]
    await hands.until(lambda: "'consumer-order' was typed" in form.refusal, "a refusal, on record")
    await looking.untouched()
    await hands.press(*["backspace"] * 20, *"consumer-customer", "enter")
    session = await hands.ended()
    assert (session.exit_code, session.verification) == (0, "passed")
    await hands.shows("verification: passed")
    await looking.changed_as_planned("restart")


async def test_a_restart_with_its_name_typed(embedded_screen: OpenHands) -> None:
    async with embedded_screen() as hands:
        await restart_by_its_key(hands)


async def test_a_decision_an_act_that_fails_and_its_way_back(embedded_screen: OpenHands) -> None:
    async with embedded_screen() as hands:
        looking = Looking(hands, "raise-critical-consumers")
        await looking.begin()
        await hands.say("run raise-critical-consumers consumer-order")
        await answer(hands, "go", "raise")
        await confirm(hands, "consumer-order")
        await hands.until(lambda: hands.session and hands.session.question, "a refusal")
        await hands.shows("operations has to be told before a change")
        await looking.untouched()
        await hands.press("1", "enter")  # they have been told
        hands.stage.part = Part("failed")
        await confirm(hands, "consumer-order")
        await hands.until(lambda: hands.session and hands.session.question, "the offer to take it back")
        await looking.changed_as_planned("raise")
        hands.stage.part = Part()
        await hands.shows("Take it back")
        await hands.press("1", "enter")
        await confirm(hands, "consumer-order")
        await hands.until(lambda: hands.session and hands.session.question, "whom to tell")
        assert looking.plan(rollback_key("raise")).objects
        await looking.untouched()


async def test_an_act_that_is_cancelled_in_the_middle(embedded_screen: OpenHands) -> None:
    async with embedded_screen() as hands:
        looking = Looking(hands, "restart-worker")
        await looking.begin()
        await hands.say("run restart-worker wrk--batch-publisher")
        await answer(hands, "go", "restart")
        hands.stage.part = part = Part("cancelled")
        await confirm(hands, "wrk--batch-publisher")
        await hands.until(part.reached.is_set, "its proofs")
        await hands.press("ctrl+c")
        await hands.shows("Cancelling")
        part.leave.set()
        session = await hands.ended()
        assert (session.status, session.exit_code) == ("cancelled", 4)
        await hands.shows("was cancelled")
        await looking.changed_as_planned("restart")


async def answer(hands: Hands, step: str, choice: str) -> None:
    """Answer a question with the number of the choice and enter."""
    session = await hands.asked(step)
    assert session.question is not None
    number = [each.id for each in session.question.choices].index(choice) + 1
    await hands.shows(session.question.choices[number - 1].label)
    await hands.press(str(number), "enter")


async def confirm(hands: Hands, name: str) -> None:
    """Type the name of the target where the plan is on show."""
    await hands.until(lambda: hands.session and hands.session.confirmation, "a plan")
    await hands.shows(f"Type {name} to go on:")
    await hands.press(*name, "enter")


async def test_a_session_that_was_left_is_taken_up_again(
    quick_runs: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """At its question, with the evidence it had, and again at its plan; then it is carried out."""
    private_folders(monkeypatch, tmp_path)
    own_inventory(tmp_path, monkeypatch, typed=True)
    async with embedded_cluster(tmp_path) as request:

        def opened() -> AbstractAsyncContextManager[Hands]:
            return hands_on(request, monkeypatch, proofs=proofs(), blind=False)

        async with opened() as hands:
            await hands.say("run restart-worker wrk--batch-publisher")
            left = await hands.asked("go")
        async with opened() as hands:
            await hands.shows("1 open :sessions")
            await hands.press("0")
            await hands.shows(left.id)
            await hands.press("enter")
            found = await hands.asked("go")
            assert found.id == left.id
            assert [e.title for e in found.evidence] == [e.title for e in left.evidence]
            assert all(e.text or e.rows for e in found.evidence)
            await answer(hands, "go", "restart")
            await hands.until(lambda: hands.session and hands.session.confirmation, "a plan")
        async with opened() as hands:
            looking = Looking(hands, "restart-worker")
            await looking.begin()
            await hands.shows("1 open :sessions")
            await hands.say("resume")
            await confirm(hands, "wrk--batch-publisher")
            session = await hands.ended()
            assert (session.id, session.exit_code) == (left.id, 0)
            await looking.changed_as_planned("restart")
            await hands.press("0")
            await hands.shows("No session of this place is open")
