"""The signs that pods show now, gathered by rule and by the deployment that the pods belong to. A pod is looked at when
it changes, a sign when its time comes, and nothing otherwise."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from posdeck.cluster.snapshot import Pod
from posdeck.findings.pod_changes import PodChanges
from posdeck.findings.signs import Sign, SignOf, unremarkable

Belongs = tuple[str, str]  # "Deployment" and its name, or "Pod" and the pod's own where it belongs to none
_Seen = tuple[Sign, datetime, bool]  # when it was first seen, and whether it counts
NO_SIGNS: Mapping[str, Sign] = {}


@dataclass(slots=True)
class Group:
    """The pods of one deployment that show one rule's sign. ``told`` is what was made of them, with all else that
    it was made of; None once the pods have changed."""

    pods: dict[str, Sign] = field(default_factory=dict)
    told: tuple[object, Any] | None = None


class Asked(Protocol):
    """A rule about single pods, as far as it matters here; see ``PodRule``."""

    @property
    def id(self) -> str: ...
    @property
    def sign(self) -> SignOf: ...
    @property
    def phases(self) -> frozenset[str] | None: ...
    @property
    def reasons(self) -> frozenset[str]: ...


class SignBook:
    """Kept from one assessment to the next; ``groups`` are by rule, and hold only signs that count now."""

    def __init__(self, rules: Sequence[Asked]) -> None:
        self.groups: dict[str, dict[Belongs, Group]] = {rule.id: {} for rule in rules}
        phases = {phase for rule in rules for phase in rule.phases or ()}
        self._always = tuple((r.id, r.sign) for r in rules if r.phases is None)
        self._by_phase = {
            phase: tuple((r.id, r.sign) for r in rules if r.phases is None or phase in r.phases)
            for phase in phases
        }
        reasons = {reason for rule in rules for reason in rule.reasons}
        self._by_reason = {
            reason: tuple((r.id, r.sign) for r in rules if reason in r.reasons) for reason in reasons
        }
        self._seen: dict[str, dict[str, _Seen]] = {}  # by pod and rule
        self._belongs: dict[str, Belongs] = {}  # the pods that show signs
        self._timed: set[tuple[str, str]] = set()  # pod and rule of what time alone may change
        self._due: datetime | None = None  # when the first of these changes
        self._last: datetime | None = None

    def of(self, rule: str, deployment: str) -> Mapping[str, Sign]:
        """The pods of a deployment that show a sign of this rule now."""
        group = self.groups[rule].get(("Deployment", deployment))
        return group.pods if group is not None else NO_SIGNS

    def take(
        self,
        changes: PodChanges,
        moved: Collection[str],
        deployment_of: Callable[[str], str | None],
        now: datetime,
    ) -> None:
        """Look at what is new: pods that changed, those that ``moved`` to another deployment, and the time."""
        if self._last is not None and now < self._last:  # the clock was set back: nothing is settled
            self._timed.update((pod, rule) for pod, found in self._seen.items() for rule in found)
            self._due = now
        self._last = now
        for name in moved:
            self._move(name, deployment_of(name))
        for _, pod in changes.now:
            if pod.name in self._seen or not unremarkable(pod):
                self.look(pod, deployment_of, now)
        for pod in changes.gone:
            for rule in self._seen.pop(pod.name, ()):
                self._forget(pod.name, rule)
            self._belongs.pop(pod.name, None)
        if self._due is not None and now >= self._due:
            self._time_passed(now)

    def look(self, pod: Pod, deployment_of: Callable[[str], str | None], now: datetime) -> None:
        """Ask every rule about one pod."""
        name = pod.name
        before = self._seen.pop(name, None)
        if before is not None:
            for rule in before:
                self._forget(name, rule)
        signs = self.signs_of(pod)
        if not signs:
            self._belongs.pop(name, None)
            return
        owner = deployment_of(name)
        self._belongs[name] = ("Deployment", owner) if owner is not None else ("Pod", name)
        self._seen[name] = found = {}
        for rule, sign in signs.items():
            known = before.get(rule) if before is not None else None
            first = now if known is None else known[1]
            counts, changes_at = sign.counts(now, first)
            found[rule] = (sign, first, counts)
            if counts:
                self._file(name, rule, sign)
            if changes_at is not None:
                self._wait(name, rule, changes_at)

    def signs_of(self, pod: Pod) -> dict[str, Sign]:
        """What a pod shows, by rule; whether it counts already is another question."""
        found: dict[str, Sign] = {}
        for rule, sign_of in self._by_phase.get(pod.phase, self._always):
            sign = sign_of(pod)
            if sign is not None:
                found[rule] = sign
        for container in pod.containers:
            if container.state != "waiting":
                continue
            for rule, sign_of in self._by_reason.get(container.reason, ()):
                if rule not in found and (sign := sign_of(pod)) is not None:
                    found[rule] = sign
        return found

    def _wait(self, pod: str, rule: str, changes_at: datetime) -> None:
        self._timed.add((pod, rule))
        if self._due is None or changes_at < self._due:
            self._due = changes_at

    def _time_passed(self, now: datetime) -> None:
        """Ask again whether the signs count that time alone may change."""
        waiting, self._timed, self._due = self._timed, set(), None
        for pod, rule in waiting:
            sign, first, before = self._seen[pod][rule]
            counts, changes_at = sign.counts(now, first)
            if counts is not before:
                self._seen[pod][rule] = (sign, first, counts)
                if counts:
                    self._file(pod, rule, sign)
                else:
                    self._unfile(pod, rule)
            if changes_at is not None:
                self._wait(pod, rule, changes_at)

    def _file(self, pod: str, rule: str, sign: Sign) -> None:
        groups, belongs = self.groups[rule], self._belongs[pod]
        group = groups.get(belongs)
        if group is None:
            group = groups[belongs] = Group()
        group.pods[pod] = sign
        group.told = None

    def _unfile(self, pod: str, rule: str) -> None:
        groups, belongs = self.groups[rule], self._belongs[pod]
        group = groups.get(belongs)
        if group is not None and group.pods.pop(pod, None) is not None:
            group.told = None
            if not group.pods:
                del groups[belongs]

    def _forget(self, pod: str, rule: str) -> None:
        self._unfile(pod, rule)
        self._timed.discard((pod, rule))

    def _move(self, pod: str, deployment: str | None) -> None:
        found = self._seen.get(pod)
        if found is None:
            return
        for rule in found:
            self._unfile(pod, rule)
        self._belongs[pod] = ("Deployment", deployment) if deployment is not None else ("Pod", pod)
        for rule, (sign, _, counts) in found.items():
            if counts:
                self._file(pod, rule, sign)
