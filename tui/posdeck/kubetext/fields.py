"""Reading raw API JSON without trusting it: a field missing, null or of the wrong type reads as nothing.

The server never sends such objects, but a proxy, an old client or a custom controller may, and one odd object
must not take the screen away at three in the morning.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

NOTHING: Mapping[str, Any] = MappingProxyType({})
_INT64 = 1 << 63


def mapping(value: object) -> Mapping[str, Any]:
    """``value`` if it is a JSON object, else an empty one."""
    if type(value) is dict:  # nearly always, and asking an abstract class costs ten times as much
        return value
    return value if value is not None and isinstance(value, Mapping) else NOTHING


def items(value: object) -> Sequence[Mapping[str, Any]]:
    """The JSON objects of a list; whatever else it holds reads as an empty object, so positions stay."""
    if not value or not isinstance(value, (list, tuple)):
        return ()
    for item in value:
        if type(item) is not dict:
            return [mapping(item) for item in value]
    return value


def texts(value: object) -> list[str]:
    """The strings of a list."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, (list, tuple)) else []


def text(value: object, default: str = "") -> str:
    """``value`` if it is a string, else ``default``."""
    return value if isinstance(value, str) else default


def integer(value: object, default: int = 0) -> int:
    """``value`` if it is a whole number of 64 bits, else ``default``."""
    if type(value) is int and -_INT64 <= value < _INT64:
        return value
    found = optional_integer(value)
    return default if found is None else found


def optional_integer(value: object) -> int | None:
    """``value`` if it is a whole number of 64 bits, else None."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    if not -_INT64 <= value < _INT64 or value != int(value):
        return None
    return int(value)


def at(obj: object, *path: str) -> Any:
    """What lies at ``path`` below ``obj``, or None."""
    for key in path:
        if obj is None:
            return None
        obj = mapping(obj).get(key)
    return obj


def name_of(obj: object) -> str:
    """``metadata.name``."""
    return text(at(obj, "metadata", "name"))


def label_map(value: object) -> dict[str, str]:
    """The string pairs of a map of labels or annotations."""
    found = mapping(value)
    return {k: v for k, v in found.items() if isinstance(k, str) and isinstance(v, str)} if found else {}
