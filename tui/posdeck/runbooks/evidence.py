"""Facts out of what a diagnose playbook returned, for suggestions to compare.

Each reading module has its facts here. A team's own playbook reports facts as a mapping called ``evidence``:
in the result of a module that returns one, or set with ``ansible.builtin.set_fact``. Whatever else a result
holds is shown, and never compared.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from pydantic import JsonValue

MAX_FACTS = 60
MAX_TEXT = 300
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_OUTSIDE = re.compile(
    r"connection refused|econnrefused|no route to host|no such host|name resolution|host unreachable"
    r"|timed out|timeout|service unavailable|bad gateway|\b50[234]\b|too many connections",
    re.IGNORECASE,
)
_ADDED_UP = frozenset(
    {
        *("total", "ready", "restarts", "crashing", "out_of_memory"),
        *("errors", "dependency_errors", "lines", "matches"),
    }
)


def facts_of(results: Iterable[tuple[str, Mapping[str, Any]]]) -> dict[str, JsonValue]:
    """The facts of one run, from its task results as (module's full name, result).

    Counts of pods and lines add up over several hosts; of other facts the last one stands. Only plain values
    count: text (cut to 300 characters), finite numbers, true, false. null means "not known" and is left out.
    """
    facts: dict[str, JsonValue] = {}
    for module, result in results:
        reader = _READERS.get(module)
        if reader is not None:
            for name, value in reader(result):
                earlier = facts.get(name)
                if name in _ADDED_UP and isinstance(earlier, int) and isinstance(value, int):
                    facts[name] = earlier + value
                else:
                    _take(facts, name, value)
        for source in (result.get("evidence"), _under(result.get("ansible_facts"))):
            if isinstance(source, Mapping):
                for name, value in source.items():
                    _take(facts, name, value)
    return facts


def _under(ansible_facts: Any) -> Any:
    return ansible_facts.get("evidence") if isinstance(ansible_facts, Mapping) else None


def _take(facts: dict[str, JsonValue], name: Any, value: Any) -> None:
    if not isinstance(name, str) or not _NAME.fullmatch(name) or len(facts) >= MAX_FACTS:
        return
    if value is None:
        facts.pop(name, None)
    elif isinstance(value, str):
        facts[name] = value[:MAX_TEXT]
    elif isinstance(value, bool | int) or (isinstance(value, float) and abs(value) < float("inf")):
        facts[name] = value


Found = Iterator[tuple[str, Any]]


def _rows(result: Mapping[str, Any], key: str) -> list[Mapping[str, Any]] | None:
    """The list under ``key``, or None when the result does not hold it: absent is not empty."""
    rows = result.get(key)
    return [row for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else None


def _pods(result: Mapping[str, Any]) -> Found:
    pods = _rows(result, "pods")
    if pods is None:
        return
    containers = [each for pod in pods for each in (_rows(pod, "containers") or [])]
    yield "total", len(pods)
    yield "ready", sum(1 for pod in pods if pod.get("ready") is True and not pod.get("deleting"))
    yield "restarts", sum(int(pod.get("restarts") or 0) for pod in pods)
    yield "crashing", sum(1 for each in containers if each.get("reason") == "CrashLoopBackOff")
    yield "out_of_memory", sum(1 for each in containers if each.get("last_reason") == "OOMKilled")


def _logs(result: Mapping[str, Any]) -> Found:
    matches = _rows(result, "matches")
    if matches is None or all(log.get("error") for log in _rows(result, "logs") or [{"error": "none read"}]):
        return
    yield "lines", sum(len(log.get("log_lines") or ()) for log in _rows(result, "logs") or [])
    yield "errors", len(matches)
    yield "matches", len(matches)
    yield "dependency_errors", sum(1 for each in matches if _OUTSIDE.search(str(each.get("line", ""))))


def _metrics(result: Mapping[str, Any]) -> Found:
    if isinstance(result.get("available"), bool):
        yield "available", result["available"]


def _rollout(result: Mapping[str, Any]) -> Found:
    rollout = result.get("rollout")
    if isinstance(rollout, Mapping):
        for name in ("done", "failed", "paused", "revision"):
            yield name, rollout.get(name)


def _events(result: Mapping[str, Any]) -> Found:
    events = _rows(result, "events")
    if events is not None:
        yield "warnings", sum(1 for each in events if each.get("type") == "Warning")


def _describe(result: Mapping[str, Any]) -> Found:
    if isinstance(result.get("present"), bool):
        yield "present", result["present"]
    autoscaler, workload = result.get("autoscaler"), result.get("workload")
    if isinstance(autoscaler, Mapping):
        for name in ("at_maximum", "above_target", "pods_pending", "minimum", "maximum", "current"):
            yield name, autoscaler.get(name)
    if isinstance(workload, Mapping):
        budgets = workload.get("disruption_budgets")
        yield "replicas", workload.get("replicas")
        yield "paused", workload.get("paused")
        yield "budgets", len(budgets) if isinstance(budgets, list) else None
        yield "autoscaled", workload["autoscaler"] != "" if workload.get("autoscaler") is not None else None


def _get(result: Mapping[str, Any]) -> Found:
    found = _rows(result, "resources")
    if isinstance(result.get("api_found"), bool):
        yield "api_found", result["api_found"]
    if found is not None:
        yield "found", len(found)


def _probe(result: Mapping[str, Any]) -> Found:
    if isinstance(result.get("ok"), bool):
        yield "ok", result["ok"]
    yield "milliseconds", result.get("milliseconds")
    rates, gauges = result.get("rates"), result.get("gauges")
    for name, value in rates.items() if isinstance(rates, Mapping) else ():
        yield f"{name}_rate", value
    for name, value in gauges.items() if isinstance(gauges, Mapping) else ():
        yield str(name), value


_READERS: dict[str, Callable[[Mapping[str, Any]], Found]] = {
    "posdeck.k8s.pods": _pods,
    "posdeck.k8s.logs": _logs,
    "posdeck.k8s.metrics": _metrics,
    "posdeck.k8s.rollout_wait": _rollout,
    "posdeck.k8s.events": _events,
    "posdeck.k8s.describe": _describe,
    "posdeck.k8s.get": _get,
    "posdeck.k8s.http_probe": _probe,
}
