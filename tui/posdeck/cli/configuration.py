"""``posdeck config``: what is configured, whether it is right, and where it lies."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from posdeck.cli.options import output_option


@click.group()
def config() -> None:
    """Show, check or find the configuration file."""


@config.command()
def path() -> None:
    """Where the configuration file is looked for."""
    from posdeck.config import config_path

    click.echo(str(config_path()))


@config.command()
@output_option("table", "json")
def show(output: str) -> None:
    """The settings in force."""
    from posdeck.config import SETTINGS, load_settings

    settings = load_settings()
    values = asdict(settings) | {"keys": dict(settings.keys)}
    if output == "json":
        click.echo(json.dumps(values, indent=2, default=str))
        return
    click.echo(f"# {settings.path or 'no configuration file: all defaults'}")
    for setting in SETTINGS:
        value = values.get(setting.name.replace(".", "_"), values.get(setting.name))
        click.echo(f"{setting.name} = {json.dumps(value, default=str)}  # {setting.says}")


@config.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
def check(file: Path | None) -> None:
    """Say what is wrong in the file, with its line; exit 5 if anything."""
    from posdeck.config import load_settings
    from posdeck.ui.actions import remapped
    from posdeck.ui.views import all_actions

    settings = load_settings(file)
    remapped(settings.keys, all_actions())
    click.echo(f"{settings.path or 'no configuration file'}: fine")


@config.command()
def schema() -> None:
    """The JSON Schema of the configuration file, for editors."""
    from posdeck.config import config_schema

    click.echo(json.dumps(config_schema(), indent=2))
