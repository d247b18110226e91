"""The two forms of a rule: one looks at the whole situation, the other at one pod at a time and speaks for the
deployment that the pods belong to, so that one broken image is one finding and not nine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from posdeck.cluster.snapshot import FeedState, Kind
from posdeck.findings.model import Finding, Severity, Unknown
from posdeck.findings.signs import Sign, SignOf
from posdeck.findings.situation import Situation
from posdeck.findings.wording import count_of, one_line

OWNERS = (Kind.DEPLOYMENTS, Kind.REPLICA_SETS)
SHOWN = 5  # pods named in the evidence; the rest are counted


@dataclass(frozen=True, slots=True)
class Rule:
    """``find`` yields what is so now, and what it could not tell. It is asked only while the ``needs`` can be
    seen. A finding is told once it has lasted ``hold`` seconds and kept for ``linger`` after it has ceased, so
    that nothing flaps. ``settle`` are seconds for which posdeck itself must have seen it; of an ``exclusive``
    rule one verdict ends another at once."""

    id: str
    find: Callable[[Situation], Iterable[Finding | Unknown]]
    needs: tuple[Kind, ...] = ()
    hold: float = 0.0
    linger: float = 15.0
    settle: float = 0.0
    exclusive: bool = False


@dataclass(frozen=True, slots=True)
class PodRule:
    """``sign`` is asked once per change of a pod and must depend on nothing else. ``severity`` is the severity
    while other pods of the deployment are available; None takes the usual one."""

    id: str
    sign: SignOf
    severity: Severity | None = None
    linger: float = 15.0

    def as_rule(self) -> Rule:
        """The same as a rule over the situation."""
        return Rule(self.id, lambda situation: pod_findings(self, situation), (Kind.PODS,), 0.0, self.linger)


def pod_findings(rule: PodRule, situation: Situation) -> Iterator[Finding]:
    """One finding per deployment whose pods show the sign, and one per pod that belongs to none."""
    grouped: dict[tuple[str, str], list[tuple[str, Sign]]] = {}
    reading = any(situation.snapshot.feed(kind).state is FeedState.CONNECTING for kind in OWNERS)
    for pod, sign in situation.signs.get(rule.id, {}).items():
        owner = situation.index.deployment_of.get(pod)
        if owner is None and reading:
            continue  # whose pod it is comes in a moment
        grouped.setdefault(("Deployment", owner) if owner else ("Pod", pod), []).append((pod, sign))
    for (kind, name), found in grouped.items():
        yield _finding(rule, situation, kind, name, found)


def _finding(
    rule: PodRule, situation: Situation, kind: str, name: str, found: list[tuple[str, Sign]]
) -> Finding:
    found.sort(key=lambda each: each[0])
    pods = tuple(pod for pod, _ in found)
    first = found[0][1]
    of_all = len(situation.pods_of(name)) if kind == "Deployment" else 1
    since, at_least = _earliest(sign for _, sign in found)
    evidence = [
        (f"pod/{pod} {field}", value) for pod, sign in found[:SHOWN] for field, value in sign.evidence
    ]
    if len(found) > SHOWN:
        evidence.append(("more pods with the same sign", str(len(found) - SHOWN)))
    words = first.what if len(found) == 1 else f"{first.what}" + _others(found)
    down = kind == "Deployment" and not first.gone and situation.is_down(name)
    usual = situation.severity(name, down=down)
    return Finding(
        id=rule.id,
        severity=usual if down or rule.severity is None else rule.severity,
        kind=kind,
        name=name,
        short=situation.short(name) if kind == "Deployment" else name,
        text=one_line(f"{count_of(len(found), of_all, 'pod')}: {words}"),
        since=since,
        since_at_least=at_least,
        evidence=tuple(evidence),
        likely=first.likely,
        confidence=first.confidence,
        params=situation.params(name) if kind == "Deployment" else {},
        pods=pods,
        workloads=(name,) if kind == "Deployment" else (),
        cause=first.cause,
    )


def _others(found: list[tuple[str, Sign]]) -> str:
    kinds = len({sign.what for _, sign in found})
    return f" (and {kinds - 1} other reasons)" if kinds > 2 else " (and another reason)" if kinds == 2 else ""


def _earliest(signs: Iterable[Sign]) -> tuple[datetime | None, bool]:
    """The earliest time among the signs; a lower bound where that one is, or where one has no time at all."""
    known = sorted(
        ((s.since, s.since_at_least) for s in signs if s.since is not None), key=lambda each: each[0]
    )
    return known[0] if known else (None, True)
