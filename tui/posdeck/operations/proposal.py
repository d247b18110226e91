"""A queue-based autoscaler for a consumer, proposed from what was seen: its numbers, why, and the last hours played again
under it, beside the fixed number of replicas of today. Never two autoscalers on one deployment."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from posdeck.operations.charts import POINTS, RATE_POINTS, Plot
from posdeck.operations.spans import span
from posdeck.telemetry.curves import Curve, quantile
from posdeck.telemetry.replay import LEAST_POINTS, Policy, Replay, proposed, rate_of_one, replay

if TYPE_CHECKING:
    from posdeck.catalogue.model import Catalogue, Workload
    from posdeck.clock import Clock
    from posdeck.operations.numbers import Numbers
    from posdeck.operations.scaled_objects import Scalers
    from posdeck.operations.view import View

RUNBOOK, PARAM = "add-queue-autoscaling", "consumer"
WAIT = 30.0  # seconds that a message may wait, unless the inventory's scaling_wait_seconds says otherwise
NEEDED = (
    "What the platform team must install: KEDA's operator with its CRDs (keda.sh/v1alpha1) and its metrics server, which "
    "serves external.metrics.k8s.io; and in this namespace a TriggerAuthentication whose credential may read the queue."
)


@dataclass(frozen=True, slots=True)
class ProposalView:
    """One consumer's proposal. ``reason`` is why there is none; ``blocked`` why it could not be applied now."""

    name: str
    queue: str = ""
    reason: str = ""
    blocked: str = ""
    policy: Policy | None = None
    why: tuple[str, ...] = ()
    fixed: int = 0
    would: Replay | None = None
    as_fixed: Replay | None = None
    plots: tuple[Plot, ...] = ()
    start: float = 0.0
    end: float = 0.0
    params: Mapping[str, str] = field(default_factory=dict)  # of the runbook that applies it


@dataclass(slots=True)
class Proposals:
    """Proposes for the consumers that the runbook may be used on."""

    catalogue: Catalogue
    clock: Clock
    numbers: Callable[[], Numbers | None]
    view: Callable[[], View]
    choices: Callable[[], tuple[str, ...]]

    def candidates(self) -> tuple[str, ...]:
        """Whose replicas a queue may choose, by the runbook."""
        return tuple(n for n in self.choices() if n in self.catalogue.workloads)

    async def propose(self, name: str, seconds: float) -> ProposalView:
        """From the last ``seconds``. Never raises for what cannot be read: the reason says so."""
        workload, numbers = self.catalogue.workloads[name], self.numbers()
        end = self.clock.now().timestamp()
        blocked = self._blocked(workload)
        empty = ProposalView(name, workload.queue or "", blocked=blocked, start=end - seconds, end=end)
        if numbers is None or not workload.queue:
            reason = "not connected yet" if numbers is None else "the inventory names no queue for it"
            return _without(empty, reason)
        measures = ("published_total", "acknowledged_total", "consumers", "waiting", "unacknowledged")
        steps = [seconds / (RATE_POINTS if m.endswith("_total") else POINTS) for m in measures]
        found = await asyncio.gather(
            *(numbers.past((name,), m, seconds, s) for m, s in zip(measures, steps, strict=True))
        )
        arriving, done, consuming, waiting, held = (each[name] for each in found)
        lacking = next(
            (c for c in (arriving, done, consuming, waiting) if len(c.points) < LEAST_POINTS), None
        )
        if lacking is not None:
            return _without(
                empty, lacking.reason or f"only {len(lacking.points)} samples: too few to propose from"
            )
        each, saturated = rate_of_one(done, consuming, waiting)
        if not each:
            return _without(empty, "nothing was done in this time, so what a replica does is not known")
        prefetch = self._prefetch(workload, held, consuming)
        return self._made(
            empty, workload, (arriving, consuming, waiting), each, prefetch, saturated=saturated
        )

    def _made(
        self,
        empty: ProposalView,
        workload: Workload,
        curves: tuple[Curve, Curve, Curve],
        each: float,
        prefetch: float,
        *,
        saturated: bool,
    ) -> ProposalView:
        arriving, consuming, waiting = curves
        given = workload.variables.get("scaling_wait_seconds")
        wait = float(given) if isinstance(given, int | float) and given > 0 else WAIT
        policy = proposed(arriving, each, prefetch=prefetch, wait=wait, lowest=1, highest=workload.maximum)
        fixed = workload.replicas
        would = replay(arriving, each, policy)
        same = replay(arriving, each, Policy(policy.threshold, fixed, fixed, 300))
        return ProposalView(
            workload.name,
            empty.queue,
            blocked=empty.blocked,
            policy=policy,
            why=_why(policy, arriving, each, workload, prefetch, wait, saturated=saturated),
            fixed=fixed,
            would=would,
            as_fixed=same,
            plots=_plots(would, same, fixed, consuming, waiting),
            start=empty.start,
            end=empty.end,
            params=_params(workload, policy),
        )

    def _prefetch(self, workload: Workload, held: Curve, consuming: Curve) -> float:
        """What a consumer may hold, as the source says; else the most that one was seen to hold."""
        numbers = self.numbers()
        known = numbers.of(workload.name) if numbers else None
        said = known.reading("prefetch").value if known else None
        if said:
            return said
        seen = [value / count for at, value in held.points if (count := consuming.at(at))]
        return max(seen, default=0.0)

    def _blocked(self, workload: Workload) -> str:
        """Why the proposal could not be applied now."""
        view = self.view()
        scalers: Scalers = view.scalers
        mine = scalers.of_deployment(workload.deployment)
        if mine is not None:
            return f"ScaledObject {mine.name} scales it already ({mine.state.value}). Two autoscalers would fight."
        hpa = next((h for h in view.snapshot.hpas.values() if h.target_name == workload.deployment), None)
        if hpa is not None:
            return f"HPA {hpa.name} scales it already. Two autoscalers would fight."
        if scalers.installed is False:
            return f"{scalers.reason}. {NEEDED}"
        return "" if scalers.installed else f"Whether KEDA is there cannot be told: {scalers.reason}."


