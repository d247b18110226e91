"""Where else posdeck could look: other contexts, namespaces and environments, resolved before anything is left."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from posdeck.catalogue.reading import read_catalogue
from posdeck.cluster.kubeconfig import context_names, load_target
from posdeck.errors import PosdeckError, UnreachableError
from posdeck.operations.opening import Opening, Request, open_content

if TYPE_CHECKING:
    from posdeck.operations.front import Front


@dataclass(frozen=True, slots=True)
class Destination:
    """Somewhere to go to. ``make`` makes the front there; it blocks, so call it off the event loop."""

    environment: str
    production: bool
    context: str
    namespace: str
    server: str
    insecure: bool
    read_only: bool
    opening: Opening
    make: Callable[[], Front]


class Elsewhere:
    """Resolves what is asked for against what is looked at now, which is ``opening``."""

    def __init__(self, opening: Opening) -> None:
        self.opening = opening

    @property
    def _request(self) -> Request:
        return self.opening.request

    def read(self) -> None:
        """Read all names; blocks for as long as the files take."""
        _ = self.contexts, self.environments, self.namespaces

    @cached_property
    def contexts(self) -> tuple[str, ...]:
        """The contexts of the kubeconfig files; none when they cannot be read."""
        try:
            return tuple(context_names(self._request.kubeconfig))
        except PosdeckError:
            return ()

    @cached_property
    def environments(self) -> tuple[str, ...]:
        """The environments of the inventory; none when it cannot be read."""
        try:
            return tuple(self.opening.folders.environments())
        except PosdeckError:
            return ()

    @cached_property
    def namespaces(self) -> tuple[str, ...]:
        """The namespaces that the inventory and the kubeconfig name: no permission to list them is needed. Any
        other may be typed."""
        found: dict[str, None] = {}
        try:
            for name in self.environments:
                found[read_catalogue(self.opening.folders.environment(name)).environment.namespace] = None
            for context in self.contexts:
                found[load_target(self._request.kubeconfig, context).namespace] = None
        except PosdeckError:
            return tuple(found)
        return tuple(found)

    def find(self, *, context: str = "", namespace: str = "", environment: str = "") -> Destination:
        """What one of the three leads to; blocks for some milliseconds. A context brings the environment that is
        bound to its cluster, an environment its own context and namespace. Raises the errors of configuration
        and content, UnknownNameError for a name that is none, UnreachableError without an address."""
        target = self.opening.target
        present = target.context if target is not None else self._request.context
        if context:
            wanted = replace(self._request, context=context, environment=None, namespace=None)
        elif environment:
            wanted = replace(self._request, context=None, environment=environment, namespace=None)
        else:
            named = self.opening.catalogue.environment.name
            wanted = replace(self._request, context=present, environment=named, namespace=namespace)
        opening = open_content(wanted)
        if environment and not opening.catalogue.environment.context and present:
            opening = open_content(replace(wanted, context=present))
        return _destination(opening)


def _destination(opening: Opening) -> Destination:
    from posdeck.cluster.identity import is_insecure

    environment, target = opening.catalogue.environment, opening.target
    if target is None:
        raise UnreachableError(
            f"environment {environment.name}", opening.problem, "What was looked at before stays on screen."
        )

    def make() -> Front:
        from posdeck.operations.console import Console

        return Console(opening, rules_later=True)

    return Destination(
        environment=environment.name,
        production=environment.production,
        context=target.context,
        namespace=opening.namespace,
        server=target.server.url,
        insecure=is_insecure(target),
        read_only=opening.read_only,
        opening=opening,
        make=make,
    )
