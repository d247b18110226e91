"""One view as it would be drawn, as text or SVG, without a terminal: for snapshots, documents and pipes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from posdeck.errors import UnknownNameError

if TYPE_CHECKING:
    from textual.app import App

    from posdeck.operations.front import Front


class Frozen:
    """A front that is neither started nor stopped by being drawn: whoever made it does that."""

    def __init__(self, front: Front) -> None:
        self._front = front

    def __getattr__(self, name: str) -> Any:
        return getattr(self._front, name)

    async def start(self) -> None:
        """Nothing: it has its data."""

    async def stop(self) -> None:
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
    from posdeck.ui.views import BY_NAME, VIEWS

    if name not in BY_NAME:
        raise UnknownNameError(
            repr(name), "no view has this name", f"The views are: {', '.join(v.name for v in VIEWS)}"
        )
    still = cast("Front", Frozen(front))
    app = PosdeckApp(lambda: still, front.view.surroundings, theme=theme, now=front.clock.now)
    async with app.run_test(size=size) as pilot:
        await app.workers.wait_for_complete([w for w in app.workers if w.group == "front"])
        await pilot.pause()
        await app.go(name)
        await pilot.pause()
        for key in keys:
            await pilot.press(key)
            await pilot.pause()
        if svg:
            return app.export_screenshot(title=f"posdeck {name}", simplify=True)
        return screen_text(app)


def screen_text(app: App[Any]) -> str:
    """The screen's characters, line by line, without trailing blanks."""
    width, height = app.size
    lines = app.screen._compositor.render_strips()
    texts = ["".join(segment.text for segment in strip) for strip in lines[:height]]
    return "\n".join(text[: width * 2].rstrip() for text in texts) + "\n"
