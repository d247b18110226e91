"""What can be typed after ``:``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from posdeck.errors import PosdeckError
from posdeck.operations.kinds import KNOWN
from posdeck.operations.view import ELSEWHERE, STORED
from posdeck.ui import completing, switching
from posdeck.ui.errands import change_theme
from posdeck.ui.leaving import leave_if_meant
from posdeck.ui.lifting import lift_or_end
from posdeck.ui.palettes import PALETTES
from posdeck.ui.plain import plain
from posdeck.ui.procedures import begin, hand_over, restart, show_session
from posdeck.ui.reading import open_logs, open_object, show_help
from posdeck.ui.rows.session import ENDED
from posdeck.ui.screens.findings import remark
from posdeck.ui.screens.forwards import forward_subject
from posdeck.ui.screens.kinds import open_kind
from posdeck.ui.screens.links import open_links
from posdeck.ui.screens.pane import Subject
from posdeck.ui.subjects import deployment_subject, object_subject, pod_subject
from posdeck.ui.views import BY_NAME

if TYPE_CHECKING:
    from posdeck.operations.front import RunbookSummary
    from posdeck.ui.app import PosdeckApp

_LABELS = re.compile(r"[\w./-]+!?=[\w.-]*(?:,[\w./-]+!?=[\w.-]*)*")
# kinds that rows know by their plural; every other one is the server's to find
BY_KIND = {name: resource.plural for resource, names in KNOWN for name in (resource.plural, *names)}


async def command(app: PosdeckApp, text: str) -> None:
    """What was typed after ``:``."""
    word, _, rest = text.partition(" ")
    rest = rest.strip()
    if not word:
        return
    if word in {"q", "quit", "exit", "q!"}:
        leave_if_meant(app, f":{word}")
    elif word in {"help", "h"}:
        await show_help(app)
    elif word == "theme":
        if rest and rest not in PALETTES:
            app.notice(f"There is no theme “{plain(rest)}”. There are: {', '.join(PALETTES)}.", "warn")
        else:
            change_theme(app, rest)
    elif word == "palette":
        from posdeck.ui.screens.palette import open_palette

        await open_palette(app)
    elif word in {"ack", "snooze", "note"}:
        await remark(app, app.console_screen.current.subject(), word, rest)
    elif word in {"redaction", "unredact"}:
        await lift_or_end(app, rest)
    elif what := _elsewhere(word):
        await switching.switch(app, what, rest)
    elif word in {"session", "resume"}:
        await _open_session(app, rest, stored=word == "resume")
    elif word == "handover":
        await hand_over(app, rest)
    elif word in {"logs", "log"} and (group := _group_or_pod(app, rest)) is not None:
        await open_logs(app, *group)
    elif word in completing.OF_OBJECTS and (found := _object(app, rest)) is not None:
        await open_object(app, found, as_yaml=word == "yaml")
    elif rest and word in {"logs", "log", "restart", "describe", "yaml", "run", "links"}:
        await _named(app, word, rest)
    elif word in {"forward", "fwd"} or (rest and BY_NAME.get(word, None) is BY_NAME["forwards"]):
        await _forward(app, rest)
    else:
        await (app.go(word, fresh=True) if word in BY_NAME else open_kind(app, word))
        if rest:
            app.console_screen.current.set_filter(_as_filter(rest))


def _as_filter(rest: str) -> str:
    """``:pods /order`` and ``:pods app=x`` as k9s has them; anything else is text."""
    if rest.startswith("/"):
        return rest[1:]
    return f"-l {rest}" if _LABELS.fullmatch(rest) else rest


def _elsewhere(word: str) -> str:
    """What kind of other place a command goes to; empty for every other command."""
    ways = {
        switching.CONTEXT: completing.CONTEXT,
        switching.NAMESPACE: completing.NAMESPACE,
        switching.ENVIRONMENT: completing.ENVIRONMENT,
    }
    return next((what for what, words in ways.items() if word in words), "")


async def _forward(app: PosdeckApp, rest: str) -> None:
    """``NAME [LOCAL:]PORT``: a workload, a service or a pod by its exact name."""
    name, _, ports = rest.partition(" ")
    if not name:
        await app.go("forwards")
        return
    scene = app.scene
    if name in scene.snapshot.pods:
        subject = pod_subject(scene.snapshot.pods[name], scene)
    elif name in scene.wall.by_short or name in scene.wall.by_full:
        subject = deployment_subject(scene.wall.full(name), scene)
    elif name in scene.snapshot.services:
        subject = object_subject("services", name, scene)
    else:
        app.notice(
            f"No workload, service or pod is named “{plain(name)}”. Names are exact; tab completes.", "warn"
        )
        return
    await forward_subject(app, subject, ports.strip())


async def _open_session(app: PosdeckApp, wanted: str, *, stored: bool) -> None:
    """The session whose id begins so, or the newest open one of here; with ``stored`` the newest that waits on disk."""
    found = [s for s in app.scene.view.sessions if s.id.startswith(wanted)]
    if not wanted:
        # what was left to somebody is taken up by its name only; where one is to be resumed, those on disk come first
        found = [s for s in found if not s.place and s.held != ELSEWHERE and not s.handed_to]
        found = [s for s in found if s.held == STORED or not stored] or found
    still = [s for s in found if s.status not in ENDED] or (found if wanted else [])
    if not still:
        which = "waits to be resumed" if stored else "is open"
        app.notice(
            f"No session begins with “{plain(wanted)}”; :sessions lists them."
            if wanted
            else f"No session {which} here; :sessions lists all.",
            "warn",
        )
        return
    newest = max(still, key=lambda s: s.started.timestamp() if s.started else 0.0)
    await show_session(app, newest.id)


def _asked_for(runbook: RunbookSummary, workload: str) -> str:
    """The parameter that a workload's name answers: of that type, or with it among its choices."""
    fits = (ask for ask in runbook.asks if ask.type == "workload" or workload in ask.choices)
    return next((ask.name for ask in fits), "")


