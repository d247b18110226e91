"""The terminal application: it draws views, turns keys into actions, and asks the front for everything else.

It knows no cluster. The front is made after the first frame, away from the event loop, and whatever becomes
of it or of the cluster, the application stays up until it is told to leave.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.app import App
from textual.widgets import Input
from textual.worker import Worker, WorkerState

from posdeck.cluster.snapshot import Connection, FeedState, Kind, Snapshot
from posdeck.config import Announce
from posdeck.errors import PosdeckError
from posdeck.operations.front import CLOSED, Front
from posdeck.operations.view import SessionSummary, Surroundings, View
from posdeck.ui import collector, commands, leaving, switching, watchdog
from posdeck.ui.actions import Keys, remapped
from posdeck.ui.herald import Herald, to_terminal
from posdeck.ui.link import FrontLink
from posdeck.ui.messages import FrontFailed, FrontReady, SessionChanged, ViewChanged
from posdeck.ui.palettes import DEFAULT, PALETTES
from posdeck.ui.plain import plain
from posdeck.ui.procedures import show_state
from posdeck.ui.scene import Scene
from posdeck.ui.screens.console import Console
from posdeck.ui.series import Series
from posdeck.ui.terminal import TerminalDriver, leave_if_lost, listen
from posdeck.ui.theme import textual_theme
from posdeck.ui.typeahead import Typeahead
from posdeck.ui.views import BY_NAME, all_actions, view_named
from posdeck.ui.wall import EMPTY_WALL, Wall, wall_of

if TYPE_CHECKING:
    from posdeck.operations.elsewhere import Elsewhere


_WITH_ALT = "º¡™£¢∞§¶•ª"  # what Textual takes escape and a digit for, 0 to 9


class PosdeckApp(App[int], inherit_bindings=False):
    """The console. Textual's own keys are left out: every key is in the registry, and leaving asks when it must."""

    ENABLE_COMMAND_PALETTE = False
    TITLE = "posdeck"
    CSS: ClassVar[str] = ""

    def __init__(
        self,
        front_factory: Callable[[], Front],
        surroundings: Surroundings,
        *,
        connection: Connection = Connection(),  # noqa: B008 — frozen
        theme: str = DEFAULT,
        keys: Mapping[str, str] | None = None,
        view: str = "overview",
        wall: Wall = EMPTY_WALL,
        announce: Announce = Announce(bell=False, title=False),  # noqa: B008 — frozen
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        elsewhere: Elsewhere | None = None,
    ) -> None:
        entry = view_named(view)
        super().__init__(driver_class=TerminalDriver)
        self._link = FrontLink(front_factory, self.post_message)
        self._now = now
        self._herald = Herald(announce, to_terminal(self))
        self.front: Front | None = None
        self.palette_name = theme if theme in PALETTES else DEFAULT
        self.keys = Keys(remapped(keys or {}, all_actions()))
        self._wall = wall
        self._heard = 0  # how many of the front's notices were said
        self._typed = Typeahead(self._key)
        self._drawn = False  # whether the console stands, so that it can be shown something
        self.scene = Scene(View(Snapshot(connection=connection), surroundings), self._time(), self._wall)
        self.console_screen = Console(self.scene, entry.name, entry.pane)
        self.trail: list[str] = ["overview"] if entry.name == "overview" else ["overview", entry.name]
        self.elsewhere = elsewhere
        self.series = Series()
        self.watchdog: watchdog.Watchdog | None = None
        self._deaf: Callable[[], None] = lambda: None
        self._cause = CLOSED
        self.asked_to_leave: datetime | None = None  # while something ran
        for colours in PALETTES.values():
            self.register_theme(textual_theme(colours))

    def on_mount(self) -> None:
        """Connect, and show the console meanwhile; what comes before its first frame is out is kept for then."""
        if not self.is_headless:
            self._deaf = listen(self.leave)
        self.run_worker(self._link.open(), group="front", exit_on_error=False)
        self.theme = f"posdeck-{self.palette_name}"
        self.push_screen(self.console_screen)
        self.call_after_refresh(self._begin)
        if watchdog.wanted():
            self.watchdog = watchdog.Watchdog(lambda block: self.notice(block.words, "warn"))
            self.watchdog.start()

    def begin_with(self, seen: Snapshot) -> None:
        """Show what a first look found, until the front has something newer. Before ``run``."""
        self.scene = Scene(replace(self.scene.view, snapshot=seen), self._time(), self._wall)
        self.console_screen.begin_with(self.scene)

    def _begin(self) -> None:
        self._drawn = True
        self.set_interval(1.0, self._tick)
        self._take(self.scene.view)

    async def on_unmount(self) -> None:
        """Leave nothing behind."""
        self._herald.leave()
        if self.watchdog is not None:
            self.watchdog.stop()
        try:
            if running := self.running():
                leaving.say_what_is_stopped(running)
            await self._link.close(self._cause)
        finally:
            self._deaf()

    def leave(self, code: int = 0, cause: str = CLOSED) -> None:
        """End the console; what runs is cancelled for that ``cause`` before the process ends."""
        self._cause = cause
        self.exit(code)

    async def rebind(
        self, factory: Callable[[], Front], surroundings: Surroundings, connection: Connection
    ) -> None:
        """Leave the front for another one. The screen is a new one: nothing of the old place is left on it."""
        left, self._link, self.front = self._link, FrontLink(factory, self.post_message), None
        self._wall, self.series, self.trail = EMPTY_WALL, Series(), ["overview"]
        self.scene = Scene(View(Snapshot(connection=connection), surroundings), self._time(), self._wall)
        self.console_screen = Console(self.scene)
        self.workers.cancel_group(self, "logs")
        await self.switch_screen(self.console_screen)
        try:
            await left.close(switching.CAUSE)
        finally:
            self.run_worker(self._link.open(), group="front", exit_on_error=False)

    def running(self) -> list[SessionSummary]:
        """The sessions that are doing something at this moment."""
        return [session for session in self.scene.view.sessions if session.status == "running"]

    # what came from outside

    @on(FrontReady)
    def _front_ready(self, event: FrontReady) -> None:
        if event.link is not self._link:
            return
        self.front = event.front
        self._wall = wall_of(event.front.catalogue)
        if self.elsewhere is not None:  # read now, beside everything else: completion must not wait for files
            self.run_worker(asyncio.to_thread(self.elsewhere.read), group="front", exit_on_error=False)
        self._take(event.front.view)

    @on(FrontFailed)
    def _front_failed(self, event: FrontFailed) -> None:
        if event.link is not self._link:
            return
        problem = event.problem
        text = str(problem) if isinstance(problem, PosdeckError) else f"{type(problem).__name__}: {problem}"
        self.notice(f"posdeck could not start its work. {text} Run `posdeck doctor`.", "bad")

    @on(ViewChanged)
    def _view_changed(self, event: ViewChanged) -> None:
        if event.link is self._link:
            self._take(event.view)

    @on(SessionChanged)
    def _session_changed(self, event: SessionChanged) -> None:
        if event.link is self._link:
            show_state(self, event.session)

    @on(Worker.StateChanged)
    def _worker_changed(self, event: Worker.StateChanged) -> None:
        """What goes wrong in a worker is said; it must neither vanish nor end the console."""
        if event.state is WorkerState.ERROR:
            self._defect(event.worker.error)

    def _defect(self, problem: BaseException | None) -> None:
        self.notice(
            f"posdeck itself failed here: {type(problem).__name__}: {problem}. Nothing was changed by this key; "
            "please report it.",
            "bad",
        )

    def _take(self, view: View) -> None:
        self.scene = Scene(view, self._time(), self._wall, self.scene)
        self._herald.take(view)
        if not self._drawn:
            return
        if len(view.notices) > self._heard:
            self.notice(" ".join(view.notices[self._heard :]), "warn")
        self._heard = len(view.notices)
        try:
            self.console_screen.show(self.scene)
        except Exception as problem:
            self._defect(problem)

    def _time(self) -> datetime:
        return self.front.clock.now() if self.front is not None else self._now()

    def _tick(self) -> None:
        leave_if_lost(self.leave)
        self.scene = Scene(self.scene.view, self._time(), self._wall, self.scene)
        self.console_screen.tick(self.scene)
        if self.scene.snapshot.feed(Kind.PODS).state is not FeedState.CONNECTING:
            collector.resume()

    # what places ask for

    def need_front(self) -> Front:
        """The front; raises PosdeckError while it is still being loaded."""
        if self.front is None:
            raise PosdeckError("posdeck", "it is still starting", "Try again in a moment")
        return self.front

    def notice(self, text: str, tone: str = "normal") -> None:
        """Say something until the next key."""
        self.console_screen.notices.show(text, tone)

    def keys_changed(self) -> None:
        """Other keys may apply now."""
        self.console_screen.refresh_keys()

    def press(self, key: str) -> None:
        """Do what ``key`` means in the present place."""
        action = self.keys.find(key, self.console_screen.current.scopes())
        if action is not None:
            self.run_worker(self.console_screen.do(action, key), group="press", exit_on_error=False)

    async def go(self, name: str, *, fresh: bool = False) -> None:
        """Go to a view by its name; ``fresh`` leaves out the filter that opening something set there."""
        entry = BY_NAME.get(name)
        if entry is None:
            self.notice(f"There is no view “{plain(name)}”. tab completes, ? lists the names.", "warn")
            return
        if self.trail[-1] != entry.name:
            self.trail.append(entry.name)
            del self.trail[1:-19]  # the way back ends at the overview
        before = self.console_screen.pane(entry.name)
        if before is not None and fresh:
            before.leave_drilled()
        await self.console_screen.enter(entry.name, entry.pane)

    # keys

    async def on_event(self, event: events.Event) -> None:
        """Keys take their turns, see ``typeahead``."""
        if isinstance(event, events.Key) and not event.is_forwarded:
            await self._typed.take(event)
        else:
            await super().on_event(event)

    async def _key(self, event: events.Key) -> None:
        """Escape and a letter in quick succession reach a terminal program as one key, alt and the letter;
        nothing here uses alt, so it is taken for the two keys that were pressed."""
        number = _WITH_ALT.find(event.character or " ") if not isinstance(self.focused, Input) else -1
        if event.key.startswith("alt+") or number >= 0:
            name = event.key.removeprefix("alt+") if number < 0 else str(number)
            character = name if number >= 0 else event.character or (name if len(name) == 1 else None)
            self._typed.before_others(events.Key(name, character))
            await self.console_screen.escape()
            self._typed.follow(self, None)
            return
        target = self.focused or self.screen
        await super().on_event(event)
        if event.is_forwarded:
            # what is entered in a field is said to its form, by that to its place, and the place begins something
            self._typed.follow(self, target, rounds=4 if event.key == "enter" else 1)

    async def command(self, text: str) -> None:
        """What was typed after ``:``."""
        await commands.command(self, text)
