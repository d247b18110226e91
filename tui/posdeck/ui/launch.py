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

from posdeck.ui.firstframe import first_frame

if TYPE_CHECKING:
    from posdeck.cluster.snapshot import Connection
    from posdeck.operations.front import Front
    from posdeck.operations.view import Surroundings


@dataclass(frozen=True, slots=True)
class Start:
    """What is known without asking anybody. ``writes`` is "ask" or "read-only"."""

    environment: str
    production: bool
    namespace: str
    context: str = ""
    writes: str = "ask"
    writes_reason: str = ""
    theme: str = "dark"
    keys: Mapping[str, str] = field(default_factory=dict)


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


def run_ui(front_factory: Callable[[], Front], start: Start) -> int:
    """Run the console until it is left; returns the exit code."""
    paint(start)
    prepared = Prepared(front_factory)
    try:
        from posdeck.ui.app import PosdeckApp

        app = PosdeckApp(
            prepared,
            surroundings_of(start),
            connection=_connection(start),
            theme=start.theme,
            keys=start.keys,
        )
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
    )
    os.write(sys.stdout.fileno(), frame.encode())


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
