"""KEDA's ScaledObjects as the screens show them: what they aim at, how they stand, and the HPA that is theirs. Read once
in a while; a cluster without KEDA, or one that hides it, says so."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from posdeck.errors import ClusterError, ForbiddenError, NotFoundError
from posdeck.kubetext.fields import items

if TYPE_CHECKING:
    from posdeck.cluster.transport import Transport

PERIOD = 15.0  # seconds between two looks
PAUSED, PAUSED_REPLICAS = "autoscaling.keda.sh/paused", "autoscaling.keda.sh/paused-replicas"


class ScalerState(StrEnum):
    """How a ScaledObject stands."""

    ACTIVE = "active"
    IDLE = "idle"  # its triggers ask for nothing: it stays at its minimum
    PAUSED = "paused"
    FALLBACK = "on its fallback"
    FAILING = "failing"
    UNKNOWN = "not reported yet"


@dataclass(frozen=True, slots=True)
class Trigger:
    """One trigger: its type, what it looks at, the value for one replica, and its failures where KEDA tells."""

    type: str
    about: str
    value: str
    authentication: str = ""


@dataclass(frozen=True, slots=True)
class ScaledObject:
    """One ScaledObject. ``reason`` is in KEDA's own words; ``failing`` names the metrics that cannot be read."""

    name: str
    target_kind: str
    target_name: str
    minimum: int
    maximum: int
    state: ScalerState
    reason: str = ""
    hpa: str = ""
    triggers: tuple[Trigger, ...] = ()
    failing: tuple[str, ...] = ()
    cooldown: int = 300
    polling: int = 30
    fallback_replicas: int | None = None
    paused_at: str = ""  # the number of replicas that it is paused at, where one is given


@dataclass(frozen=True, slots=True)
class Scalers:
    """All of the namespace. ``installed`` is None while nobody has asked, or nobody may; ``reason`` says why."""

    installed: bool | None = None
    objects: tuple[ScaledObject, ...] = ()
    reason: str = "not asked yet"

    def of_hpa(self, name: str) -> ScaledObject | None:
        """The one whose HPA has this name."""
        return next((o for o in self.objects if o.hpa == name), None)

    def of_deployment(self, name: str) -> ScaledObject | None:
        """The one that aims at the deployment of this full name."""
        return next(
            (o for o in self.objects if o.target_kind == "Deployment" and o.target_name == name), None
        )


MISSING = "KEDA is not installed: its API keda.sh/v1alpha1 is not served"


async def read_scalers(transport: Transport, namespace: str, redacted: Callable[[str], str] = str) -> Scalers:
    """Ask once; ``redacted`` goes over KEDA's own words. Never raises for what cannot be read."""
    from posdeck.cluster.objects import Objects  # not before the first frame, which knows these views
    from posdeck.cluster.resources import Resource

    objects = Objects(transport, namespace)
    try:
        rows: Sequence[Mapping[str, Any]] = await objects.list(
            Resource("scaledobjects", "keda.sh", "v1alpha1")
        )
    except NotFoundError:
        return Scalers(False, (), MISSING)
    except ForbiddenError:
        return Scalers(None, (), "this identity may not list scaledobjects.keda.sh")
    except ClusterError as error:
        return Scalers(None, (), str(error))
    found = (scaled_object(row) for row in rows)
    return Scalers(True, tuple(replace(each, reason=redacted(each.reason)) for each in found), "")


def scaled_object(raw: Mapping[str, Any]) -> ScaledObject:
    """One ScaledObject out of its JSON; what an odd one lacks is left at KEDA's own default."""
    meta, spec, status = (_map(raw.get(k)) for k in ("metadata", "spec", "status"))
    target, notes = _map(spec.get("scaleTargetRef")), _map(meta.get("annotations"))
    failing = tuple(
        f"{name} ({_map(health).get('numberOfFailures', '?')} failures)"
        for name, health in _map(status.get("health")).items()
        if _map(health).get("status") == "Failing"
    )
    state, reason = _state(status, notes)
    name = str(meta.get("name") or "")
    advanced = _map(_map(spec.get("advanced")).get("horizontalPodAutoscalerConfig"))
    fallback = _map(spec.get("fallback"))
    return ScaledObject(
        name=name,
        target_kind=str(target.get("kind") or "Deployment"),
        target_name=str(target.get("name") or ""),
        minimum=_whole(spec.get("minReplicaCount"), 0),
        maximum=_whole(spec.get("maxReplicaCount"), 100),
        state=state,
        reason=reason,
        hpa=str(status.get("hpaName") or advanced.get("name") or f"keda-hpa-{name}"),
        triggers=tuple(_trigger(t) for t in items(spec.get("triggers"))),
        failing=failing,
        cooldown=_whole(spec.get("cooldownPeriod"), 300),
        polling=_whole(spec.get("pollingInterval"), 30),
        fallback_replicas=_whole(fallback.get("replicas"), 0) if fallback else None,
        paused_at=str(notes.get(PAUSED_REPLICAS) or ""),
    )


def _state(status: Mapping[str, Any], notes: Mapping[str, Any]) -> tuple[ScalerState, str]:
    conditions = {
        str(c.get("type")): (str(c.get("status")), str(c.get("message") or ""))
        for c in items(status.get("conditions"))
    }

    def of(kind: str) -> tuple[str, str]:
        return conditions.get(kind, ("", ""))

    if (
        str(notes.get(PAUSED, "")).lower() == "true"
        or notes.get(PAUSED_REPLICAS)
        or of("Paused")[0] == "True"
    ):
        return ScalerState.PAUSED, of("Paused")[1] or "by its annotation"
    if of("Fallback")[0] == "True":
        return ScalerState.FALLBACK, of("Fallback")[1]
    if of("Ready")[0] == "False":
        return ScalerState.FAILING, of("Ready")[1]
    if of("Active")[0] in ("True", "False"):
        active = of("Active")[0] == "True"
        return (ScalerState.ACTIVE if active else ScalerState.IDLE), of("Active")[1]
    return ScalerState.UNKNOWN, "KEDA has written no condition: its operator may not run"


def _trigger(raw: Mapping[str, Any]) -> Trigger:
    given = _map(raw.get("metadata"))
    about = (
        given.get("queueName") or given.get("consumerGroup") or given.get("query") or given.get("name") or ""
    )
    value = (
        given.get("value")
        or given.get("lagThreshold")
        or given.get("threshold")
        or given.get("queueLength")
        or ""
    )
    return Trigger(
        str(raw.get("type") or "?"),
        str(about),
        str(value),
        str(_map(raw.get("authenticationRef")).get("name") or ""),
    )


def _map(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _whole(value: Any, default: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else default
