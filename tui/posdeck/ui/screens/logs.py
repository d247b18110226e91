"""Logs of one pod or of all pods of a workload: follow, filter, wrap; nothing is dropped in silence."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from textual.app import ComposeResult

from posdeck.errors import PosdeckError
from posdeck.operations.front import LogLine, LogRequest
from posdeck.ui import actions as act
from posdeck.ui.actions import Action
from posdeck.ui.messages import LogEnded, LogLines
from posdeck.ui.plain import LINE_LIMIT, plain
from posdeck.ui.rows.cells import Line
from posdeck.ui.screens.pane import Pane, Subject
from posdeck.ui.tones import Tone
from posdeck.ui.widgets.box import Box
from posdeck.ui.widgets.pager import Pager

BACKLOG = 100_000
FLUSH_SECONDS = 0.05
FLUSH_LINES = 2_000
_LEVELS = {"error": Tone.BAD, "warning": Tone.WARN, "debug": Tone.DIM}


class LogsPane(Pane):
    """The log of what was selected when it was opened."""

    view_name: ClassVar[str] = "logs"
    own_scopes: ClassVar[tuple[str, ...]] = (act.LOGS,)

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.box = Box()
        self.text = Pager(wrapped=False, keep=BACKLOG, id="log-text")
        self.text.when_moved = self._titles
        self.request: LogRequest | None = None
        self.timestamps = True
        self.ended = ""
        self._subject: Subject | None = None
        self._generation = 0
        self._raw: list[LogLine | None] = []  # None: a line drawn by the person

    def compose(self) -> ComposeResult:
        """A box of lines."""
        with self.box:
            yield self.text

    def open(self, subject: Subject, request: LogRequest) -> None:
        """Follow another log; what still comes from the one before is thrown away."""
        self._generation += 1
        self._subject, self.request, self.ended = subject, request, ""
        self._raw = []
        self.text.clear()
        self.text.follow = True
        self._titles()
        self.posdeck.run_worker(
            self._read(request, self._generation), exclusive=True, group="logs", exit_on_error=False
        )

    def close(self) -> None:
        """Stop following."""
        self._generation += 1
        self.posdeck.workers.cancel_group(self.posdeck, "logs")

    async def _read(self, request: LogRequest, generation: int) -> None:
        """Gather lines and post them together: one message for each line would starve the keys."""
        waiting: list[LogLine] = []

        def flush() -> None:
            if waiting:
                self.post_message(LogLines(list(waiting), generation=generation))
                waiting.clear()

        loop = asyncio.get_running_loop()
        due = loop.time() + FLUSH_SECONDS
        handle: asyncio.TimerHandle | None = None
        try:
            async for line in self.posdeck.need_front().logs(request):
                waiting.append(line)
                if len(waiting) >= FLUSH_LINES or loop.time() >= due:
                    flush()
                    due = loop.time() + FLUSH_SECONDS
                    await asyncio.sleep(0)
                elif handle is None or handle.when() <= loop.time():
                    handle = loop.call_later(FLUSH_SECONDS, flush)
        except PosdeckError as problem:
            flush()
            self.post_message(LogEnded(str(problem), generation=generation))
        else:
            flush()
            self.post_message(LogEnded("", generation=generation))

    def on_log_lines(self, event: LogLines) -> None:
        """Append what came."""
        event.stop()
        if event.generation != self._generation:
            return
        self._raw.extend(event.lines)
        if len(self._raw) > BACKLOG + BACKLOG // 10:
            del self._raw[: len(self._raw) - BACKLOG]
        self.text.append([self._line(line) for line in event.lines])
        self._titles()

    def on_log_ended(self, event: LogEnded) -> None:
        """Say that, and why, nothing more comes."""
        event.stop()
        if event.generation == self._generation:
            self.ended = event.reason or "the log is complete"
            self._titles()

    def _line(self, line: LogLine | None) -> Line:
        if line is None:
            return (("─" * 60, Tone.MARK),)
        spans: list[tuple[str, Tone]] = []
        if self.timestamps and line.at is not None:
            spans.append((line.at.strftime("%H:%M:%S.%f")[:-3] + " ", Tone.DIM))
        if self.request is not None and len(self.request.pods) > 1:
            spans.append((f"{plain(line.pod)[-11:]} ", Tone.ACCENT))
        spans.append((plain(line.text, LINE_LIMIT), _LEVELS.get(line.level, Tone.NORMAL)))
        return tuple(spans)

    def _titles(self) -> None:
        request, subject = self.request, self._subject
        if request is None or subject is None or not self.is_mounted:
            return
        what = subject.short or subject.name
        pods = f"{len(request.pods)} pods" if len(request.pods) != 1 else plain(request.pods[0])
        previous = " · previous container" if request.previous else ""
        filtered = f" · /{plain(self.text.filter.text)} {self.text.shown_count:,}" if self.text.filter else ""
        state = (
            "FOLLOWING"
            if self.text.follow and not self.ended
            else "ENDED"
            if self.ended
            else "PAUSED (G follows)"
        )
        dropped = f" · {self.text.dropped:,} oldest dropped" if self.text.dropped else ""
        self.box.say(
            f"Logs {plain(what)} · {pods}{previous} · {len(self.text.lines):,} lines{dropped}{filtered}",
            f"{state}{f' · {plain(self.ended)}' if self.ended else ''}",
        )
        if self.ended and not self.text.lines:
            self.text.set_lines([(("No log lines. ", Tone.DIM), (plain(self.ended), Tone.NORMAL))])

    def set_filter(self, text: str) -> None:
        """Only lines that match."""
        super().set_filter(text)
        self._titles()

    def subject(self) -> Subject | None:
        return self._subject

    def perform(self, action: Action, key: str) -> bool:
        if action.id == "follow":
            self.text.follow = not self.text.follow
            if self.text.follow:
                self.text.move_to(-1)
        elif action.id == "bottom":
            self.text.follow = True
            self.text.move_to(-1)
        elif action.id == "timestamps":
            self.timestamps = not self.timestamps
            self.text.set_lines([self._line(line) for line in self._raw])
        elif action.id == "clear-mark":
            self._raw.append(None)
            self.text.append([self._line(None)])
        else:
            return super().perform(action, key)
        self._titles()
        return True