def _object(app: PosdeckApp, rest: str) -> Subject | None:
    """``KIND/NAME`` or ``KIND NAME`` as kubectl takes them, or a pod's exact name; None for every other name."""
    if rest in app.scene.snapshot.pods:
        return pod_subject(app.scene.snapshot.pods[rest], app.scene)
    kind, found, name = rest.partition("/") if "/" in rest else rest.partition(" ")
    name = name.strip()
    if not found or not kind or not name:
        return None
    known = BY_KIND.get(kind.lower(), kind)
    if known == "deployments" and name in app.scene.wall.by_short:
        name = app.scene.wall.full(name)
    return object_subject(known, name, app.scene)


def _group_or_pod(app: PosdeckApp, name: str) -> tuple[Subject, tuple[str, ...]] | None:
    """A group of the catalogue with all its pods, or one pod, by exact name; None for every other name."""
    scene = app.scene
    if name in scene.snapshot.pods:
        return pod_subject(scene.snapshot.pods[name], scene), ()
    groups = app.front.catalogue.groups if app.front is not None else {}
    if name not in groups or app.front is None or name in scene.wall.by_short:
        return None
    deployments = tuple(w.deployment for w in app.front.catalogue.workloads_in(name))
    pods = tuple(sorted(pod.name for full in deployments for pod in scene.joins.pods(full)))
    return Subject("", name, short=name, pods=pods), deployments


async def _named(app: PosdeckApp, word: str, rest: str) -> None:
    """A command with the exact name of a workload; patterns are refused by the catalogue."""
    runbook = ""
    if word == "run":
        runbook, _, rest = rest.partition(" ")
        if app.front is not None and runbook not in {r.id for r in app.front.runbooks()}:
            app.notice(f"There is no runbook “{plain(runbook)}”. 8 lists the library.", "warn")
            return
        if not rest.strip():
            await begin(app, runbook, {})
            return
    try:
        front = app.need_front()
        workload = front.catalogue.workload(rest.strip())
    except PosdeckError as problem:
        app.notice(str(problem), "warn")
        return
    subject = deployment_subject(workload.deployment, app.scene)
    if word in {"logs", "log"}:
        await open_logs(app, subject)
    elif word in {"describe", "yaml"}:
        await open_object(app, subject, as_yaml=word == "yaml")
    elif word == "links":
        await open_links(app, subject)
    elif word == "run":
        summary = next((r for r in front.runbooks() if r.id == runbook), None)
        name = _asked_for(summary, workload.name) if summary else ""
        if not name:
            app.notice(f"Runbook {runbook} asks for no workload. :run {runbook} begins it.", "warn")
            return
        await begin(app, runbook, {name: workload.name})
    else:
        await restart(app, subject)
