"""Opens the live interface on a cluster."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from posdeck.cli.options import Options

if TYPE_CHECKING:
    from posdeck.operations.front import Front


def open_interface(options: Options) -> int:
    """Run the interface until it is left; the exit code. Mistakes in content or configuration are told before
    the screen opens, a cluster that does not answer is told in it."""
    from posdeck.ui.launch import Start, leave, paint, run_ui

    paint(
        Start(environment="starting", production=False, namespace=options.namespace or "", writes="not yet")
    )
    try:
        from posdeck.operations.opening import open_content

        opening = open_content(options.request())
    except BaseException:
        leave()  # what is wrong is told on the terminal as it was
        raise
    environment = opening.catalogue.environment
    target = opening.target

    def front() -> Front:
        import_module("posdeck.cluster.direct")  # what connecting needs is loaded here, not on the event loop
        from posdeck.operations.console import Console

        return Console(opening, rules_later=True)

    return run_ui(
        front,
        Start(
            environment=environment.name,
            production=environment.production,
            namespace=opening.namespace,
            context=target.context if target else (options.context or ""),
            writes="read-only" if opening.read_only else "ask",
            writes_reason="started with --read-only" if opening.read_only else "",
            theme=opening.settings.theme,
            keys=opening.settings.keys,
        ),
    )
