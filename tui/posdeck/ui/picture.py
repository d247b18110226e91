"""One view as it would be drawn, as text or SVG, without a terminal: for snapshots, documents and pipes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from textual.app import App
    from textual.pilot import Pilot

    from posdeck.operations.front import Front
    from posdeck.ui.app import PosdeckApp
    from posdeck.ui.screens.pane import Pane

_MOST_ROUNDS = 100
_PATIENT_ROUNDS = 10  # in a very small terminal some tables have no room at all


class Frozen:
    """A front that is neither started nor stopped by being drawn: whoever made it does that."""

    def __init__(self, front: Front) -> None:
        self._front = front

    def __getattr__(self, name: str) -> Any:
        return getattr(self._front, name)

    async def start(self) -> None:
        """Nothing: it has its data."""

    async def stop(self, cause: str = "") -> None:
        """Nothing: it is not ours."""


async def draw_view(
    name: str,
    front: Front,
    *,
    size: tuple[int, int] = (160, 50),
    theme: str = "dark",
    svg: bool = False,
    keys: tuple[str, ...] = (),
) -> str:
    """The view ``name`` of a front that has its data already, drawn at ``size`` (columns, lines).

    Text comes without trailing blanks; with ``svg`` an SVG document. ``keys`` are pressed before the picture
    is taken. Raises UnknownNameError for a name that is none.
    """
    from posdeck.ui.app import PosdeckApp
    from posdeck.ui.views import view_named

    view_named(name)
    still = cast("Front", Frozen(front))
    app = PosdeckApp(lambda: still, front.view.surroundings, theme=theme, now=front.clock.now)
    async with app.run_test(size=size) as pilot:
        await app.workers.wait_for_complete([w for w in app.workers if w.group == "front"])
        await pilot.pause()
        await app.go(name)
        await at_rest(app, pilot)
        for key in keys:
            await pilot.press(key)
            await at_rest(app, pilot)
        if svg:
            return app.export_screenshot(title=f"posdeck {name}", simplify=True)
        return screen_text(app)


async def at_rest(app: PosdeckApp, pilot: Pilot[Any]) -> None:
    """Until the place shown has its size and what it shows does not change any more; a busy machine lays out
    late, and a picture of an empty place would be a wrong one."""
    before, same = "", 0
    for _ in range(_MOST_ROUNDS):
        await pilot.pause()
        asking = [worker for worker in app.workers if worker.group == "charts" and not worker.is_finished]
        if asking:
            await app.workers.wait_for_complete(asking)
            await pilot.pause()
        text = screen_text(app)
        same = same + 1 if text == before else 0
        if same >= (1 if _laid_out(app.console_screen.current) else _PATIENT_ROUNDS):
            return
        before = text


def _laid_out(place: Pane) -> bool:
    from posdeck.ui.widgets.table import Table

    tables = [table for table in place.query(Table) if table.display]
    return place.is_mounted and place.size.height > 0 and all(table.size.height > 0 for table in tables)


def screen_text(app: App[Any]) -> str:
    """The screen's characters, line by line, without trailing blanks."""
    width, height = app.size
    lines = app.screen._compositor.render_strips()
    texts = ["".join(segment.text for segment in strip) for strip in lines[:height]]
    return "\n".join(text[: width * 2].rstrip() for text in texts) + "\n"
