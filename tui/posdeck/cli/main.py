"""The command line. Subcommands are imported only when they are called, so that --help and --version stay fast."""

from __future__ import annotations

import importlib
import sys
from typing import NoReturn

import click

from posdeck import __version__
from posdeck.cli.options import Options, connection_options
from posdeck.errors import PosdeckError

# name, module:attribute, short help; the one list of subcommands
COMMANDS: tuple[tuple[str, str, str], ...] = (
    ("demo", "posdeck.cli.demo:demo", "Open the interface on the embedded cluster."),
    (
        "status",
        "posdeck.cli.status:status",
        "Say whether something is wrong now (exit 0, 1, or 2: cannot tell).",
    ),
    (
        "findings",
        "posdeck.cli.findings:findings",
        "List what is wrong, once or as it changes; acknowledge, snooze or note it.",
    ),
    ("snapshot", "posdeck.cli.snapshot:snapshot", "Print one view as it would be drawn, and leave."),
    (
        "drill",
        "posdeck.cli.drill:drill",
        "Practise: a fault in a simulated namespace, and what posdeck says.",
    ),
    ("runbook", "posdeck.cli.runbook:runbook", "List, read, check and run runbooks."),
    ("audit", "posdeck.cli.audit:audit", "Read and verify the record of actions."),
    ("environment", "posdeck.cli.environment:environment", "List environments; bind one to its cluster."),
    ("config", "posdeck.cli.configuration:config", "Show, check or find the configuration file."),
    ("doctor", "posdeck.cli.doctor:doctor", "Check what posdeck needs, and say how to mend it."),
    (
        "simulator",
        "posdeck.cli.simulator:simulator",
        "Serve the embedded cluster for kubectl and other tools.",
    ),
)

USAGE_EXIT = 64


class LazyGroup(click.Group):
    """A group that imports a subcommand when it is needed and lists them without importing any."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name, _, _ in COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        for name, where, _ in COMMANDS:
            if name == cmd_name:
                module, attribute = where.split(":")
                found = getattr(importlib.import_module(module), attribute)
                assert isinstance(found, click.Command)
                return found
        return None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, _, text in COMMANDS])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in self.list_commands(ctx):
            import difflib

            near = difflib.get_close_matches(args[0], self.list_commands(ctx), n=1)
            hint = f" Did you mean {near[0]!r}?" if near else " See posdeck --help."
            raise click.UsageError(f"There is no command {args[0]!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)


@click.group(
    cls=LazyGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(__version__, "-V", "--version", message="posdeck %(version)s")
@connection_options
@click.option("--view", default="overview", show_default=True, help="The view to open the interface on.")
@click.pass_context
def cli(ctx: click.Context, options: Options, view: str) -> None:
    """posdeck: an incident console, in the terminal, for one Kubernetes namespace.

    Without a command it opens the live interface.
    """
    ctx.obj = options
    if ctx.invoked_subcommand is None:
        from posdeck.cli.interface import open_interface

        ctx.exit(open_interface(options, view))


def run() -> NoReturn:
    """Run the command line; every error is one clear line on standard error, never a traceback."""
    try:
        code = cli.main(prog_name="posdeck", standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("posdeck: interrupted", err=True)
        sys.exit(130)
    except click.UsageError as error:
        error.show()
        sys.exit(USAGE_EXIT)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except PosdeckError as error:
        click.echo(f"posdeck: {error}", err=True)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(141)
    sys.exit(code if isinstance(code, int) else 0)
