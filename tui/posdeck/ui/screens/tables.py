"""The places that are one table: pods, workloads, revisions, consumers, services, events, nodes, findings."""

from __future__ import annotations

from typing import Any, ClassVar

from textual.app import ComposeResult

from posdeck.cluster.snapshot import Event, Feed, FeedState
from posdeck.operations.view import Problem
from posdeck.ui.plain import plain
from posdeck.ui.rows.cells import RowKind
from posdeck.ui.rows.objects import Events, Nodes, Revisions, Services, about
from posdeck.ui.rows.pods import Pods
from posdeck.ui.rows.problems import Findings
from posdeck.ui.rows.workloads import Workloads
from posdeck.ui.scene import Scene
from posdeck.ui.screens.pane import Pane, Subject
from posdeck.ui.subjects import subject_of
from posdeck.ui.widgets.box import Box
from posdeck.ui.widgets.reason import Reason
from posdeck.ui.widgets.table import Table


def why_empty(table: Table, feed: Feed | None) -> str:
    """Why there are no rows, and what to do; empty when there are some."""
    noun = table.kind.noun
    if table.list.shown_count:
        return ""
    if table.list.items:
        return (
            f"{len(table.list.items):,} {noun} are there,"
            f" and the filter “{plain(table.list.filter.text)}” shows none of them.\nesc takes the filter away."
        )
    return _feed_words(feed, noun) if feed is not None else f"There are no {noun}."


def count_text(feed: Feed | None, count: int) -> str:
    """`` 18`` after a caption; nothing while nothing was read, because that is not 0."""
    unread = feed is not None and feed.state is not FeedState.LIVE and not count
    return "" if unread else f" {count:,}"


def _feed_words(feed: Feed, noun: str) -> str:
    reason = f"\n{plain(feed.reason)}" if feed.reason else ""
    words = {
        FeedState.CONNECTING: f"Still loading the {noun}. They come as soon as the API server answers.",
        FeedState.FORBIDDEN: f"This identity may not list {noun}. Ask for the permission, or do without.",
        FeedState.AUTH_EXPIRED: "The credentials have expired"
        f", so {noun} cannot be read. Log in again; it goes on by itself.",
        FeedState.ABSENT: f"This cluster does not serve {noun}: the API is not installed.",
        FeedState.STALE: f"No {noun} were there when the connection was lost. It is being tried again.",
        FeedState.LIVE: f"There are no {noun} in this namespace.",
    }
    return words[feed.state] + reason


class TablePane(Pane):
    """A box with a table in it, its counts in the title, and the reason when it is empty."""

    kind_class: ClassVar[type[RowKind]]
    caption: ClassVar[str] = ""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.rows = Table(self.kind_class())
        self.box = Box()
        self._why = Reason()

    def compose(self) -> ComposeResult:
        """Box, table, reason."""
        with self.box:
            yield self._why
            yield self.rows

    def draw(self, scene: Scene) -> None:
        self.rows.show(scene)
        feed = scene.snapshot.feed(self.rows.kind.feed) if self.rows.kind.feed else None
        self._why.say(self.why(scene, feed))
        self.box.say(self.title_text(feed), self.subtitle_text(scene))

    def why(self, scene: Scene, feed: Feed | None) -> str:
        """Why there is nothing to see."""
        problem = scene.snapshot.connection.problem
        if problem and not self.rows.list.items:
            return f"Nothing can be listed: {plain(problem)}.\n:ns goes to another namespace, :ctx to another cluster."
        return why_empty(self.rows, feed)

    def title_text(self, feed: Feed | None) -> str:
        """The caption with counts, and the state when it is not live."""
        table = self.rows
        shown, total = table.list.shown_count, len(table.list.items)
        of = f" {shown:,} of {total:,}" if table.list.filter and total else count_text(feed, total)
        if feed is not None and feed.total is not None and feed.total > total:
            of = f"{of} of {feed.total:,}, loading"
        state = ""
        if feed is not None and feed.state is not FeedState.LIVE:
            state = f" · {feed.state.value.upper()}"
        marked = f" · {len(table.list.marked)} marked" if table.list.marked else ""
        filtered = f" · /{plain(table.list.filter.text)}" if table.list.filter else ""
        return f"{self.caption}{of}{filtered}{marked}{state}"

    def subtitle_text(self, scene: Scene) -> str:
        """What the bottom edge says."""
        selected = self.rows.list.selected
        return "" if selected is None else plain(selected)

    def subject(self) -> Subject | None:
        item: Any = self.rows.list.item
        if item is None or self.scene is None or self.rows.list.selected is None:
            return None
        return subject_of(self.rows.list.selected, item, self.scene)

    def on_table_moved(self, _event: Table.Moved) -> None:
        """The bottom line names what is selected; Textual calls the base class's handler as well."""
        if self.scene is not None:
            self.box.say(self.box.said[0], self.subtitle_text(self.scene))


class PodsPane(TablePane):
    """Pods."""

    view_name, kind_class, caption = "pods", Pods, "Pods"


class WorkloadsPane(TablePane):
    """Deployments."""

    view_name, kind_class, caption = "workloads", Workloads, "Workloads"

    def title_text(self, feed: Feed | None) -> str:
        base = super().title_text(feed)
        if self.scene is None:
            return base
        asleep = sum(1 for d in self.scene.snapshot.deployments.values() if d.desired == 0)
        return f"{base} · {len(self.rows.list.items) - asleep} active, {asleep} asleep"


class RevisionsPane(TablePane):
    """Replica sets."""

    view_name, kind_class, caption = "revisions", Revisions, "Revisions"


class ServicesPane(TablePane):
    """Services."""

    view_name, kind_class, caption = "services", Services, "Services"


class EventsPane(TablePane):
    """Events."""

    view_name, kind_class, caption = "events", Events, "Events"

    def subtitle_text(self, scene: Scene) -> str:
        """The message, which a narrow table cuts; the event's own name says nothing."""
        event: Event | None = self.rows.list.item
        return "" if event is None else plain(f"{about(event, scene)}: {event.message}")


class NodesPane(TablePane):
    """Nodes."""

    view_name, kind_class, caption = "nodes", Nodes, "Nodes"


class FindingsPane(TablePane):
    """Problems and risks."""

    view_name, kind_class, caption = "findings", Findings, "Findings"

    def subtitle_text(self, scene: Scene) -> str:
        """What is wrong, of which a narrow table shows the beginning only."""
        problem: Problem | None = self.rows.list.item
        return "" if problem is None else plain(f"{problem.short}: {problem.text}")

    def why(self, scene: Scene, feed: Feed | None) -> str:
        if self.rows.list.items:
            return super().why(scene, feed)
        if scene.view.cannot_tell:
            listed = "\n".join(f"  ? {plain(reason)}" for reason in scene.view.cannot_tell)
            return f"Nothing is known to be wrong, but health cannot be told:\n{listed}"
        return "Nothing is wrong, and no standing risk is known."
