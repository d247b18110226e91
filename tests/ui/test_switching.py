"""Going elsewhere: looked up first, asked about in production, and nothing of the old place is seen in the new."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from fake_front import FakeFront, view

from posdeck.errors import ConfigurationError
from posdeck.operations.elsewhere import Destination
from posdeck.operations.view import SessionSummary, Surroundings
from posdeck.ui.messages import ViewChanged


class FakeElsewhere:
    """Three places to go to; every other name is an error."""

    contexts = ("gke-prod-1", "gke-staging")
    namespaces = ("spc--pos", "spc--billing")
    environments = ("production", "staging")

    def __init__(self, front: FakeFront | None = None) -> None:
        self.front = front or other_front()
        self.opening: Any = "where it began"
        self.asked: list[dict[str, str]] = []

    def read(self) -> None:
        """Nothing: the names are at hand."""

    def find(self, *, context: str = "", namespace: str = "", environment: str = "") -> Destination:
        self.asked.append({"context": context, "namespace": namespace, "environment": environment})
        production = "production" in {environment} or context == "gke-prod-1"
        if context not in ("", *self.contexts) or environment not in ("", *self.environments):
            raise ConfigurationError(f"context {context!r}", "there is none", "There are: gke-staging.")
        return Destination(
            environment="production" if production else "staging",
            production=production,
            context=context or ("gke-prod-1" if production else "gke-staging"),
            namespace=namespace or "spc--pos",
            server="https://there",
            insecure=False,
            read_only=False,
            opening=SimpleNamespace(
                chosen_by="the binding of this cluster",
                request=SimpleNamespace(environment=environment or None),
            ),  # type: ignore[arg-type]
            make=lambda: self.front,
        )


def other_front() -> FakeFront:
    """A namespace with one pod, elsewhere."""
    shown = view()
    name = next(iter(shown.snapshot.pods))
    there = replace(
        shown.snapshot,
        pods={"there-only": replace(shown.snapshot.pods[name], name="there-only")},
        connection=replace(shown.snapshot.connection, context="gke-staging"),
    )
    around = Surroundings("staging", False, "ask", bound=True)
    return FakeFront(replace(shown, snapshot=there, surroundings=around, problems=()))


async def go(driver: Any, line: str) -> None:
    await driver.press("colon", *line, "enter")
    await driver.settle()
    await driver.settle()


async def test_another_environment_begins_anew_with_a_header_that_cannot_be_mistaken(opened) -> None:
    elsewhere = FakeElsewhere()
    async with opened(elsewhere=elsewhere, size=(160, 40)) as driver:
        await driver.press("2", "slash", *"order", "enter")
        assert "PRODUCTION" in driver.text().splitlines()[0]
        old = driver.front
        await go(driver, "env staging")
        header, text = driver.text().splitlines()[0], driver.text()
        assert "STAGING" in header
        assert "PRODUCTION" not in header
        assert "Now environment staging" in text
        assert "Wrong now" in text, "it begins with the overview"
        assert old.asked[-1] == ("stop", "posdeck was pointed elsewhere")
        assert elsewhere.front.asked == [("start",)]
        assert elsewhere.opening != "where it began"
        await driver.press("2")
        assert "Pods 1" in driver.text(), "no filter is carried over"
        assert "there-only" in driver.text()
    assert elsewhere.front.asked[-1][0] == "stop"


async def test_what_the_old_place_still_says_is_not_drawn(opened) -> None:
    async with opened(elsewhere=FakeElsewhere(), size=(160, 40)) as driver:
        old_link, old_view = driver.app._link, driver.front.view
        await go(driver, "env staging")
        driver.app.post_message(ViewChanged(old_view, old_link))
        driver.front.post(old_view)
        await driver.settle()
        await driver.press("2")
        assert "consumer-order" not in driver.text()
        assert "STAGING" in driver.text().splitlines()[0]


async def test_going_to_production_asks_for_its_name(opened) -> None:
    staging = FakeFront(replace(other_front().view))
    elsewhere = FakeElsewhere(FakeFront())
    async with opened(staging, elsewhere=elsewhere, size=(160, 40)) as driver:
        await go(driver, "ctx gke-prod-1")
        assert "type production · goes to spc--pos, context gke-prod-1" in driver.text()
        await driver.press(*"yes", "enter")
        assert "'yes' is not 'production': still in staging" in driver.text()
        await go(driver, "ctx gke-prod-1")
        await driver.press("escape")
        assert "STAGING" in driver.text().splitlines()[0]
        assert elsewhere.front.asked == []
        await go(driver, "ctx gke-prod-1")
        await driver.press(*"production", "enter")
        await driver.settle()
        assert "PRODUCTION" in driver.text().splitlines()[0]
        assert elsewhere.front.asked == [("start",)]


async def test_nothing_is_switched_while_something_runs(opened) -> None:
    running = SessionSummary("7f", "restart-consumer", "Restart", "consumer-order", "running", "act", None)
    elsewhere = FakeElsewhere()
    async with opened(FakeFront(replace(view(), sessions=(running,))), elsewhere=elsewhere) as driver:
        await go(driver, "env staging")
        assert "Not while something runs: Restart · consumer-order" in driver.text()
        assert elsewhere.asked == []
        assert "PRODUCTION" in driver.text().splitlines()[0]


async def test_a_name_that_is_none_leaves_all_as_it_is(opened) -> None:
    async with opened(elsewhere=FakeElsewhere(), size=(160, 40)) as driver:
        await go(driver, "ctx nowhere")
        assert "There are: gke-staging. Nothing was switched." in driver.text()
        assert driver.front.asked == [("start",)]


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("ctx gke-s", "ctx gke-staging"),
        ("ns bill", "ns spc--billing"),
        ("env prod", "env production"),
        ("describe pod/there", "describe pod/there-only"),
        ("yaml serv", "yaml service/"),
        ("logs order", "logs consumer-order"),
        ("theme li", "theme light"),
    ],
)
async def test_names_of_places_and_things_are_completed(opened, typed, found) -> None:
    async with opened(other_front(), elsewhere=FakeElsewhere()) as driver:
        await driver.press("colon", *typed, "tab")
        assert driver.app.console_screen.prompt.query_one("Input").value == found


async def test_without_a_name_the_prompt_lists_what_there_is(opened) -> None:
    async with opened(elsewhere=FakeElsewhere()) as driver:
        await go(driver, "ctx")
        assert "ctx gke-prod-1" in driver.text()
        assert "ctx gke-staging" in driver.text()


async def test_from_the_embedded_cluster_there_is_no_way_elsewhere(opened) -> None:
    async with opened() as driver:
        await go(driver, "ctx gke-staging")
        assert "there is no other from here" in driver.text()


async def test_a_front_that_is_made_too_late_is_never_shown(opened) -> None:
    """The first place takes its time; by then one has gone elsewhere."""
    import threading

    from posdeck.ui.app import PosdeckApp

    let, slow = threading.Event(), FakeFront()

    def make() -> FakeFront:
        let.wait(10)
        return slow

    elsewhere = FakeElsewhere()
    app = PosdeckApp(make, Surroundings("production", True, "ask"), now=slow.clock.now, elsewhere=elsewhere)  # type: ignore[arg-type]
    async with app.run_test(size=(160, 40)) as pilot:
        await pilot.press("colon", *"env staging", "enter")
        await app.workers.wait_for_complete([w for w in app.workers if w.group == "switch"])
        let.set()
        await app.workers.wait_for_complete([w for w in app.workers if w.group == "front"])
        await pilot.pause()
        assert app.front is elsewhere.front
        assert slow.asked == []


@pytest.mark.parametrize("line", ["describe deployment/consumer-order", "describe deploy consumer-order"])
async def test_an_object_can_be_named_by_kind_and_name(opened, line) -> None:
    async with opened() as driver:
        await go(driver, line)
        assert "Describe deployments/spc--pos--be--consumer-order--prod" in driver.text()


async def test_yaml_of_any_kind_by_name(opened) -> None:
    async with opened() as driver:
        await go(driver, "yaml cm/settings")
        assert "YAML configmaps/settings" in driver.text()
        pod = next(iter(driver.front.view.snapshot.pods))
        await go(driver, f"yaml {pod}")
        assert f"YAML pods/{pod}" in driver.text()


async def test_asking_twice_at_once_goes_to_one_place(opened) -> None:
    elsewhere = FakeElsewhere()
    async with opened(elsewhere=elsewhere) as driver:
        from posdeck.ui import switching

        await asyncio.gather(
            switching.switch(driver.app, "environment", "staging"),
            switching.switch(driver.app, "environment", "staging"),
        )
        await driver.settle()
        assert "STAGING" in driver.text().splitlines()[0]
        assert driver.app.is_running
