"""``posdeck snapshot VIEW``: one view as it would be drawn, printed or saved as SVG."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from posdeck.cli.options import Options, connection_options


@click.command()
@click.argument("view")
@connection_options
@click.option("--svg", type=click.Path(path_type=Path), help="Write an SVG picture to this file instead.")
@click.option("--size", default="160x50", show_default=True, help="Columns and lines, as in 200x50.")
@click.option("--theme", default=None, help="The colours of the SVG.")
@click.option(
    "--timeout", type=float, default=20.0, show_default=True, help="Seconds to wait for the cluster."
)
def snapshot(
    options: Options, view: str, svg: Path | None, size: str, theme: str | None, timeout: float
) -> None:
    """Print VIEW (overview, pods, workloads, hpa, consumers, …) as it would be drawn, and leave."""
    columns, _, lines = size.partition("x")
    if not (columns.isdigit() and lines.isdigit() and int(columns) >= 20 and int(lines) >= 5):
        raise click.BadParameter(
            f"{size!r} is no size; write it as in 160x50 (at least 20x5).", param_hint="--size"
        )
    drawn = asyncio.run(_draw(options, view, (int(columns), int(lines)), theme, svg is not None, timeout))
    if svg is not None:
        svg.write_text(drawn, encoding="utf-8")
        click.echo(f"{svg}")
    else:
        click.echo(drawn, nl=False)


async def _draw(
    options: Options, view: str, size: tuple[int, int], theme: str | None, svg: bool, timeout: float
) -> str:
    from posdeck.cli.headless import console_of, live_view
    from posdeck.operations.still import Still
    from posdeck.ui.picture import draw_view

    async with console_of(options) as console:
        await live_view(console, seconds=timeout, numbers=True)
        chosen = theme or console.opening.settings.theme
        return await draw_view(view, Still(console), size=size, theme=chosen, svg=svg)
