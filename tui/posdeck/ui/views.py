"""Every view, once: the names that ``:`` and ``posdeck snapshot`` take, and the place each one is."""

from __future__ import annotations

from dataclasses import dataclass

from posdeck.errors import UnknownNameError
from posdeck.ui.actions import ACTIONS, Action, sort_action
from posdeck.ui.screens.consumers import ConsumersPane
from posdeck.ui.screens.flow import FlowPane
from posdeck.ui.screens.forwards import ForwardsPane
from posdeck.ui.screens.hpa import HpaPane
from posdeck.ui.screens.kinds import AllPane
from posdeck.ui.screens.levels import LevelsPane
from posdeck.ui.screens.library import AuditPane, RunbooksPane, SessionsPane
from posdeck.ui.screens.logs import LogsPane
from posdeck.ui.screens.overview import OverviewPane
from posdeck.ui.screens.pane import Pane
from posdeck.ui.screens.plots import PlotsPane
from posdeck.ui.screens.scaling import ScalingPane
from posdeck.ui.screens.tables import (
    EventsPane,
    FindingsPane,
    NodesPane,
    PodsPane,
    RevisionsPane,
    ServicesPane,
    TablePane,
    WorkloadsPane,
)
from posdeck.ui.screens.tracing import TracingPane


@dataclass(frozen=True, slots=True)
class ViewEntry:
    """A view's name, the other names that mean it (k9s's and kubectl's), what it shows, and its place."""

    name: str
    aliases: tuple[str, ...]
    shows: str
    pane: type[Pane]


VIEWS: tuple[ViewEntry, ...] = (
    ViewEntry("overview", ("ov", "home"), "what is wrong, and every workload", OverviewPane),
    ViewEntry("pods", ("po", "pod"), "pods", PodsPane),
    ViewEntry("workloads", ("dp", "deploy", "deployments", "deployment"), "deployments", WorkloadsPane),
    ViewEntry("revisions", ("rs", "replicasets", "rev"), "the revisions of each deployment", RevisionsPane),
    ViewEntry("hpa", ("hpas", "horizontalpodautoscalers"), "autoscaling, with its arithmetic", HpaPane),
    ViewEntry("consumers", ("co", "consumer", "lag"), "queues, rates and verdicts", ConsumersPane),
    ViewEntry("slo", ("levels", "slos"), "service levels and their error budgets", LevelsPane),
    ViewEntry("plots", ("plot", "graphs", "charts"), "lag, rates, latency and replicas over time", PlotsPane),
    ViewEntry("tracing", ("traces", "otel"), "the trace collector, and its lag", TracingPane),
    ViewEntry("scaling", ("keda", "so", "scaledobjects"), "KEDA, and what it would have done", ScalingPane),
    ViewEntry("services", ("svc", "service"), "services and their ports", ServicesPane),
    ViewEntry("events", ("ev", "event"), "events, newest first", EventsPane),
    ViewEntry("nodes", ("no", "node"), "nodes, where they may be read", NodesPane),
    ViewEntry("all", ("get-all",), "what kubectl get all lists", AllPane),
    ViewEntry("flow", ("fl",), "the path of a request", FlowPane),
    ViewEntry("logs", ("log",), "the log of a workload: logs NAME", LogsPane),
    ViewEntry("findings", ("fi", "problems"), "what is wrong, and standing risks", FindingsPane),
    ViewEntry("runbooks", ("rb", "runbook"), "the library", RunbooksPane),
    ViewEntry("forwards", ("pf", "port-forward", "portforward"), "port-forwards", ForwardsPane),
    ViewEntry("audit", ("au", "records"), "what was done", AuditPane),
    ViewEntry("sessions", ("se",), "sessions that go on or wait to be resumed", SessionsPane),
)
BY_NAME: dict[str, ViewEntry] = {name: view for view in VIEWS for name in (view.name, *view.aliases)}


def view_named(name: str) -> ViewEntry:
    """The view of this name or other name. Raises UnknownNameError."""
    if name not in BY_NAME:
        raise UnknownNameError(
            repr(name), "no view has this name", f"The views are: {', '.join(v.name for v in VIEWS)}"
        )
    return BY_NAME[name]


def all_actions() -> tuple[Action, ...]:
    """The registry with the sorting keys of every table."""
    sorting = [
        sort_action(kind.id, column.id, column.title, column.key)
        for view in VIEWS
        if issubclass(view.pane, TablePane)
        for kind in (view.pane.kind_class,)
        for column in kind.columns
        if column.key
    ]
    return (*sorting, *ACTIONS)
