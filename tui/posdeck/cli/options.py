"""The options that mean the same everywhere, gathered in one frozen value. Each may stand before or after the
subcommand; the later one counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from posdeck.operations.opening import Request

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Options:
    """What was given on the command line; None where nothing was."""

    kubeconfig: Path | None = None
    context: str | None = None
    namespace: str | None = None
    environment: str | None = None
    read_only: bool = False

    def request(self) -> Request:
        """The same, as operations take it."""
        from posdeck.operations.opening import Request

        return Request(self.kubeconfig, self.context, self.namespace, self.environment, self.read_only)

    def over(self, earlier: Options) -> Options:
        """These options, filled up with those given before the subcommand."""
        return replace(
            self,
            kubeconfig=self.kubeconfig or earlier.kubeconfig,
            context=self.context or earlier.context,
            namespace=self.namespace or earlier.namespace,
            environment=self.environment or earlier.environment,
            read_only=self.read_only or earlier.read_only,
        )


def connection_options(command: F) -> F:
    """Add the connection options; the command is called with ``options=Options(…)``."""

    @click.option(
        "--kubeconfig", type=click.Path(path_type=Path), help="The kubeconfig file (else KUBECONFIG, …)."
    )
    @click.option("--context", help="The kubeconfig context (else the current one).")
    @click.option("-n", "--namespace", help="The namespace (else the inventory's).")
    @click.option("--environment", help="The environment: a folder of the inventory.")
    @click.option("--read-only", is_flag=True, help="Refuse every write.")
    @wraps(command)
    def with_options(
        *args: Any,
        kubeconfig: Path | None,
        context: str | None,
        namespace: str | None,
        environment: str | None,
        read_only: bool,
        **kwargs: Any,
    ) -> Any:
        options = Options(kubeconfig, context, namespace, environment, read_only)
        current = click.get_current_context(silent=True)
        if current is not None and isinstance(current.obj, Options):
            options = options.over(current.obj)
        return command(*args, options=options, **kwargs)

    return with_options  # type: ignore[return-value]


def output_option(*choices: str) -> Callable[[F], F]:
    """Add ``-o``; the first choice is the default."""
    return click.option(
        "-o",
        "--output",
        type=click.Choice(choices),
        default=choices[0],
        show_default=True,
        help="The form of output.",
    )
