"""What could be meant by what is typed after ``:``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from posdeck.errors import PosdeckError
from posdeck.operations.kinds import KNOWN
from posdeck.ui.palettes import PALETTES
from posdeck.ui.views import BY_NAME, VIEWS

if TYPE_CHECKING:
    from posdeck.operations.front import Front
    from posdeck.ui.app import PosdeckApp

KINDS = tuple(str(resource) for resource, _ in KNOWN if resource.plural not in BY_NAME)
OF_WORKLOADS = ("logs", "log", "restart", "forward", "links")
OF_OBJECTS = ("describe", "yaml")
CONTEXT = ("ctx", "context", "contexts")
NAMESPACE = ("ns", "namespace", "namespaces")
ENVIRONMENT = ("env", "environment", "environments")
COMMANDS = (
    "restart", "describe", "yaml", "run", "session", "resume", "handover", "forward", "links", "ctx", "ns", "env",
    "redaction", "palette", "theme", "help", "quit",
)  # fmt: skip
_NONE: Mapping[str, tuple[str, ...]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Words:
    """Everything that can be named. ``objects`` are names by plural kind."""

    workloads: tuple[str, ...] = ()
    runbooks: tuple[str, ...] = ()
    contexts: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    sessions: tuple[str, ...] = ()
    objects: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: _NONE)


def complete(text: str, words: Words) -> list[str]:
    """Whole lines that begin as ``text`` does, best first: views and commands, then what the command takes."""
    head, space, tail = text.partition(" ")
    if not space:
        names = [*(view.name for view in VIEWS), *COMMANDS, *KINDS]
        return [n for n in names if n.startswith(text)] or [n for n in names if text in n]
    if head == "run":
        runbook, more, name = tail.partition(" ")
        if not more:
            return _of(head, tail, words.runbooks)
        return [f"run {runbook} {found}" for found in words.workloads if name in found]
    if head in OF_OBJECTS:
        kind, slash, name = tail.partition("/")
        if slash:
            found = words.objects.get(kind, ())
            return [f"{head} {kind}/{each}" for each in found if name in each]
        return _of(head, tail, (*words.workloads, *(f"{kind}/" for kind in words.objects)))
    lists: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
        (OF_WORKLOADS, words.workloads),
        (CONTEXT, words.contexts),
        (NAMESPACE, words.namespaces),
        (ENVIRONMENT, words.environments),
        (("session", "resume"), words.sessions),
        (("theme",), tuple(PALETTES)),
    )
    return next((_of(head, tail, found) for heads, found in lists if head in heads), [])


def _of(head: str, tail: str, names: tuple[str, ...]) -> list[str]:
    begin = [f"{head} {name}" for name in names if name.startswith(tail)]
    return begin + [f"{head} {name}" for name in names if tail in name and not name.startswith(tail)]


class Completer:
    """Completes from what the application knows at this moment."""

    def __init__(self, app: Callable[[], PosdeckApp]) -> None:
        self._app = app
        self._runbooks: tuple[str, ...] = ()
        self._asked: object = None  # the front that was asked for its namespaces
        self._namespaces: tuple[str, ...] = ()

    def __call__(self, text: str) -> list[str]:
        """What ``text`` could become."""
        return complete(text, self._words(text.partition(" ")[0]))

    def _all_namespaces(self, app: PosdeckApp) -> tuple[str, ...]:
        """Those of inventory and kubeconfig at once; the cluster's own too once it has answered."""
        if app.front is not None and self._asked is not app.front:
            self._asked, self._namespaces = app.front, ()
            app.run_worker(self._ask(app, app.front), group="names", exit_on_error=False)
        known = app.elsewhere.namespaces if app.elsewhere is not None else ()
        return tuple(dict.fromkeys((*known, *self._namespaces)))

    async def _ask(self, app: PosdeckApp, front: Front) -> None:
        try:
            found = await front.namespaces()
        except PosdeckError:
            self._asked = None  # not connected yet: asked again with the next completion
            return
        if app.front is front:
            self._namespaces = tuple(found)
            app.console_screen.prompt.renew()

    def _words(self, command: str) -> Words:
        app = self._app()
        if not self._runbooks and app.front is not None:
            self._runbooks = tuple(runbook.id for runbook in app.front.runbooks())
        snapshot, elsewhere = app.scene.snapshot, app.elsewhere
        return Words(
            workloads=tuple(member.short for member in app.scene.wall.members),
            runbooks=self._runbooks,
            contexts=elsewhere.contexts if elsewhere and command in CONTEXT else (),
            namespaces=self._all_namespaces(app) if elsewhere and command in NAMESPACE else (),
            environments=elsewhere.environments if elsewhere and command in ENVIRONMENT else (),
            sessions=tuple(session.id for session in app.scene.view.sessions),
            objects={
                "pod": tuple(snapshot.pods),
                "deployment": tuple(snapshot.deployments),
                "replicaset": tuple(snapshot.replica_sets),
                "hpa": tuple(snapshot.hpas),
                "service": tuple(snapshot.services),
                "node": tuple(snapshot.nodes),
            },
        )
