"""What is wrong, first; then every workload in its category, the HPA, events, and the latest acts."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from posdeck.cluster.snapshot import FeedState, Kind
from posdeck.ui.plain import plain
from posdeck.ui.rows.cells import Line
from posdeck.ui.rows.hpa import card
from posdeck.ui.rows.objects import EventLines
from posdeck.ui.rows.problems import Problems
from posdeck.ui.rows.records import ActionLines
from posdeck.ui.rows.session import ENDED
from posdeck.ui.rows.workloads import WallRows
from posdeck.ui.scene import Scene
from posdeck.ui.screens.pane import Pane, Subject
from posdeck.ui.screens.tables import count_text, why_empty
from posdeck.ui.subjects import subject_of
from posdeck.ui.tones import Tone
from posdeck.ui.widgets.box import Box
from posdeck.ui.widgets.card import Card
from posdeck.ui.widgets.reason import Reason
from posdeck.ui.widgets.table import Table

WIDE = 120
WIDEST = 160


class OverviewPane(Pane):
    """The place where one begins."""

    view_name: ClassVar[str] = "overview"
    DEFAULT_CSS = """
    OverviewPane #wrong { height: auto; }
    OverviewPane #problems { height: auto; max-height: 8; }
    OverviewPane #lower { height: 1fr; }
    OverviewPane #wall-box { width: 1fr; }
    OverviewPane #side { width: 62; }
    OverviewPane #hpa-box { height: auto; }
    OverviewPane #acts-box { height: 8; }
    OverviewPane.-medium #side { width: 46; }
    OverviewPane.-narrow #side { display: none; }
    OverviewPane #healthy { height: auto; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.problems = Table(Problems(), header=False, id="problems")
        self.rows = Table(WallRows(), id="wall")
        self.events_table = Table(EventLines(), header=False, id="event-lines")
        self.acts = Table(ActionLines(), header=False, id="act-lines")
        self.wrong = Box(id="wrong")
        self.wall_box = Box(id="wall-box")
        self.hpa_box = Box(id="hpa-box")
        self.events_box = Box(id="events-box")
        self.acts_box = Box(id="acts-box")
        self._hpa = Card(id="hpa-card")
        self._healthy = Card(id="healthy")
        self._why = Reason()
        self._no_events = Reason()
        self._no_acts = Reason()

    def compose(self) -> ComposeResult:
        """Problems over the wall, the rest at the right."""
        with self.wrong:
            yield self._healthy
            yield self.problems
        with Horizontal(id="lower"):
            with self.wall_box:
                yield self._why
                yield self.rows
            with Vertical(id="side"):
                with self.hpa_box:
                    yield self._hpa
                with self.events_box:
                    yield self._no_events
                    yield self.events_table
                with self.acts_box:
                    yield self._no_acts
                    yield self.acts

    def on_resize(self, event: events.Resize) -> None:
        """Below 160 columns the right side is narrower; below 120 it gives way."""
        self.set_class(event.size.width < WIDE, "-narrow")
        self.set_class(event.size.width < WIDEST, "-medium")

    def draw(self, scene: Scene) -> None:
        view, snapshot = scene.view, scene.snapshot
        before = self.problems.list.item
        self.problems.show(scene)
        count = sum(not p.snoozed for p in view.problems)
        rows = count + len(view.watched)
        appeared = rows and not self.problems.display
        self.problems.styles.height = min(rows, 8)
        self.problems.display = rows > 0
        self.problems.can_focus = rows > 0
        # with the first problems the keys go to them, but never away from where someone is at work
        if appeared and self.rows.has_focus and not self.rows.list.touched:
            self.problems.focus()
        elif not rows and self.app.focused is self.problems:
            self.rows.focus()
        if self.problems.list.item is not before and self.app.focused is self.problems:
            self.posdeck.keys_changed()  # what was watched is certain now, or somebody looks after it
        self._healthy.set_lines(self._calm_lines(scene) if not rows else ())
        self._healthy.display = not rows
        box = self.wrong
        box.set_class(any(p.severity.value == "critical" and not p.snoozed for p in view.problems), "-alarm")
        watched = f" · {len(view.watched)} watched until certain" if view.watched else ""
        put_off = len(view.problems) - count
        snoozed = f"{put_off} snoozed · " if put_off else ""
        unknown = f" · {len(view.cannot_tell)} unknown" if view.cannot_tell else ""
        box.say(
            (f"Wrong now {count}" if count else "Wrong now") + watched,
            snoozed + _sessions(scene) + _risks(scene) + unknown,
        )
        self.rows.show(scene)
        feed = snapshot.feed(Kind.DEPLOYMENTS)
        self._why.say(why_empty(self.rows, feed))
        state = "" if feed.state is FeedState.LIVE else f" · {feed.state.value.upper()}"
        filtered = f" · /{plain(self.rows.list.filter.text)}" if self.rows.list.filter else ""
        self.wall_box.say(f"Workloads{count_text(feed, len(snapshot.deployments))}{filtered}{state}")
        self._draw_side(scene)

    def _calm_lines(self, scene: Scene) -> list[Line]:
        feed = scene.snapshot.feed(Kind.DEPLOYMENTS)
        if feed.state is not FeedState.LIVE:
            return [((f"Cannot tell yet: deployments are {feed.state.value}.", Tone.WARN),)]
        if scene.view.problems:
            count = len(scene.view.problems)
            return [((f"☾ Nothing but {count} snoozed: 7 lists what.", Tone.WARN),)]
        if scene.view.cannot_tell:
            blind = len(scene.view.cannot_tell)
            return [
                (
                    ("✔ ", Tone.GOOD),
                    ("Nothing is known to be wrong. ", Tone.STRONG),
                    (f"{blind} check{'s lack' if blind > 1 else ' lacks'} data: 7 names them.", Tone.DIM),
                )
            ]
        return [(("✔ ", Tone.GOOD), ("Nothing is wrong.", Tone.STRONG))]

    def _draw_side(self, scene: Scene) -> None:
        snapshot = scene.snapshot
        self.events_table.show(scene)
        self.events_box.say(f"Events{count_text(snapshot.feed(Kind.EVENTS), len(snapshot.events))}")
        feed = snapshot.feed(Kind.EVENTS)
        quiet = "No event in this namespace. A cluster keeps them for an hour by default."
        empty = feed.state is FeedState.LIVE and not self.events_table.list.items
        _say_why(self._no_events, quiet if empty else why_empty(self.events_table, feed), self.events_table)
        self.acts.show(scene)
        nothing = (
            ""
            if self.acts.list.items
            else "No session is open, and nothing was done yet: b begins a runbook."
        )
        _say_why(self._no_acts, nothing, self.acts)
        self.acts_box.say("Sessions and acts")
        hpa = next(iter(snapshot.hpas.values()), None)
        box = self.hpa_box
        more = f" · {len(snapshot.hpas) - 1} more" if len(snapshot.hpas) > 1 else ""
        if hpa is None:
            feed = snapshot.feed(Kind.HPAS)
            box.say("HPA")
            said = (
                "There is none."
                if feed.state is FeedState.LIVE
                else f"{feed.state.value}: {plain(feed.reason)}"
            )
            self._hpa.set_lines([((said.removesuffix(": "), Tone.DIM),)])
            return
        box.say(f"HPA {scene.wall.short(hpa.target_name)}{more}")
        self._hpa.set_lines(card(hpa, scene, max(30, self._hpa.size.width or 42)))

    def subject(self) -> Subject | None:
        table = self.table()
        if table is None or table.list.item is None or table.list.selected is None or self.scene is None:
            return None
        return subject_of(table.list.selected, table.list.item, self.scene)

    def table(self) -> Table | None:
        found = super().table()
        return self.rows if found is self.problems and not self.problems.display else found

    def focus_first(self) -> None:
        """Problems first, when there are any."""
        (self.problems if self.problems.display else self.rows).focus()


def _say_why(place: Reason, why: str, table: Table) -> None:
    """Say why a small table is empty, in its place."""
    place.say(why)
    table.display = not why
    table.can_focus = not why


def _sessions(scene: Scene) -> str:
    """Open sessions; on a narrow screen this is the only place that tells of them."""
    still = [s for s in scene.view.sessions if s.status not in ENDED and not s.place]
    return f"{len(still)} open :sessions · " if still else ""


def _risks(scene: Scene) -> str:
    """How many standing risks; nothing while that cannot be known."""
    known = scene.snapshot.feed(Kind.DEPLOYMENTS).state is not FeedState.CONNECTING
    return f"risks {len(scene.view.risks)}" if known else ""
