"""A console without a screen, for subcommands: connect, wait for the data that is needed, leave."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from posdeck.cli.options import Options
from posdeck.cluster.snapshot import FeedState, Kind
from posdeck.errors import UnreachableError

if TYPE_CHECKING:
    from posdeck.operations.console import Console
    from posdeck.operations.view import View

SETTLED = frozenset({FeedState.LIVE, FeedState.FORBIDDEN, FeedState.ABSENT, FeedState.AUTH_EXPIRED})
NEEDED = (Kind.PODS, Kind.DEPLOYMENTS, Kind.REPLICA_SETS, Kind.HPAS, Kind.SERVICES, Kind.EVENTS)

SETTLING = 5.0  # seconds for what an earlier posdeck left behind, which even a short command settles


@asynccontextmanager
async def console_of(options: Options) -> AsyncIterator[Console]:
    """A started console, stopped at the end."""
    from posdeck.operations.console import Console
    from posdeck.operations.opening import open_content

    console = Console(open_content(options.request()))
    await console.start()
    try:
        yield console
    finally:
        await console.stop()


async def live_view(
    console: Console, *, seconds: float = 20.0, kinds: Iterable[Kind] = NEEDED, numbers: bool = False
) -> View:
    """The first view in which every kind asked for is live or known to be out of reach. Raises UnreachableError
    with what the connection said when that does not come in time."""
    wanted = tuple(kinds)

    def ready(view: View) -> bool:
        if any(view.snapshot.feed(kind).state not in SETTLED for kind in wanted):
            return False
        if view.surroundings.writes_reason.startswith(("not connected", "the cluster cannot be asked")):
            return False
        if not numbers:
            return True
        pending = [
            c
            for c in view.consumers.values()
            if c.lag.absence == "not-yet" or c.rate_out.absence == "not-yet"
        ]
        return not pending

    if console.opening.problem:
        raise UnreachableError("cluster", console.opening.problem, "posdeck doctor says more.")
    try:
        async with asyncio.timeout(seconds):
            await console.wait_for(ready)
    except TimeoutError:
        view = console.view
        if numbers and all(view.snapshot.feed(k).state in SETTLED for k in wanted):
            return view  # a source that does not answer must not hide the cluster
        late = [f"{k.value} {view.snapshot.feed(k).state.value}: {view.snapshot.feed(k).reason}" for k in wanted
                if view.snapshot.feed(k).state not in SETTLED]  # fmt: skip
        why = view.snapshot.connection.problem or "; ".join(late)
        raise UnreachableError(
            "cluster", f"no data within {seconds:.0f} s ({why})", "posdeck doctor says more."
        ) from None
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(SETTLING):
            await console.settled.wait()
    return console.view
