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
from posdeck.ui.widgets.pager import text_of

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
        self.came: list[tuple[str, str]] = []
        monkeypatch.setattr(driver.app, "leave", lambda *_: None)
        screen = driver.app.console_screen
        real = screen.do

        async def do(action: Action, key: str) -> None:
            self.came.append((action.id, key))
            await real(action, key)

        monkeypatch.setattr(screen, "do", do)


def reached(driver: Any) -> list[tuple[Action, str]]:
    """The actions that apply here, by each key that comes to them."""
    scopes = driver.app.console_screen.current.scopes()
    keys, typing = driver.app.keys, isinstance(driver.app.focused, Input)
    pairs = [(action, key) for action in keys.actions for key in action.keys]
    found = [(action, key) for action, key in pairs if keys.find(key, scopes) is action]
    # letters are text in a field
    return [(action, key) for action, key in found if not typing or len(key) > 1]


async def test_every_key_of_the_registry_does_something_somewhere(opened, monkeypatch) -> None:
    missing = {(action.id, key) for action in all_actions() for key in action.keys}
    front = FakeFront()
    async with opened(front, size=(160, 50)) as driver:
        pressed = Pressed(driver, monkeypatch)
        for place in PLACES:
            await enter(driver, place)
            for action, key in reached(driver):
                if (action.id, key) in missing and await ready(driver, place, action, key):
                    await press(driver, pressed, place, action, key)
                    missing.discard((action.id, key))
    assert not missing, f"never pressed: {sorted(missing)}"


async def enter(driver: Any, place: Place) -> None:
    driver.front.forwards.open.setdefault("f1", forward_view())  # a key may have stopped it
    await place.enter(driver)
    await driver.settle()


async def ready(driver: Any, place: Place, action: Action, key: str) -> bool:
    """Back to the place, after what the key before did; False when that took this action away."""
    if driver.app.screen is not driver.app.console_screen:
        driver.app.pop_screen()
    if driver.app.console_screen.prompt.shown:
        await driver.press("escape")
    if (action, key) not in reached(driver):
        await enter(driver, place)
        table = driver.app.console_screen.current.table()
        if table is not None and table.list.item is None:
            await driver.press("down")  # where the selected row went, none is selected until somebody does
    return (action, key) in reached(driver)


async def press(driver: Any, pressed: Pressed, place: Place, action: Action, key: str) -> None:
    before, typing = len(pressed.came), isinstance(driver.app.focused, Input)
    await driver.press(key)
    assert DEFECT not in driver.text(), f"{action.id} by {key} in {place.name}:\n{driver.text()}"
    assert driver.app.is_running, f"{action.id} by {key} in {place.name} ended the application"
    # a field takes its own enter, and hands on what was typed
    came = pressed.came[before:] or [(action.id, key)] * (typing and key == "enter")
    assert (action.id, key) in came, f"{key} in {place.name}: {came}"


async def test_the_help_of_each_place_shows_every_key_that_works_there(opened) -> None:
    async with opened() as driver:
        for place in PLACES:
            await enter(driver, place)
            titles = {action.title for action, _ in reached(driver)}
            await driver.app.command("help")
            pane = driver.app.console_screen.current
            await driver.until(lambda pane=pane: len(pane.text.lines) > 1, "the help")
            text = "\n".join(text_of(line) for line in pane.text.lines)
            assert not [title for title in titles if title not in text], place.name
