"""Which labels a selector selects, by the rules of the API."""

from __future__ import annotations

from typing import Any

import pytest

from posdeck.kubetext.labels import selects

LABELS = {"app": "orders", "tier": "vip"}


def expression(key: str, operator: str, *values: str) -> dict[str, Any]:
    return {"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ({}, True),
        (None, False),
        ("app=orders", False),
        ({"matchLabels": {"app": "orders"}}, True),
        ({"matchLabels": {"app": "orders", "tier": "svip"}}, False),
        (expression("tier", "In", "vip", "svip"), True),
        (expression("tier", "In", "svip"), False),
        (expression("tier", "NotIn", "vip"), False),
        (expression("zone", "NotIn", "a"), True),
        (expression("tier", "Exists"), True),
        (expression("zone", "Exists"), False),
        (expression("zone", "DoesNotExist"), True),
        (expression("tier", "DoesNotExist"), False),
        (expression("tier", "In"), False),  # invalid: it names no value
        (expression("tier", "Gt", "1"), False),  # none of a label selector
        ({"matchLabels": {"app": "orders"}, **expression("tier", "NotIn", "vip")}, False),
    ],
)
def test_a_selector_selects_as_the_api_does(selector: Any, expected: bool) -> None:
    assert selects(selector, LABELS) is expected
