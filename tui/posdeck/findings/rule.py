"""The two forms of a rule: one looks at the whole situation, the other at one pod at a time and speaks for the
deployment that the pods belong to, so that one broken image is one finding and not nine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter

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
    """``sign`` is asked once per change of a pod and must depend on nothing else. It is asked of pods in one of the
    ``phases`` (None for any), and of those with a container that waits for one of the ``reasons``. ``severity`` is
    the severity while other pods of the deployment are available; None takes the usual one."""

    id: str
    sign: SignOf
    severity: Severity | None = None
    linger: float = 15.0
    phases: frozenset[str] | None = None
    reasons: frozenset[str] = frozenset()

    def as_rule(self) -> Rule:
        """The same as a rule over the situation."""
        return Rule(self.id, lambda situation: pod_findings(self, situation), (Kind.PODS,), 0.0, self.linger)


def pod_findings(rule: PodRule, situation: Situation) -> Iterator[Finding]:
    """One finding per deployment whose pods show the sign, and one per pod that belongs to none."""
    reading = any(situation.snapshot.feed(kind).state is FeedState.CONNECTING for kind in OWNERS)
    for (kind, name), group in situation.signs.groups[rule.id].items():
        if kind == "Deployment":
            of_all, down = len(situation.pods_of(name)), situation.is_down(name)
        elif reading:
            continue  # whose pod it is comes in a moment
        else:
            of_all, down = 1, False
        if group.told is None or group.told[0] != (of_all, down):
            group.told = (
                (of_all, down),
                _finding(rule, situation, (kind, name), group.pods, of_all, down=down),
            )
        yield group.told[1]


def _finding(
    rule: PodRule,
    situation: Situation,
    about: tuple[str, str],
    signs: Mapping[str, Sign],
    of_all: int,
    *,
    down: bool,
) -> Finding:
    kind, name = about
    pods = tuple(sorted(signs))
    found = [(pod, signs[pod]) for pod in pods]
    first = found[0][1]
    since, at_least = _earliest(signs.values())
    evidence = [
        (f"pod/{pod} {field}", value) for pod, sign in found[:SHOWN] for field, value in sign.evidence()
    ]
    if len(found) > SHOWN:
        evidence.append(("more pods with the same sign", str(len(found) - SHOWN)))
    words = first.what if len(found) == 1 else f"{first.what}" + _others(found)
    down = down and not first.gone
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
    known = [(s.since, s.since_at_least) for s in signs if s.since is not None]
    return min(known, key=itemgetter(0)) if known else (None, True)
