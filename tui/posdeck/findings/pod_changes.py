"""Which pods differ from one snapshot to the next. An unchanged pod is the very same object, so this is the one pass
over all pods that a tick needs, and it runs without a line of Python for a pod that stayed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from operator import is_not

from posdeck.cluster.snapshot import Pod


@dataclass(frozen=True, slots=True)
class PodChanges:
    """``now`` are the pods that are new or differ, each with what it was before; ``gone`` those no longer there."""

    now: Sequence[tuple[Pod | None, Pod]] = ()
    gone: Sequence[Pod] = ()


NO_CHANGES = PodChanges()


def pod_changes(before: Mapping[str, Pod], after: Mapping[str, Pod]) -> PodChanges:
    """What became of the pods ``before``, by name."""
    if after is before:
        return NO_CHANGES
    differ = compress(after.items(), map(is_not, after.values(), map(before.get, after)))
    now = [(before.get(name), pod) for name, pod in differ]
    stayed = len(after) - sum(was is None for was, _ in now)
    gone = [before[name] for name in before.keys() - after.keys()] if stayed < len(before) else []
    return PodChanges(now, gone)
