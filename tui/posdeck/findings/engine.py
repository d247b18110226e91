"""From snapshot to report. Pods are judged one by one only when they change; what is left of a tick is bounded by
the pods that show something, not by the pods that there are."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

from posdeck.catalogue.model import Catalogue
from posdeck.clock import Clock
from posdeck.cluster.snapshot import FeedState, Pod, Snapshot
from posdeck.findings.consumer_facts import NOTHING_ELSE, ConsumerFacts, OtherFacts
from posdeck.findings.folding import fold
from posdeck.findings.history import History
from posdeck.findings.index import Indexer
from posdeck.findings.memory import Memory
from posdeck.findings.model import Finding, Report, Severity, Unknown
from posdeck.findings.pod_changes import pod_changes
from posdeck.findings.releases import with_release
from posdeck.findings.rule import Rule
from posdeck.findings.rulebook import POD_RULES, RULES
from posdeck.findings.signbook import SignBook
from posdeck.findings.situation import Situation

_WORDS = {
    FeedState.CONNECTING: "have not been read yet",
    FeedState.FORBIDDEN: "may not be read",
    FeedState.ABSENT: "are not served by this cluster",
    FeedState.STALE: "are no longer confirmed",
    FeedState.AUTH_EXPIRED: "are no longer confirmed, the credentials have expired",
    FeedState.LIVE: "are only partly read",
}


class Engine:
    """Assesses one snapshot after the other; keeps what hysteresis and history need in between."""

    def __init__(self, catalogue: Catalogue, clock: Clock) -> None:
        self._catalogue = catalogue
        self._clock = clock
        self._history = History()
        self._indexer = Indexer()
        self._memories: dict[str, Memory] = {rule.id: Memory() for rule in RULES}
        self._pods: Mapping[str, Pod] = MappingProxyType({})
        self._signs = SignBook(POD_RULES)

    def assess(
        self,
        snapshot: Snapshot,
        consumers: Mapping[str, ConsumerFacts] | None = None,
        now: datetime | None = None,
        other: OtherFacts = NOTHING_ELSE,
    ) -> Report:
        """What is wrong in ``snapshot``. Without ``now`` it is the clock's."""
        now = now or self._clock.now()
        consumers = consumers or {}
        changes = pod_changes(self._pods, snapshot.pods)
        self._pods = snapshot.pods
        self._history.pods_changed(changes, now)
        self._history.observe(snapshot, consumers, now)
        index, moved = self._indexer.index(snapshot, changes)
        self._signs.take(changes, moved, index.deployment_of, now)
        situation = Situation(
            self._catalogue, snapshot, consumers, now, self._history, index, self._signs, other
        )
        findings: list[Finding] = []
        unknown: list[Unknown] = []
        for rule in RULES:
            self._ask(rule, situation, findings, unknown)
        return _report(findings, unknown, situation)

    def not_yet_told(self) -> tuple[Finding, ...]:
        """What the last look saw to be wrong and what has not lasted long enough yet: who looks only once must
        not take its absence from the report for health."""
        seen = (f for memory in self._memories.values() for f in memory.not_yet_told())
        return tuple(sorted((f for f in seen if f.severity is not Severity.RISK), key=_worst_first))

    def _ask(self, rule: Rule, situation: Situation, findings: list[Finding], unknown: list[Unknown]) -> None:
        memory = self._memories[rule.id]
        unseen = situation.unseen(rule.needs)
        if unseen is not None:
            why = f" ({unseen.reason})" if unseen.reason else ""
            unknown.append(Unknown(rule.id, f"{unseen.kind.value} {_WORDS[unseen.state]}{why}"))
            findings.extend(memory.cannot_see(situation.now))
            return
        found = []
        for each in rule.find(situation):
            if isinstance(each, Unknown):
                unknown.append(each)
            else:
                found.append(each)
        findings.extend(memory.see(rule, found, situation.now))
        for kind in rule.needs:
            state = situation.snapshot.feed(kind).state
            if state is not FeedState.LIVE:
                unknown.append(Unknown(rule.id, f"{kind.value} {_WORDS[state]}"))


def _report(findings: list[Finding], unknown: list[Unknown], situation: Situation) -> Report:
    risks = [f for f in findings if f.severity is Severity.RISK]
    wrong = [f for f in findings if f.severity is not Severity.RISK]
    linked = fold(wrong)
    heads = [with_release(f, situation) for f in linked if not f.explained_by]
    folded = [f for f in linked if f.explained_by]
    return Report(
        findings=tuple(sorted(heads, key=_worst_first)),
        folded=tuple(sorted(folded, key=_worst_first)),
        risks=tuple(sorted(risks, key=lambda f: (f.id, f.short, f.name))),
        unknown=_gathered(unknown),
        all_by_key=MappingProxyType({f.key: f for f in [*folded, *heads, *risks]}),
    )


def _worst_first(finding: Finding) -> tuple[int, float, str, str]:
    since = finding.since.timestamp() if finding.since else float("inf")
    return finding.severity.rank, since, finding.id, finding.name


def _gathered(unknown: list[Unknown]) -> tuple[Unknown, ...]:
    """One entry per rule and reason, with every name that it was said of."""
    names: dict[tuple[str, str], dict[str, None]] = {}
    for each in unknown:
        names.setdefault((each.rule, each.reason), {}).update(dict.fromkeys(each.names))
    return tuple(Unknown(rule, reason, tuple(found)) for (rule, reason), found in names.items())
