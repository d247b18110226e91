"""Logs of one pod or of all pods of a workload: follow, filter, unfold, keep; nothing is dropped in silence."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import ClassVar

from textual.app import ComposeResult

from posdeck.errors import PosdeckError
from posdeck.operations.front import LogLine, LogRequest
from posdeck.ui import actions as act
from posdeck.ui.actions import Action
from posdeck.ui.filtering import Filter, parse_filter
from posdeck.ui.lifting import NO_COPY, lifted
from posdeck.ui.messages import LogEnded, LogLines
from posdeck.ui.plain import plain
from posdeck.ui.rows.cells import Line
from posdeck.ui.rows.loglines import LogLook, log_lines, ruler
from posdeck.ui.scene import Scene
from posdeck.ui.screens.pane import Pane, Subject
from posdeck.ui.tones import Tone
from posdeck.ui.widgets.box import Box
from posdeck.ui.widgets.pager import CLIPBOARD, Pager, text_of

BACKLOG = 100_000
TAIL = 1_000
FLUSH_SECONDS = 0.05
FLUSH_LINES = 2_000
MANY = 200  # lines in one go from which they pour in; drawing then holds up reading, so it is done
POURING_SECONDS = 0.25  # less often
_SINCE: dict[str, tuple[int | None, float | None]] = {
    "since-tail": (TAIL, None),
    "since-head": (None, None),
    "since-1m": (None, 60.0),
    "since-5m": (None, 300.0),
    "since-15m": (None, 900.0),
    "since-30m": (None, 1800.0),
    "since-1h": (None, 3600.0),
}


@dataclass(slots=True)
class _Entry:
    """A log line, or (None) one that the person drew, with the lines that it is drawn as."""

    line: LogLine | None
    drawn: tuple[Line, ...]
    shown: bool = True


_HOW = (
    "No log is open.",
    "Select a workload or a pod anywhere and press l (p: before its restart),",
    "or write :logs NAME: a workload, a pod, or a group of the catalogue such as",
    "bulk_upload_consumers, whose logs are merged by the server's time.",
)


class LogsPane(Pane):
    """The log of what was selected when it was opened."""

    view_name: ClassVar[str] = "logs"
    own_scopes: ClassVar[tuple[str, ...]] = (act.LOGS,)

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.box = Box()
        self.text = Pager(wrapped=False, id="log-text")
        self.text.when_moved = self._titles
        self.request: LogRequest | None = None
        self.timestamps = True
        self.unfold = False
        self.ended = ""
        self.dropped = 0
        self._filter = Filter()
        self._subject: Subject | None = None
        self._generation = 0
        self._entries: list[_Entry] = []
        self._drawn_marks = 0  # entries that are no line of a log
        self._explained = False  # whether it is said why no line is shown, in place of lines
        self._pods: set[str] = set()  # pods that lines have come from
        self._look = LogLook()

    def compose(self) -> ComposeResult:
        """A box of lines."""
        with self.box:
            yield self.text

    def draw(self, scene: Scene) -> None:
        """Before any log was opened, say how one is."""
        if self.request is None and not self.text.lines:
            self.box.say("Logs", "none is open")
            self.text.set_lines([((line, Tone.DIM),) for line in _HOW])

    def open(self, subject: Subject, request: LogRequest) -> None:
        """Follow another log; what still comes from the one before is thrown away."""
        self._generation += 1
        if subject != self._subject:
            self._filter = Filter()
        self._subject, self.request, self.ended, self.dropped = subject, request, "", 0
        self._entries, self._pods, self._drawn_marks = [], set(), 0
        self.text.clear()
        self.text.highlight(self._filter)
        self.text.follow = True
        self._look = self._present_look()
        self._titles()
        self.posdeck.run_worker(
            self._read(request, self._generation), exclusive=True, group="logs", exit_on_error=False
        )

    def close(self) -> None:
        """Stop following."""
        self._generation += 1
        self.posdeck.workers.cancel_group(self.posdeck, "logs")

    def redaction_changed(self) -> None:
        """Read the log again; when it is not in sight, what was kept goes."""
        if self.request is None or self._subject is None:
            return
        if self.posdeck.console_screen.current is self:
            self.open(self._subject, self.request)
            return
        self.close()
        self._drawn_marks = 0
        self._entries, self.ended = [], "redaction changed: l reads it again"
        self.text.clear()

    async def _read(self, request: LogRequest, generation: int) -> None:
        """Gather lines and post them together: one message for each line would starve the keys."""
        waiting: list[LogLine] = []

        pace = FLUSH_SECONDS

        def flush() -> None:
            nonlocal pace
            pace = POURING_SECONDS if len(waiting) >= MANY else FLUSH_SECONDS
            if waiting:
                self.post_message(LogLines(list(waiting), generation=generation))
                waiting.clear()

        loop = asyncio.get_running_loop()
        due = loop.time() + pace
        handle: asyncio.TimerHandle | None = None
        try:
            async for line in self.posdeck.need_front().logs(request):
                waiting.append(line)
                if len(waiting) >= FLUSH_LINES or loop.time() >= due:
                    flush()
                    due = loop.time() + pace
                    await asyncio.sleep(0)
                elif handle is None or handle.when() <= loop.time():
                    handle = loop.call_later(pace, flush)
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
        self._pods.update(line.pod for line in event.lines)
        if len(self._pods) > 1 and self._look.sources is None:
            self._redraw()
        new = [self._entry(line) for line in event.lines]
        self._entries += new
        shown = [line for entry in new if entry.shown for line in entry.drawn]
        if self._explained and shown:
            self._explained = False
            self._show()
        elif not self._explained:
            self.text.append(shown)
            if not shown:  # where some are, nothing is to be explained, and counting all would cost
                self._say_why_empty()
        if len(self._entries) > BACKLOG + BACKLOG // 10:
            # in one go with a tenth of slack, as the pager does: each cut counts its rows anew
            gone = len(self._entries) - BACKLOG
            rows = sum(len(entry.drawn) for entry in self._entries[:gone] if entry.shown)
            self._drawn_marks -= sum(entry.line is None for entry in self._entries[:gone])
            del self._entries[:gone]
            self.dropped += gone
            self.text.drop(rows)
        self._titles()

    def on_log_ended(self, event: LogEnded) -> None:
        """Say that, and why, nothing more comes."""
        event.stop()
        if event.generation == self._generation:
            self.ended = event.reason or "the log is complete"
            self._titles()

    # drawing

    def _entry(self, line: LogLine) -> _Entry:
        return _Entry(line, log_lines(line, self._look), self._passes(line))

    def _passes(self, line: LogLine | None) -> bool:
        """Marks always pass: what happened to the stream must not be filtered away."""
        return line is None or line.level == "mark" or not self._filter or self._filter.matches(line.text, {})

    def _present_look(self) -> LogLook:
        request, scene = self.request, self.scene
        pods = (
            {} if request is None or scene is None else {p: scene.snapshot.pods.get(p) for p in request.pods}
        )
        several = request is not None and len(self._pods.union(request.pods)) > 1
        sources: dict[str, str] | None = None
        if several and request is not None:
            sources = {}
            for name, pod in pods.items():
                owner = scene.joins.deployment_of(pod) if scene is not None and pod is not None else ""
                if len(request.deployments) > 1 and scene is not None:
                    sources[name] = scene.wall.shorten(name, owner)
                else:
                    sources[name] = name[-11:]
        containers = any(p is not None and sum(not c.init for c in p.containers) > 1 for p in pods.values())
        one = request is not None and bool(request.container)
        return LogLook(self.timestamps, self.unfold, sources, containers and not one)

    def _redraw(self) -> None:
        """The look changed: every line is drawn anew, and the end stays in sight when it is followed."""
        self._look = self._present_look()
        for entry in self._entries:
            if entry.line is not None:
                entry.drawn = log_lines(entry.line, self._look)
        self._show()

    def _show(self) -> None:
        self.text.set_lines([line for entry in self._entries if entry.shown for line in entry.drawn])

    @property
    def shown_count(self) -> int:
        """Log lines that pass the filter."""
        return sum(1 for entry in self._entries if entry.shown and entry.line is not None)

    def _titles(self) -> None:
        request, subject = self.request, self._subject
        if request is None or subject is None or not self.is_mounted:
            return
        pods = f"{len(request.pods)} pods" if len(request.pods) != 1 else plain(request.pods[0])
        parts = [f"Logs {plain(subject.short or subject.name)}"]
        if self._filter:  # first: of a narrow screen the rest is cut off
            broken = (
                f" (no regular expression: taken literally, {plain(self._filter.broken)})"
                if self._filter.broken
                else ""
            )
            parts.append(f"/{plain(self._filter.text)} {self.shown_count:,}{broken}")
        parts.append(pods)
        if request.container:
            parts.append(f"container {plain(request.container)}")
        if request.previous:
            parts.append("previous container")
        if request.since:
            parts.append(f"last {request.since / 60:g} min")
        elif request.tail is None and not request.previous:
            parts.append("from the beginning")
        count = f"{len(self._entries) - self._drawn_marks:,} lines"
        parts.append(f"{count}, {self.dropped:,} oldest dropped" if self.dropped else count)
        following = self.text.follow and not self.ended
        state = "FOLLOWING" if following else "ENDED" if self.ended else "PAUSED (G follows)"
        self.box.say(" · ".join(parts), f"{state}{f' · {plain(self.ended)}' if self.ended else ''}")
        if self.ended and not self._entries:
            self.text.set_lines([(("No log lines. ", Tone.DIM), (plain(self.ended), Tone.NORMAL))])

    def _say_why_empty(self) -> None:
        count = len(self._entries) - self._drawn_marks
        self._explained = bool(count and self._filter and not self.shown_count)
        if self._explained:
            says = (
                f"{count:,} lines are there, and the filter “{plain(self._filter.text)}” shows none of them. "
            )
            self.text.set_lines([((says, Tone.DIM), ("/ and esc take it away.", Tone.NORMAL))])

    # what the keys ask for

    @property
    def filter(self) -> Filter:
        """The filter in force."""
        return self._filter

    def set_filter(self, text: str) -> None:
        """Only lines that match; an unfolded line is shown or hidden as a whole."""
        self._filter = parse_filter(text)
        for entry in self._entries:
            entry.shown = self._passes(entry.line)
        self.text.highlight(self._filter)
        self._show()
        self._titles()
        self._say_why_empty()

    def scopes(self) -> tuple[str, ...]:
        """Where no log is open, the keys of logs would do nothing."""
        return super().scopes() if self.request is not None else (act.EVERYWHERE,)

    def subject(self) -> Subject | None:
        return self._subject

    def perform(self, action: Action, key: str) -> bool:
        if action.id in _SINCE:
            self._since(action.id)
        elif action.id in {"follow", "bottom"}:
            self.text.follow = action.id == "bottom" or not self.text.follow
            if self.text.follow:
                self.text.move_to(-1)
        elif action.id in {"timestamps", "unfold"}:
            self.timestamps ^= action.id == "timestamps"
            self.unfold ^= action.id == "unfold"
            self._redraw()
        elif action.id == "clear-mark":
            drawn = ruler(f"{self.posdeck.scene.now:%H:%M:%S}")
            self._entries.append(_Entry(None, (drawn,)))
            self._drawn_marks += 1
            self.text.append([drawn])
        elif action.id in {"previous", "container"}:
            self._other(action.id)
        elif action.id in {"copy-line", "copy-all"}:
            self._copy(everything=action.id == "copy-all")
        elif action.id == "save":
            self._ask_where()
        else:
            return super().perform(action, key)
        self._titles()
        return True

    def _since(self, action: str) -> None:
        if self.request is None or self._subject is None:
            return
        tail, since = _SINCE[action]
        self.open(self._subject, replace(self.request, tail=tail, since=since))
        if action == "since-head":
            self.text.follow = False

    def _other(self, action: str) -> None:
        """The container before its restart and back, or the next container."""
        request, subject = self.request, self._subject
        if request is None or subject is None:
            return
        if action == "previous":
            previous = not request.previous
            self.open(subject, replace(request, previous=previous, follow=not previous))
            return
        pods = self.posdeck.scene.snapshot.pods
        names = dict.fromkeys(c.name for p in request.pods if p in pods for c in pods[p].containers)
        if len(names) < 2:
            self.posdeck.notice("There is one container only.")
            return
        around = ["", *names]
        after = (
            around[(around.index(request.container) + 1) % len(around)] if request.container in around else ""
        )
        self.open(subject, replace(request, container=after))

    def _copy(self, *, everything: bool) -> None:
        lines = self.text.lines
        number = self.text.line_in_sight()
        if lifted(self.posdeck):
            self.posdeck.notice(NO_COPY, "warn")
            return
        if everything:
            text = "\n".join(text_of(line) for line in lines)
        else:
            text = text_of(lines[number]) if number is not None else ""
        if not text:
            self.posdeck.notice("There is no line to copy.", "warn")
        elif len(text) > CLIPBOARD:
            self.posdeck.notice(
                f"{len(text):,} characters are too much for the clipboard: filter first, or save with ctrl+s.",
                "warn",
            )
        else:
            self.app.copy_to_clipboard(text)
            self.posdeck.notice(f"copied {len(lines):,} lines" if everything else f"copied: {text[:120]}")

    def _ask_where(self) -> None:
        subject = self._subject
        lines = [entry.line for entry in self._entries if entry.shown and entry.line is not None]
        if subject is None or not lines:
            self.posdeck.notice("There is no line to save.", "warn")
            return

        async def save(file: str) -> None:
            try:
                path = await self.posdeck.need_front().save_log(subject.short or subject.name, lines, file)
            except PosdeckError as problem:
                self.posdeck.notice(str(problem), "bad")
            else:
                self.posdeck.notice(f"saved {len(lines):,} lines, redacted, to {path}")

        hint = f"{len(lines):,} lines, redacted and recorded: a path such as ~/order.log, or ⏎ for posdeck's folder"
        self.posdeck.console_screen.ask("save as", hint, save)