def _without(empty: ProposalView, reason: str) -> ProposalView:
    return ProposalView(
        empty.name, empty.queue, reason=reason, blocked=empty.blocked, start=empty.start, end=empty.end
    )


def _why(
    policy: Policy,
    arriving: Curve,
    each: float,
    workload: Workload,
    prefetch: float,
    wait: float,
    *,
    saturated: bool,
) -> tuple[str, ...]:
    rates = [v for _, v in arriving.points]
    seen = "while messages waited" if saturated else "at most; nothing waited, so it may be more"
    held = f", and at least twice the prefetch of {prefetch:.0f}" if 2 * prefetch > each * wait else ""
    bound = f"; the inventory allows {workload.maximum}" if policy.maximum == workload.maximum else ""
    return (
        f"one replica did {each:.1f} messages a second ({seen})",
        f"value {policy.threshold}: what one replica does in {wait:.0f} s{held}; KEDA counts messages in hand too",
        f"minimum {policy.minimum}: enough for {policy.minimum * each:.1f} a second; the least seen is "
        f"{min(rates):.1f}, half of the time it is under {quantile(rates, 0.5) or 0.0:.1f}",
        f"maximum {policy.maximum}: the peak brings {max(rates):.1f} a second, and a fifth to spare{bound}",
        f"cooldown {span(policy.cooldown)}: under it the number changes at most once an hour or so; each change that "
        "ends a replica ends work in flight",
    )


def _plots(would: Replay, same: Replay, fixed: int, consuming: Curve, waiting: Curve) -> tuple[Plot, ...]:
    step = 60.0
    ran = Curve("ran (consumers seen)", consuming.points, consuming.step)
    return (
        Plot("Replicas", f"would have run; fixed {fixed}", (Curve("proposed", would.replicas, step), ran)),
        Plot(
            "Messages",
            "waiting or in hand",
            (
                Curve("proposed", would.backlog, step),
                Curve(f"fixed {fixed}, played", same.backlog, step),
                Curve("waited, measured", waiting.points, waiting.step),
            ),
        ),
    )


def _params(workload: Workload, policy: Policy) -> dict[str, str]:
    return {
        PARAM: workload.name,
        "queue": workload.queue or "",
        "minimum": str(policy.minimum),
        "maximum": str(policy.maximum),
        "messages": str(policy.threshold),
        "cooldown": str(policy.cooldown),
    }


def costs(view: ProposalView) -> tuple[float, float]:
    """Replica-hours of the proposal and of today's fixed number over the time that was played."""
    would = view.would.hours if view.would else 0.0
    fixed = view.fixed * view.would.played / 3600 if view.would else 0.0
    return would, fixed
