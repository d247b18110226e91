"""How the results of the collection's reading plugins are shown: one entry per plugin. The facts that decisions
go by are read elsewhere (``posdeck.runbooks.evidence``)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Result = Mapping[str, Any]

# an error that speaks of something outside: a new pod would meet the same one
OUTSIDE = re.compile(
    r"database|postgres|mysql|sql state|sftp|gateway|upstream|partner|payment|no route to host|name resolution"
    r"|connection (?:refused|timed out|reset)|could not connect|too many connections|econnrefused|etimedout|50[234]",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Reading:
    """One result for people."""

    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    lines: tuple[str, ...] = ()
    notice: tuple[str, ...] = ()


def pods(result: Result) -> Reading:
    """``posdeck.k8s.pods``."""
    found = _dicts(result.get("pods"))
    rows = []
    for pod in found:
        states = [_container_state(c) for c in _dicts(pod.get("containers"))]
        ready = "yes" if pod.get("ready") else "NO"
        rows.append(
            (
                str(pod.get("name")),
                ready,
                str(pod.get("phase")),
                "; ".join(states),
                str(pod.get("restarts", 0)),
            )
        )
    ready_count = sum(1 for p in found if p.get("ready"))
    notice = () if found else ("there is no pod",)
    if found and ready_count < len(found):
        notice = (f"{len(found) - ready_count} of {len(found)} pods are not ready",)
    return Reading(("pod", "ready", "phase", "containers", "restarts"), tuple(rows), notice=notice)


def logs(result: Result) -> Reading:
    """``posdeck.k8s.logs``."""
    lines: list[str] = []
    entries = _dicts(result.get("logs"))
    for entry in entries:
        if len(entries) > 1:
            lines.append(f"── {entry.get('pod')}/{entry.get('container')}")
        lines.extend(str(line) for line in _list(entry.get("log_lines")))
        if entry.get("error"):
            lines.append(f"(no log: {entry['error']})")
        if entry.get("truncated"):
            lines.append("(cut: the log is longer than what was read)")
    matches = [str(m.get("line")) for m in _dicts(result.get("matches"))]
    outside = [m for m in matches if OUTSIDE.search(m)]
    notice = []
    if matches:
        notice.append(
            f"{len(matches)} lines with one of the words searched for; the last: {matches[-1][:200]}"
        )
    if outside:
        notice.append(f"{len(outside)} of them speak of something outside: {outside[-1][:200]}")
    if not matches and entries:
        notice.append("none of the words searched for occurs")
    return Reading(lines=tuple(lines), notice=tuple(notice))


def metrics(result: Result) -> Reading:
    """``posdeck.k8s.metrics``: cpu_percent and memory_percent of the limits, the worst pod's."""
    if not result.get("available", True):
        return Reading(notice=(str(result.get("msg")),))
    rows, memory = [], []
    for pod in _dicts(result.get("resources")):
        containers = _dicts(pod.get("containers"))
        request = _sum(containers, "requests", "cpu_millicores")
        limit = _sum(containers, "limits", "memory_bytes")
        used_cpu, used_memory = pod.get("cpu_millicores"), pod.get("memory_bytes")
        if used_memory is not None and limit:
            memory.append(round(100 * used_memory / limit))
        rows.append(
            (
                str(pod.get("name")),
                _unit(used_cpu, "m"),
                _unit(request, "m"),
                _mebibytes(used_memory),
                _mebibytes(limit),
            )
        )
    notice = (f"memory at {max(memory)} % of its limit",) if memory and max(memory) >= 90 else ()
    return Reading(("name", "cpu", "request", "memory", "limit"), tuple(rows), notice=notice)


def events(result: Result) -> Reading:
    """``posdeck.k8s.events``."""
    found = _dicts(result.get("events"))
    columns = tuple(
        k for k in ("last_seen", "type", "reason", "object", "count", "message") if any(k in e for e in found)
    )
    warnings = [e for e in found if e.get("type") == "Warning"]
    notice = (
        (f"{len(warnings)} warnings; the last: {warnings[-1].get('message', '')}"[:240],) if warnings else ()
    )
    return Reading(
        columns,
        tuple(tuple(str(e.get(k, "")) for k in columns) for e in found),
        notice=notice or (() if found else ("no events are kept about it",)),
    )


def rollout(result: Result) -> Reading:
    """``posdeck.k8s.rollout_wait``."""
    said = str(result.get("msg") or "")
    return Reading(lines=(said,) if said else ())


PLUGINS: Mapping[str, Callable[[Result], Reading]] = {
    "posdeck.k8s.pods": pods,
    "posdeck.k8s.logs": logs,
    "posdeck.k8s.metrics": metrics,
    "posdeck.k8s.events": events,
    "posdeck.k8s.rollout_wait": rollout,
}


def _container_state(container: Mapping[str, Any]) -> str:
    text = f"{container.get('name')} {container.get('state')}"
    if container.get("reason"):
        text += f" ({container['reason']})"
    if container.get("last_reason"):
        text += f", before: {container['last_reason']}"
    return text


def _sum(containers: Sequence[Mapping[str, Any]], group: str, key: str) -> int | None:
    values = [(c.get(group) or {}).get(key) for c in containers]
    known = [v for v in values if v is not None]
    return sum(known) if known and len(known) == len(values) else None


def _unit(value: Any, unit: str) -> str:
    return "–" if value is None else f"{value}{unit}"


def _mebibytes(value: Any) -> str:
    return "–" if value is None else f"{value / (1 << 20):.0f}Mi"


def _dicts(value: Any) -> list[Mapping[str, Any]]:
    return [v for v in _list(value) if isinstance(v, Mapping)]


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else ()
