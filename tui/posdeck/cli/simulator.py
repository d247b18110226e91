"""``posdeck simulator``: serves the embedded cluster, for kubectl and for ``posdeck demo``."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from pathlib import Path

import click

from posdeck.cli.options import Options


@click.command()
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="The port on 127.0.0.1 (0: a free one)."
)
@click.option(
    "--write-kubeconfig",
    type=click.Path(path_type=Path),
    help="Write a kubeconfig for it (0600) and name it.",
)
@click.option(
    "--environment", default="simulated", show_default=True, help="The inventory that it is seeded from."
)
@click.option("--seed", type=int, default=1, show_default=True, help="Fixes everything that chance decides.")
@click.option("--fault", multiple=True, metavar="FAULT[=TARGET]", help="Inject a fault at the start.")
@click.option("--drill", default="", help="Play this drill: its fault comes within a minute.")
@click.option("--until-stdin-ends", is_flag=True, hidden=True, help="End when the starting process has gone.")
@click.pass_obj
def simulator(
    options: Options,
    port: int,
    write_kubeconfig: Path | None,
    environment: str,
    seed: int,
    fault: tuple[str, ...],
    drill: str,
    until_stdin_ends: bool,
) -> None:
    """Serve the embedded cluster on loopback until interrupted."""
    asyncio.run(
        _serve(
            options.environment or environment, port, write_kubeconfig, seed, fault, drill, until_stdin_ends
        )
    )


async def _serve(
    environment: str,
    port: int,
    kubeconfig: Path | None,
    seed: int,
    faults: tuple[str, ...],
    drill: str,
    until_stdin_ends: bool,
) -> None:
    from posdeck.catalogue.reading import read_catalogue
    from posdeck.config import load_settings
    from posdeck.content import find_content
    from posdeck.operations.drill_diary import debrief
    from posdeck.operations.drills import drill_named
    from posdeck.operations.embedded import DAY, inject, seed_of
    from posdeck.operations.live_drill import LiveDrill, end
    from posdeck.simulator.server import Simulator

    folders = find_content(load_settings().content)
    catalogue = read_catalogue(folders.environment(environment))
    cluster = Simulator(seed_of(catalogue, seed, DAY))
    live = LiveDrill(cluster, catalogue, drill_named(drill), seed) if drill else None
    playing: asyncio.Task[None] | None = None
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    await cluster.start(port)
    try:
        for each in faults:
            inject(cluster, catalogue, each)
        if live is not None:
            playing = loop.create_task(live.run())
        if kubeconfig is not None:
            cluster.write_kubeconfig(kubeconfig)
            click.echo(f"kubeconfig: {kubeconfig}")
            click.echo(
                f"try: kubectl --kubeconfig {kubeconfig} -n {catalogue.environment.namespace} get pods"
            )
        click.echo(f"serving {catalogue.environment.namespace} on {cluster.url}")
        sys.stdout.flush()
        if until_stdin_ends:
            watcher = loop.create_task(_until_stdin_ends(ended))
            await ended.wait()
            watcher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watcher
        else:
            await ended.wait()
    finally:
        if live is not None:
            await end(playing)
            click.echo(live.times.line())
            click.echo("\n".join(debrief(live.drill, seed, live.times)))
        await cluster.stop()


async def _until_stdin_ends(ended: asyncio.Event) -> None:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    while await reader.read(1024):
        pass
    ended.set()
