"""Places that are entered with something to show, and the way back from them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from posdeck.ui.screens.form import FormPane
from posdeck.ui.screens.kinds import PLACE as KIND_PLACE
from posdeck.ui.screens.kinds import KindPane
from posdeck.ui.screens.links import PLACE as LINKS_PLACE
from posdeck.ui.screens.links import LinksPane
from posdeck.ui.screens.logs import LogsPane
from posdeck.ui.screens.pane import Pane
from posdeck.ui.screens.session import SessionPane
from posdeck.ui.screens.text import TextPane

if TYPE_CHECKING:
    from posdeck.ui.app import PosdeckApp

TEXT_PLACE = "text"
SESSION_PLACE = "session"
FORM_PLACE = "form"
_PLACES: Mapping[str, type[Pane]] = {
    TEXT_PLACE: TextPane,
    SESSION_PLACE: SessionPane,
    FORM_PLACE: FormPane,
    KIND_PLACE: KindPane,
    LINKS_PLACE: LinksPane,
}


async def text_place(app: PosdeckApp) -> TextPane:
    """The place for one text."""
    if app.trail[-1] != TEXT_PLACE:
        app.trail.append(TEXT_PLACE)
    return await app.console_screen.enter(TEXT_PLACE, TextPane)


async def back(app: PosdeckApp) -> None:
    """Take the filter away, or go to where one was before."""
    place = app.console_screen.current
    place.leave_drilled()
    if place.filter and (place.view_name not in _PLACES or place.view_name in {KIND_PLACE, SESSION_PLACE}):
        place.set_filter("")
        return
    if isinstance(place, LogsPane):
        place.close()
    if len(app.trail) > 1:
        app.trail.pop()
    name = app.trail[-1]
    if name in _PLACES:
        await app.console_screen.enter(name, _PLACES[name])
        pane = app.console_screen.current
        if isinstance(pane, SessionPane):
            app.console_screen.header.show(app.scene, place=pane.place())
        return
    await app.go(name)
