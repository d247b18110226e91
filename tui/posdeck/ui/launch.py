"""From nothing to a live screen: a plain frame at once, then the application and Textual beside one another.

Nothing heavy is imported here before the first frame is out.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from posdeck.config import Announce
from posdeck.ui.firstframe import first_frame

if TYPE_CHECKING:
    from posdeck.cluster.snapshot import Connection, Snapshot
    from posdeck.operations.elsewhere import Elsewhere
    from posdeck.operations.front import Front
    from posdeck.operations.view import Surroundings
    from posdeck.ui.earlyrows import EarlyRows
    from posdeck.ui.wall import Wall


@dataclass(frozen=True, slots=True)
class Start:
    """What is known without asking anybody. ``writes`` is "ask" or "read-only", ``view`` the first place."""

    environment: str
    production: bool
    namespace: str
    context: str = ""
    writes: str = "ask"
    writes_reason: str = ""
    theme: str = "dark"
    keys: Mapping[str, str] = field(default_factory=dict)
    view: str = "overview"
    wall: Wall | None = None
    announce: Announce = Announce()


class Prepared:
    """Makes the front in a thread of its own, beside the import of Textual."""

    def __init__(self, factory: Callable[[], Front]) -> None:
        self._factory = factory
        self._done = threading.Event()
        self._front: Front | None = None
        self._problem: BaseException | None = None
        threading.Thread(target=self._make, name="posdeck-front", daemon=True).start()

    def _make(self) -> None:
        try:
            self._front = self._factory()
        except BaseException as problem:
            self._problem = problem
        finally:
            self._done.set()

    def __call__(self) -> Front:
        """The front, waited for; raises what its making raised. Blocks, so call it off the event loop."""
        self._done.wait()
        if self._problem is not None:
            raise self._problem
        return cast("Front", self._front)


def run_ui(
    front_factory: Callable[[], Front],
    start: Start,
    early: EarlyRows | None = None,
    elsewhere: Elsewhere | None = None,
) -> int:
    """Run the console until it is left; returns the exit code. ``early`` may be drawing already, ``elsewhere`` is
    where the console may be pointed. Raises UnknownNameError for a view that there is not."""
    if early is None:
        paint(start)
    prepared = Prepared(front_factory)
    try:
        from posdeck.ui.app import PosdeckApp
        from posdeck.ui.wall import EMPTY_WALL

        app = PosdeckApp(
            prepared,
            surroundings_of(start),
            connection=_connection(start),
            theme=start.theme,
            keys=start.keys,
            view=start.view,
            wall=start.wall or EMPTY_WALL,
            elsewhere=elsewhere,
            announce=start.announce,
        )
        if early is not None and (seen := early.hand_over()) is not None:
            app.begin_with(seen)
        return app.run() or app.return_code or 0
    finally:
        leave()  # Textual does so itself; after a failure before that, this does


def paint(start: Start) -> None:
    """Write the first frame to the terminal, when there is one."""
    if not sys.stdout.isatty():
        return
    size = os.get_terminal_size(sys.stdout.fileno())
    frame = first_frame(
        size.columns,
        size.lines,
        environment=start.environment,
        production=start.production,
        namespace=start.namespace,
        context=start.context,
        writes=start.writes,
        theme=start.theme,
        colour="NO_COLOR" not in os.environ,
        view=start.view,
    )
    os.write(sys.stdout.fileno(), frame.encode())


def paint_rows(start: Start, seen: Snapshot) -> None:
    """Write what a first look found into the first frame, when there is a terminal."""
    if not sys.stdout.isatty() or start.wall is None:
        return
    from posdeck.ui.earlyrows import early_rows

    size = os.get_terminal_size(sys.stdout.fileno())
    rows = early_rows(
        seen,
        surroundings_of(start),
        start.wall,
        size.columns,
        size.lines,
        view=start.view,
        theme=start.theme,
        colour="NO_COLOR" not in os.environ,
    )
    os.write(sys.stdout.fileno(), rows.encode())


def leave() -> None:
    """Give the terminal back as it was before the first frame."""
    if sys.stdout.isatty():
        sys.stdout.write("\x1b[?1049l\x1b[?25h")
        sys.stdout.flush()


def surroundings_of(start: Start) -> Surroundings:
    """The same, as a view has it."""
    from posdeck.operations.view import Surroundings

    return Surroundings(start.environment, start.production, start.writes, start.writes_reason)


def _connection(start: Start) -> Connection:
    from posdeck.cluster.snapshot import Connection

    return Connection(context=start.context, namespace=start.namespace)
