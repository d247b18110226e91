"""Opens the live interface on a cluster."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

from posdeck.cli.options import Options

if TYPE_CHECKING:
    from posdeck.cluster.snapshot import Snapshot
    from posdeck.operations.front import Front
    from posdeck.operations.opening import Opening
    from posdeck.ui.earlyrows import EarlyRows
    from posdeck.ui.launch import Start


_TURN = (
    0.001  # seconds that a thread beside (imports, rules) may keep a key waiting; Python's own 5 ms add up
)


def need_terminal() -> None:
    """Raises PosdeckError where keys could not be read or nothing be drawn."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        from posdeck.errors import PosdeckError

        raise PosdeckError(
            "posdeck",
            "its interface needs a terminal on both input and output",
            "`posdeck snapshot VIEW` prints a view, `posdeck status` what is wrong.",
        )


def open_interface(options: Options, view: str = "overview") -> int:
    """Run the interface until it is left; the exit code. Mistakes in content or configuration are told before
    the screen opens, a cluster that does not answer is told in it."""
    from posdeck.ui import collector, endings
    from posdeck.ui.launch import Start, leave, paint, paint_rows, run_ui

    need_terminal()
    endings.at_once()
    collector.pause()
    sys.setswitchinterval(_TURN)
    namespace = options.namespace or ""
    paint(Start(environment="starting", production=False, namespace=namespace, writes="not yet", view=view))
    try:
        from posdeck.operations.elsewhere import Elsewhere
        from posdeck.operations.opening import open_content

        opening = open_content(options.request())
        start = _start(opening, options, view)
        paint(start)
        early = _early_rows(opening, lambda seen: paint_rows(start, seen))
    except BaseException:
        leave()  # what is wrong is told on the terminal as it was
        raise

    def front() -> Front:
        for name in ("posdeck.cluster.direct", "posdeck.execution.runs"):
            import_module(name)  # what connecting needs is loaded here, not on the event loop
        from posdeck.operations.console import Console

        return Console(opening, rules_later=True, seen=early.kept())

    return run_ui(front, start, early, Elsewhere(opening))


def _start(opening: Opening, options: Options, view: str) -> Start:
    from posdeck.ui.launch import Start
    from posdeck.ui.wall import wall_of

    environment, target = opening.catalogue.environment, opening.target
    return Start(
        environment=environment.name,
        production=environment.production,
        namespace=opening.namespace,
        context=target.context if target else (options.context or ""),
        writes="read-only" if opening.read_only else "ask",
        writes_reason="started with --read-only" if opening.read_only else "",
        theme=opening.settings.theme,
        keys=opening.settings.keys,
        announce=opening.settings.announce,
        view=view,
        wall=wall_of(opening.catalogue),
    )


def _early_rows(opening: Opening, show: Callable[[Snapshot], None]) -> EarlyRows:
    """Look at the cluster beside the loading of everything else. What the look needs is loaded first: two
    imports at once would only wait for each other."""
    from posdeck.clock import SystemClock
    from posdeck.cluster.glance import glance
    from posdeck.ui.earlyrows import EarlyRows

    def look() -> Snapshot | None:
        return glance(opening.target, SystemClock()) if opening.target is not None else None

    return EarlyRows(look, show)
