"""Numbers as a row of small bars, and a share as a bar; both are text, so they work everywhere."""

from __future__ import annotations

import math
from collections.abc import Sequence

_BARS = "▁▂▃▄▅▆▇█"
_EIGHTHS = " ▏▎▍▌▋▊▉█"


def spark(values: Sequence[float], cells: int, *, top: float = 0.0) -> str:
    """``values`` in ``cells`` buckets, from zero to ``top`` or their largest; unusable numbers leave a gap."""
    if not values or cells < 1:
        return ""
    buckets = _buckets(values, cells)
    top = max((v for v in buckets if v is not None), default=0.0) if top <= 0 else top
    if top <= 0:
        return "".join(" " if v is None else _BARS[0] for v in buckets)
    return "".join(" " if v is None else _BARS[int(min(7.0, max(0.0, v / top * 7.999)))] for v in buckets)


def _buckets(values: Sequence[float], cells: int) -> list[float | None]:
    """At most ``cells`` numbers, each the largest of its stretch, so that a peak is never averaged away."""
    count = min(cells, len(values))
    buckets: list[float | None] = []
    for index in range(count):
        part = values[index * len(values) // count : (index + 1) * len(values) // count]
        usable = [v for v in part if math.isfinite(v)]
        buckets.append(max(usable) if usable else None)
    return buckets


def bar(share: float, cells: int) -> str:
    """``share`` (0 to 1, more is drawn full) of ``cells`` cells, in eighths."""
    if not math.isfinite(share):
        return " " * cells
    eighths = round(min(1.0, max(0.0, share)) * cells * 8)
    whole, part = divmod(eighths, 8)
    text = "█" * whole + (_EIGHTHS[part] if part else "")
    return text + " " * (cells - len(text))
