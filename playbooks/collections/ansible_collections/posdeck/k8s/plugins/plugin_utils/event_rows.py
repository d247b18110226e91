"""Events as rows: one form, whether an event came by the old API or by the new one."""

from __future__ import annotations

from typing import Any


def event_row(event: dict[str, Any]) -> dict[str, Any]:
    """Type, reason, message, object, count, and when it was first and last seen (RFC 3339, or "")."""
    series = event.get("series") or {}
    about = event.get("involvedObject") or {}
    first = (
        event.get("firstTimestamp") or event.get("eventTime") or event["metadata"].get("creationTimestamp")
    )
    last = series.get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime") or first
    return {
        "type": event.get("type", ""),
        "reason": event.get("reason", ""),
        "message": event.get("message", ""),
        "object": f"{str(about.get('kind', '')).lower()}/{about.get('name', '')}",
        "count": int(series.get("count") or event.get("count") or 1),
        "first_seen": str(first or ""),
        "last_seen": str(last or ""),
        "source": (event.get("source") or {}).get("component") or event.get("reportingComponent") or "",
    }
