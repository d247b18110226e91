"""The links out of what is selected: opened in a browser, or copied where there is none (a terminal over SSH)."""

from __future__ import annotations

import webbrowser
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from posdeck.cluster.snapshot import Feed
from posdeck.operations.links import Link, links_of
from posdeck.ui import actions as act
from posdeck.ui.actions import Action
from posdeck.ui.plain import plain
from posdeck.ui.rows.cells import Cell, Column, RowKind
from posdeck.ui.scene import Scene
from posdeck.ui.screens.pane import Subject
from posdeck.ui.screens.tables import TablePane, why_empty
from posdeck.ui.tones import Tone

if TYPE_CHECKING:
    from posdeck.ui.app import PosdeckApp

PLACE = "links"


class LinkRows(RowKind):
    """One row for each link of the object."""

    id = "links"
    noun = "links"
    columns = (
        Column("title", "LINK", least=10, most=40),
        Column("url", "ADDRESS", most=400, prose=True),
    )

    def __init__(self) -> None:
        self.links: Sequence[Link] = ()

    def items(self, scene: Scene) -> Mapping[str, Any]:
        return {link.title: link for link in self.links}

    def cells(self, key: str, item: Any, scene: Scene) -> Sequence[Cell]:
        link: Link = item
        return (
            Cell(plain(link.title)),
            Cell(plain(link.url or f"– {link.problem}"), Tone.ACCENT if link.url else Tone.DIM),
        )


class LinksPane(TablePane):
    """The links of one object."""

    view_name, kind_class, caption = PLACE, LinkRows, "Links"
    own_scopes: ClassVar[tuple[str, ...]] = (act.LINKS,)

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.about = ""

    def open(self, about: str, links: Sequence[Link]) -> None:
        """Show these."""
        self.about = about
        if isinstance(self.rows.kind, LinkRows):
            self.rows.kind.links = links
        self.draw(self.posdeck.scene)

    def title_text(self, feed: Feed | None) -> str:
        return f"{super().title_text(feed)} · {plain(self.about)}"

    def subtitle_text(self, scene: Scene) -> str:
        return "⏎ opens in a browser, c copies the address"

    def why(self, scene: Scene, feed: Feed | None) -> str:
        if self.rows.list.items:
            return why_empty(self.rows, None)
        return (
            f"The inventory names no links for {plain(self.about)}. Add templates under `links`, as\n"
            "  links: {Dashboard: 'https://grafana.example/d/pos?var-deployment=$deployment'}"
        )

    def subject(self) -> Subject | None:
        return None

    def perform(self, action: Action, key: str) -> bool:
        link = self.rows.list.item
        if action.id not in {"link-open", "copy"} or not isinstance(link, Link):
            return super().perform(action, key)
        if not link.url:
            self.posdeck.notice(f"{plain(link.title)}: {plain(link.problem)}", "warn")
        elif action.id == "link-open" and _open(link.url):
            self.posdeck.notice(f"opened: {plain(link.url)}")
        else:
            self.app.copy_to_clipboard(link.url)
            lead = "no browser here, so it was copied" if action.id == "link-open" else "copied"
            self.posdeck.notice(f"{lead}: {plain(link.url)}")
        return True


def _open(url: str) -> bool:
    """Whether a browser took it; one that draws in this terminal would take the screen, so none of those."""
    import os
    import sys

    if sys.platform != "darwin" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return False
    try:
        return webbrowser.open(url)
    except (webbrowser.Error, OSError):
        return False


async def open_links(app: PosdeckApp, subject: Subject) -> None:
    """Show the links of what is selected."""
    workload = app.need_front().catalogue.by_deployment.get(subject.deployment)
    if workload is None:
        app.notice("The catalogue does not know this object, so the inventory has no links for it.", "warn")
        return
    pod = subject.name if subject.resource == "pods" else ""
    if app.trail[-1] != PLACE:
        app.trail.append(PLACE)
    pane = await app.console_screen.enter(PLACE, LinksPane)
    pane.open(pod or workload.name, links_of(workload, pod))
