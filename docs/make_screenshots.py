"""Draws every view and every screen of the main job from the embedded cluster, for the documentation.

One console in the simulated environment, with a fault that a restart cures, gives the views and a session from
its question to its end. A second one looks at the same cluster with the name, the colours and the policy of
production, because a picture of the real one has no place in a repository. ``make screenshots`` runs this; the
pictures are SVG, in docs/screenshots.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import cast

from textual.pilot import Pilot

from posdeck.catalogue.reading import read_catalogue
from posdeck.cli.demo import embedded_cluster, wait_for
from posdeck.cli.headless import live_view
from posdeck.operations.console import Console
from posdeck.operations.front import Front
from posdeck.operations.opening import Opening, Request, open_content
from posdeck.operations.still import Still
from posdeck.operations.view import SessionView
from posdeck.ui.app import PosdeckApp
from posdeck.ui.picture import at_rest, draw_view
from posdeck.ui.screens.session import SessionPane
from posdeck.ui.views import VIEWS

FOLDER = Path(__file__).parent / "screenshots"
FAULT = "consumer-channel-closed=consumer-order"
WIDE, NARROW = (200, 50), (80, 24)
PATIENCE = 120.0  # seconds for the fault to be found, and for a rollout


async def main(kubeconfig: Path) -> None:
    """All pictures, into ``FOLDER``."""
    FOLDER.mkdir(exist_ok=True)
    async with console("simulated", kubeconfig) as simulated:
        await until(lambda: bool(simulated.view.problems), "the fault to be found")
        for view in VIEWS:
            if view.name not in {"overview", "logs"}:
                await draw(simulated, view.name, WIDE, view.name)
        await overviews(simulated, "simulated")
        async with console("production", kubeconfig) as production:
            await until(lambda: bool(production.view.problems), "the fault to be found")
            await overviews(production, "production")
            await session(production, "production", WIDE, to_the_end=False)
        await session(simulated, "narrow", NARROW, to_the_end=True)
        await draw(simulated, "audit", WIDE, "audit")  # again: now there is something in it


@asynccontextmanager
async def console(environment: str, kubeconfig: Path) -> AsyncIterator[Console]:
    """A live console of an environment."""
    found = Console(
        dressed(open_content(Request(environment="simulated", kubeconfig=kubeconfig)), environment)
    )
    await found.start()
    try:
        await live_view(found, seconds=PATIENCE, numbers=True)
        yield found
    finally:
        await found.stop()


def dressed(opening: Opening, environment: str) -> Opening:
    """The simulated environment under another's name and policy."""
    if environment == "simulated":
        return opening
    worn = read_catalogue(opening.folders.environment(environment)).environment
    own = opening.catalogue.environment
    mixed = replace(own, name=worn.name, production=worn.production, policy=worn.policy)
    return replace(opening, catalogue=replace(opening.catalogue, environment=mixed))


async def overviews(source: Console, environment: str) -> None:
    """The overview at both sizes."""
    for columns, lines in (WIDE, NARROW):
        await draw(source, "overview", (columns, lines), f"overview-{environment}-{columns}x{lines}")


async def draw(source: Console, view: str, size: tuple[int, int], name: str) -> None:
    """One view."""
    front = cast("Front", Still(source))
    save(name, await draw_view(view, front, size=size, svg=True))


async def session(source: Console, word: str, size: tuple[int, int], *, to_the_end: bool) -> None:
    """The main job by keyboard, with a picture of each screen on which a person is asked."""
    front = cast("Front", Still(source))
    app = PosdeckApp(lambda: front, source.view.surroundings, now=source.clock.now)
    async with app.run_test(size=size) as pilot:
        await app.workers.wait_for_complete([w for w in app.workers if w.group == "front"])
        await at_rest(app, pilot)
        await pilot.press("b")
        await until(lambda: shown(app).question is not None, "the question")
        await picture(pilot, f"session-question-{word}")
        asked = shown(app).question
        answers = [choice.id for choice in asked.choices] if asked else []
        await pilot.press(str(answers.index("stuck") + 1), "enter")
        await until(lambda: shown(app).confirmation is not None, "the confirmation")
        await picture(pilot, f"session-confirmation-{word}")
        if to_the_end:
            await pilot.press("y")
            await until(lambda: shown(app).status == "done", "the end of the session")
            await picture(pilot, f"session-done-{word}")
        else:
            await pilot.press("ctrl+c")
            await until(lambda: shown(app).status == "cancelled", "the cancelling")


NOTHING = SessionView("", "", "", "", "", ())


def shown(app: PosdeckApp) -> SessionView:
    """The session on the screen; an empty one before it is there."""
    pane = app.console_screen.current
    found = pane.session if isinstance(pane, SessionPane) else None
    return found or NOTHING


async def picture(pilot: Pilot[int], name: str) -> None:
    """What is on the screen now."""
    await pilot.pause(0.5)
    save(name, pilot.app.export_screenshot(title="posdeck", simplify=True))


def save(name: str, svg: str) -> None:
    """One file."""
    path = FOLDER / f"{name}.svg"
    path.write_text(svg, encoding="utf-8")
    sys.stdout.write(f"{path.name}\n")


async def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for something that takes its own time; raises TimeoutError naming it."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {PATIENCE:.0f} s for {what}")
        await asyncio.sleep(0.1)


if __name__ == "__main__":
    with (
        tempfile.TemporaryDirectory(prefix="posdeck-pictures-") as folder,
        embedded_cluster("simulated", 1, (FAULT,)) as served,
    ):
        # a record and settings of its own, so that nobody's are read or written
        os.environ.update({f"XDG_{kind}_HOME": f"{folder}/{kind}" for kind in ("STATE", "CONFIG", "CACHE")})
        wait_for(served)
        asyncio.run(main(served))
