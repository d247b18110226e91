"""Going to another context, namespace or environment: looked up first, asked about where it is production, refused
while something runs; then everything begins anew, so that nothing of the one place is seen in the other."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from posdeck.cluster.snapshot import Connection
from posdeck.errors import PosdeckError
from posdeck.operations.view import Surroundings
from posdeck.ui.plain import plain

if TYPE_CHECKING:
    from posdeck.operations.elsewhere import Destination
    from posdeck.ui.app import PosdeckApp

CAUSE = "posdeck was pointed elsewhere"
CONTEXT, NAMESPACE, ENVIRONMENT = "context", "namespace", "environment"


async def switch(app: PosdeckApp, what: str, name: str) -> None:
    """Go to the ``context``, ``namespace`` or ``environment`` (``what``) of this name; without a name the prompt
    lists what there is."""
    elsewhere = app.elsewhere
    if elsewhere is None:
        app.notice(
            "This is posdeck's own cluster, and there is no other from here. Leave, and start posdeck without demo.",
            "warn",
        )
        return
    if not name:
        app.console_screen.prompt.open(":", f"{_SHORT[what]} ")
        return
    if _held_back(app):
        return
    try:
        found = await asyncio.to_thread(elsewhere.find, **{what: name})
    except PosdeckError as problem:
        app.notice(f"{problem} Nothing was switched.", "warn")
        return
    around, connection = app.scene.view.surroundings, app.scene.snapshot.connection
    here = (around.environment, connection.context, connection.namespace)
    if here == (found.environment, found.context, found.namespace):
        app.notice(f"This is {what} {plain(name)} already.")
        return
    same_cluster = here[:2] == (found.environment, found.context)
    if found.production and not same_cluster:
        _ask_first(app, found)
    else:
        arrive(app, found)


_SHORT = {CONTEXT: "ctx", NAMESPACE: "ns", ENVIRONMENT: "env"}


def _held_back(app: PosdeckApp) -> bool:
    """Whether something runs that must be watched to its end from where it was begun."""
    running = app.running()
    if running:
        named = ", ".join(plain(f"{s.title} · {s.target}") for s in running)
        app.notice(
            f"Not while something runs: {named}. Wait for its end, or cancel it (:session, ⌃c).", "warn"
        )
    return bool(running)


def _ask_first(app: PosdeckApp, found: Destination) -> None:
    async def answered(typed: str) -> None:
        if typed != found.environment:
            app.notice(
                f"{plain(typed)!r} is not {found.environment!r}: still in {app.scene.view.surroundings.environment}.",
                "warn",
            )
        elif not _held_back(app):
            arrive(app, found)

    app.console_screen.ask(
        "PRODUCTION",
        f"type {found.environment} · goes to {plain(found.namespace)}, context {plain(found.context)} · esc stays",
        answered,
    )


def arrive(app: PosdeckApp, found: Destination) -> None:
    """Go there. In a worker of the application: the screen that asked ends with it."""
    app.run_worker(_arrive(app, found), group="switch", exit_on_error=False)


async def _arrive(app: PosdeckApp, found: Destination) -> None:
    waiting = [s for s in app.scene.view.sessions if s.status != "running"]
    writes, reason = (
        ("read-only", "started with --read-only") if found.read_only else ("read-only", "connecting")
    )
    connection = Connection(
        context=found.context, server=found.server, namespace=found.namespace, insecure=found.insecure
    )
    await app.rebind(
        found.make, Surroundings(found.environment, found.production, writes, reason), connection
    )
    if app.elsewhere is not None:
        app.elsewhere.opening = found.opening
    kept = f" {len(waiting)} open sessions stay stored; go back to resume them." if waiting else ""
    by = "" if found.opening.request.environment else found.opening.chosen_by
    chosen = f" (by {by})" if by else ""
    app.notice(
        f"Now {'PRODUCTION: ' if found.production else ''}environment {found.environment}{chosen}, "
        f"context {plain(found.context)}, namespace {plain(found.namespace)}.{kept}",
        "warn" if found.production else "normal",
    )
