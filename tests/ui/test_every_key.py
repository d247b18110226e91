"""Every key of the registry is pressed in a place where it is shown, and does what it says it does there.

The registry is walked, not copied: a new action whose key no place below reaches fails here, and so does a key that
another one hides wherever it could be pressed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from fake_front import CONFIRMATION, FakeFront, forward_view
from textual.widgets import Input

from posdeck.ui.actions import Action
from posdeck.ui.procedures import show_session
from posdeck.ui.views import VIEWS, all_actions

Enter = Callable[[Any], Awaitable[None]]
DEFECT = "posdeck itself failed"


@dataclass(frozen=True)
class Place:
    """Somewhere keys are pressed, and the way there."""

    name: str
    enter: Enter


def view_place(name: str) -> Place:
    async def enter(driver: Any) -> None:
        await driver.app.go(name)

    return Place(name, enter)


def command_place(name: str, line: str) -> Place:
    async def enter(driver: Any) -> None:
        await driver.app.command(line)

    return Place(name, enter)


def session_place(name: str, runbook: str, **changes: Any) -> Place:
    """A session at a question, a confirmation, or as ``changes`` make it."""

    async def enter(driver: Any) -> None:
        session = await driver.front.open_session(runbook, {"consumer": "consumer-order"})
        driver.front.post_session(replace(session, **changes))
        await show_session(driver.app, session.id)

    return Place(name, enter)


EASY = replace(CONFIRMATION, type_this="", reason_required=False, ticket_required=False)
OVER: dict[str, Any] = {
    "question": None,
    "confirmation": None,
    "status": "done",
    "result": "It was restarted.",
}
PLACES = (
    *(view_place(view.name) for view in VIEWS),
    command_place("a log", "logs consumer-order"),
    command_place("an object as YAML", "yaml pod/app-448c08-x0k9f"),
    command_place("another kind", "jobs"),
    command_place("links out", "links consumer-order"),
    command_place("a form", "run scale-workload"),
    session_place("a question", "look-around"),
    session_place("a confirmation", "restart-consumer"),
    session_place("a yes or no", "restart-consumer", confirmation=EASY),
    session_place("an end with an offer", "look-around", **OVER, next_offer=("roll-back", "Roll back")),
    session_place("an end with a way back", "restart-consumer", **OVER, way_back="Scale back to 1"),
)


class Pressed:
    """Which action each key press came to."""

    def __init__(self, driver: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self._driver = driver
        self.came: list[tuple[str, str]] = []
        self.left = 0
        monkeypatch.setattr(driver.app, "leave", self._leave)

    def _leave(self, *_: Any) -> None:
        self.left += 1

    def watch(self) -> None:
        """Listen on the present screen."""
        screen = self._driver.app.console_screen
        real = type(screen).do

        async def do(action: Action, key: str) -> None:
            self.came.append((action.id, key))
            await real(screen, action, key)

        screen.do = do


def reached(driver: Any) -> list[tuple[Action, str]]:
    """The actions that apply here, by each key that comes to them."""
    scopes = driver.app.console_screen.current.scopes()
    keys, typing = driver.app.keys, isinstance(driver.app.focused, Input)
    pairs = [(action, key) for action in keys.actions for key in action.keys]
    found = [(action, key) for action, key in pairs if keys.find(key, scopes) is action]
    return [
        (action, key) for action, key in found if not typing or len(key) > 1
    ]  # letters are text in a field


async def test_every_key_of_the_registry_does_something_somewhere(opened, monkeypatch) -> None:
    missing = {(action.id, key) for action in all_actions() for key in action.keys}
    for place in PLACES:
        front = FakeFront()
        front.forwards.open["f1"] = forward_view()
        async with opened(front, size=(160, 50)) as driver:
            pressed = Pressed(driver, monkeypatch)
            pressed.watch()
            await place.enter(driver)
            await driver.settle()
            todo = [(action, key) for action, key in reached(driver) if (action.id, key) in missing]
            for action, key in todo:
                if driver.app.screen is not driver.app.console_screen:
                    driver.app.pop_screen()
                if driver.app.console_screen.prompt.shown:
                    await driver.press("escape")
                if (action, key) not in reached(driver):
                    await place.enter(driver)
                    await driver.settle()
                if (action, key) not in reached(driver):
                    continue  # what the keys before did took it away: another place, or the failure below, has it
                before, typing = len(pressed.came), isinstance(driver.app.focused, Input)
                await driver.press(key)
                assert DEFECT not in driver.text(), f"{action.id} by {key} in {place.name}:\n{driver.text()}"
                assert driver.app.is_running, f"{action.id} by {key} in {place.name} ended the application"
                # a field takes its own enter, and hands on what was typed
                came = pressed.came[before:] or [(action.id, key)] * (typing and key == "enter")
                assert (action.id, key) in came, f"{key} in {place.name}: {came}"
                missing.discard((action.id, key))
    assert not missing, f"never pressed: {sorted(missing)}"


async def test_the_help_of_each_place_shows_every_key_that_works_there(opened) -> None:
    for place in PLACES:
        async with opened(size=(160, 200)) as driver:
            await place.enter(driver)
            await driver.settle()
            titles = {action.title for action, _ in reached(driver)}
            await driver.app.command("help")
            await driver.settle()
            text = driver.text()
            assert not [title for title in titles if title not in text], place.name
