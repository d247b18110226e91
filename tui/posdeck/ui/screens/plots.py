"""Lag, rates, latency and replicas against load over time: as many plots as there is room for, on one time axis."""

from __future__ import annotations

from typing import ClassVar

from posdeck.operations.charts import ZOOMS, PlotPage, Subject
from posdeck.ui.actions import Action
from posdeck.ui.plain import plain
from posdeck.ui.plotting import beside, plot_lines
from posdeck.ui.rows.cells import Line
from posdeck.ui.scene import Scene
from posdeck.ui.screens.lines import ChartPane
from posdeck.ui.tones import Tone

EVERY = 15.0  # seconds after which what is on show is asked for again
_WIDE, _HIGH = 130, 30  # cells from which plots stand side by side, and above one another


class PlotsPane(ChartPane):
    """One subject at a time; all of its plots when they fit, else one."""

    view_name: ClassVar[str] = "plots"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.chosen = 0
        self.first = 0  # the plot on show where one fits
        self._page: PlotPage | None = None
        self._asked_for: tuple[int, int] | None = None

    def subjects(self) -> tuple[Subject, ...]:
        """What can be looked at."""
        front = self.posdeck.front
        return front.charts.subjects() if front is not None else ()

    def draw(self, scene: Scene) -> None:
        subjects = self.subjects()
        if not subjects:
            said = "Still loading." if self.posdeck.front is None else "The inventory names nothing to plot."
            self.text.set_lines([((said, Tone.DIM),)])
            self.box.say("Plots")
            return
        self.chosen %= len(subjects)
        subject, wanted = subjects[self.chosen], (self.chosen, self.zoom)
        old = self._page is None or scene.now.timestamp() - self._page.end > EVERY
        if not self._asking and (old or self._asked_for != wanted):
            self._load(subject)
        zoom = ZOOMS[self.zoom][0]
        state = " · loading" if self._asking and self._asked_for != self._shown() else ""
        self.box.say(f"Plots · {plain(subject.title)} · last {zoom}{state}", self._help(len(subjects)))
        page = self._page
        if page is None or page.subject != subject.title:
            self.text.set_lines([(("Asking the source for the past…", Tone.DIM),)])
            return
        self.text.set_lines(self._lines(page))

    def _shown(self) -> tuple[int, int] | None:
        return (self.chosen, self.zoom) if self._page is not None else None

    def _help(self, count: int) -> str:
        place = f"{self.chosen + 1} of {count}: ↑↓ others"
        one = (
            f"plot {self.first % 4 + 1} of 4: ←→ others"
            if self._fitting()[0] * self._fitting()[1] < 4
            else ""
        )
        return " · ".join(part for part in (place, one, "z zooms, Z back", "times in UTC") if part)

    def _fitting(self) -> tuple[int, int]:
        """Columns and rows of plots for which there is room."""
        size = self.text.size
        return (2 if size.width >= _WIDE else 1), (2 if size.height >= _HIGH else 1)

    def _lines(self, page: PlotPage) -> list[Line]:
        columns, rows = self._fitting()
        size, count = self.text.size, columns * rows
        if not page.plots or not size.height:
            return []
        first = self.first % len(page.plots)
        chosen = [page.plots[(first + i) % len(page.plots)] for i in range(min(count, len(page.plots)))]
        cells = max(20, (self.text.room - 2 * (columns - 1)) // columns)
        height = max(4, size.height // rows)
        blocks = [plot_lines(plot, page.start, page.end, cells, height) for plot in chosen]
        lines: list[Line] = []
        for row in range(0, len(blocks), columns):
            lines += beside(blocks[row : row + columns], cells)
        return lines

    def _load(self, subject: Subject) -> None:
        self._asking = True
        self._asked_for = (self.chosen, self.zoom)
        self.posdeck.run_worker(self._fetch(subject), group="charts", exit_on_error=False)

    async def _fetch(self, subject: Subject) -> None:
        asked = self._asked_for
        try:
            page = await self.posdeck.need_front().charts.page(subject, ZOOMS[self.zoom][1])
            if asked == (self.chosen, self.zoom):
                self._page = page
        finally:
            self._asking = False
        self.draw_now()

    def perform(self, action: Action, key: str) -> bool:
        moves = {"up": (-1, 0), "down": (1, 0), "left": (0, -1), "right": (0, 1)}
        if action.id in moves:
            subject, plot = moves[action.id]
            self.chosen = (self.chosen + subject) % max(1, len(self.subjects()))
            self.first += plot
        elif action.id == "reload":
            self._asked_for = None
        elif not self.change_zoom(action):
            return super().perform(action, key)
        self.draw_now()
        return True
