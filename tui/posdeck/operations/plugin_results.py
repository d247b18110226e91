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
            f"{len(matches)} line{'s' * (len(matches) > 1)} with one of the words searched for; "
            f"the last: {matches[-1][:200]}"
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


def described(result: Result) -> Reading:
    """``posdeck.k8s.describe``: what it is under, its conditions as rows, its events and manifest as lines."""
    name = f"{result.get('kind')} {result.get('name') or ''}".strip()
    if not result.get("present"):
        return Reading(notice=(f"there is no {name}",))
    lines: list[str] = [f"{name}, {_age(result.get('age_seconds'))} old"]
    lines += _autoscaler_lines(result.get("autoscaler")) + _workload_lines(result.get("workload"))
    found = _dicts(result.get("events"))
    if found:
        lines += ["", "Events", *(_event_line(event) for event in found)]
    if result.get("manifest"):
        lines += ["", "Manifest", *str(result["manifest"]).splitlines()]
    conditions = _dicts(result.get("conditions"))
    keys = ("type", "status", "reason", "message", "since")
    rows = tuple(tuple(str(condition.get(key) or "") for key in keys) for condition in conditions)
    return Reading(keys if rows else (), rows, tuple(lines), _autoscaler_notice(result.get("autoscaler")))


def objects(result: Result) -> Reading:
    """``posdeck.k8s.get``: one row an object; what it holds is in the result, not on the screen."""
    if result.get("api_found") is False:
        return Reading(notice=(str(result.get("msg") or "the cluster does not serve that kind"),))
    found = _dicts(result.get("resources"))
    metadata = [each.get("metadata") or {} for each in found]
    rows = tuple(
        (str(each.get("kind")), str(about.get("name")), str(about.get("creationTimestamp") or ""))
        for each, about in zip(found, metadata, strict=True)
    )
    return Reading(("kind", "name", "created"), rows, notice=() if rows else ("there is none",))


def probe(result: Result) -> Reading:
    """``posdeck.k8s.http_probe``: one row a pod, and the rates where series were asked for."""
    rows = tuple(
        (
            str(each.get("pod")),
            f"{each.get('port') or '–'}{each.get('path')}",
            "–" if each.get("status") is None else str(each["status"]),
            "–" if each.get("milliseconds") is None else f"{each['milliseconds']:.0f} ms",
            str(each.get("error") or ""),
        )
        for each in _dicts(result.get("probes"))
    )
    notice = [str(result["msg"])] if result.get("msg") else []
    bad = sum(1 for each in _dicts(result.get("probes")) if not each.get("ok"))
    if bad:
        notice.append(f"{bad} of {len(rows)} pods did not answer well")
    for key, words in (("not_ready", "are not ready"), ("not_asked", "were not asked")):
        if result.get(key):
            notice.append(f"{result[key]} pods {words}")
    rates, values = result.get("rates") or {}, result.get("values") or {}
    lines = [
        f"{name}: {_number(rate)} a second, {_number(values.get(name))} in all"
        for name, rate in rates.items()
    ]
    lines += [f"{name}: {_number(value)}" for name, value in (result.get("gauges") or {}).items()]
    return Reading(("pod", "asked", "status", "time", "error"), rows, tuple(lines), tuple(notice))


PLUGINS: Mapping[str, Callable[[Result], Reading]] = {
    "posdeck.k8s.pods": pods,
    "posdeck.k8s.logs": logs,
    "posdeck.k8s.metrics": metrics,
    "posdeck.k8s.events": events,
    "posdeck.k8s.rollout_wait": rollout,
    "posdeck.k8s.describe": described,
    "posdeck.k8s.get": objects,
    "posdeck.k8s.http_probe": probe,
}


def _autoscaler_lines(found: Any) -> list[str]:
    if not isinstance(found, Mapping):
        return []
    known = {key: "?" if found.get(key) is None else found[key] for key in ("current", "desired", "maximum")}
    lines = [
        f"{known['current']} replicas, {known['desired']} wanted, {found.get('minimum')} to {known['maximum']} allowed"
    ]
    lines += [
        f"{m.get('name')}: {m.get('current')} of {m.get('target')}" for m in _dicts(found.get("metrics"))
    ]
    return lines


def _autoscaler_notice(found: Any) -> tuple[str, ...]:
    if not isinstance(found, Mapping):
        return ()
    notice = []
    if found.get("at_maximum"):
        notice.append(f"held at its maximum of {found.get('maximum')}, and wants more")
    unknown = [str(m.get("name")) for m in _dicts(found.get("metrics")) if m.get("current") == "<unknown>"]
    if unknown:
        notice.append(f"no reading for {', '.join(unknown)}")
    if found.get("pods_pending"):
        notice.append(f"{found['pods_pending']} pods find no room or no quota")
    return tuple(notice)


def _workload_lines(found: Any) -> list[str]:
    if not isinstance(found, Mapping):
        return []
    budgets, autoscaler = found.get("disruption_budgets"), found.get("autoscaler")
    return [
        f"{found.get('replicas')} replicas wanted"
        + (", its rollout is paused" if found.get("paused") else ""),
        f"disruption budget: {'not readable' if budgets is None else ', '.join(map(str, budgets)) or 'none'}",
        f"HPA: {'not readable' if autoscaler is None else autoscaler or 'none'}",
    ]


def _event_line(event: Mapping[str, Any]) -> str:
    times = f" (x{event['count']})" if event.get("count", 1) != 1 else ""
    return (
        f"{event.get('last_seen')} {event.get('type')} {event.get('reason')}: {event.get('message')}{times}"
    )


def _age(seconds: Any) -> str:
    if not isinstance(seconds, int):
        return "an unknown time"
    for unit, size in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} seconds"


def _number(value: Any) -> str:
    return "unknown" if value is None else f"{value:,.10g}"


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
