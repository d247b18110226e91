"""Consumers: their queues as a table, and below it the selected one in words with its tiers side by side."""

from __future__ import annotations

from textual import events
from textual.app import ComposeResult

from posdeck.cluster.snapshot import Feed
from posdeck.operations.view import ConsumerView
from posdeck.ui.plain import plain
from posdeck.ui.rows.advice import advice_lines, tier_lines
from posdeck.ui.rows.cells import Line
from posdeck.ui.rows.consumers import Consumers
from posdeck.ui.scene import Scene
from posdeck.ui.screens.tables import TablePane
from posdeck.ui.widgets.pager import Pager
from posdeck.ui.widgets.table import Table

_ROOM = 26  # lines of the place from which there is room for words below the table
_BESIDE = 170  # cells from which the tiers stand beside the words


class ConsumersPane(TablePane):
    """The reason for the selected one's verdict stands at the bottom, and in words where there is room."""

    view_name, kind_class, caption = "consumers", Consumers, "Consumers"
    DEFAULT_CSS = """
    ConsumersPane #consumer-words { height: auto; max-height: 14; border-top: solid $edge; display: none; }
    ConsumersPane #consumer-words.-shown { display: block; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.words = Pager(id="consumer-words", focusable=False)

    def compose(self) -> ComposeResult:
        """Box, table, reason, words."""
        with self.box:
            yield self._why
            yield self.rows
            yield self.words

    def draw(self, scene: Scene) -> None:
        super().draw(scene)
        self._say(scene)

    def on_table_moved(self, event: Table.Moved) -> None:
        super().on_table_moved(event)
        if self.scene is not None:
            self._say(self.scene)

    def on_resize(self, _event: events.Resize) -> None:
        """Words are said where there is room for them."""
        if self.scene is not None:
            self._say(self.scene)

    def _say(self, scene: Scene) -> None:
        consumer = self.rows.list.item
        lines: list[Line] = []
        if isinstance(consumer, ConsumerView) and self.size.height >= _ROOM:
            lines = self._lines(consumer, scene, max(40, self.size.width - 5))
        self.words.set_class(bool(lines), "-shown")
        if lines:
            self.words.styles.height = len(lines) + 1
        self.words.set_lines(lines)

    def _lines(self, consumer: ConsumerView, scene: Scene, cells: int) -> list[Line]:
        siblings = next(
            (
                [m.short for m in members]
                for _, members in scene.wall.groups()
                if consumer.name in {m.short for m in members}
            ),
            [],
        )
        others = [scene.view.consumers[name] for name in siblings if name in scene.view.consumers]
        words, tiers = advice_lines(consumer, cells), tier_lines(others, scene, cells)
        if tiers and cells >= _BESIDE:
            from posdeck.ui.plotting import beside

            half = (cells - 2) // 2
            return beside([advice_lines(consumer, half - 2), tier_lines(others, scene, half)], half)
        return [*words, *tiers]

    def subtitle_text(self, scene: Scene) -> str:
        consumer = self.rows.list.item
        if consumer is None:
            return ""
        because = plain(consumer.because) or "no reason given"
        return f"{self.rows.list.selected}: {plain(consumer.verdict.value)} — {because}"

    def why(self, scene: Scene, feed: Feed | None) -> str:
        if not self.rows.list.items and not self.rows.list.shown_count:
            return "No consumer is known yet: the catalogue names them, and it is still being read."
        return super().why(scene, feed)
