"""Extra variables as a file in which no text is a template: names and reasons come from people and from the
cluster, and ``{{ … }}`` in one of them must stay text. (Ansible trusts extra variables and would run
it.)

JSON with Ansible's own mark for untrusted text; YAML's ``!unsafe`` would turn "yes" and dates into other
things.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_MARK = "__ansible_unsafe"
_RESERVED = "__ansible"


def to_json(values: Mapping[str, Any]) -> str:
    """One JSON object that Ansible reads back as exactly ``values``. Raises TypeError on other than plain
    data."""
    return json.dumps({_name(key): _marked(value) for key, value in values.items()}) + "\n"


def _marked(value: Any) -> Any:
    if isinstance(value, str):
        return {_MARK: str(value)}
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {_name(key): _marked(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_marked(item) for item in value]
    raise TypeError(f"{type(value).__name__} cannot be an extra variable")


def _name(key: object) -> str:
    if not isinstance(key, str) or key.startswith(_RESERVED):
        raise TypeError(f"{key!r} cannot be the name of an extra variable")
    return key
