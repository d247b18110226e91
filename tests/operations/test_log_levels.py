"""The level of a line: a field that says so, then a word in its place; prose about errors is no error."""

from __future__ import annotations

import pytest

from posdeck.operations.log_levels import level_of


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ('{"level":"info","error":null,"msg":"no error"}', "info"),
        ('{"severity": "ERROR", "message": "x"}', "error"),
        ('{"level":50,"msg":"pino"}', "error"),
        ('{"level":30,"msg":"failed to fail"}', "info"),
        ('{"msg":"this ERROR is a value"}', ""),
        ("time=2026-01-01T00:00:00Z level=warn msg=slow", "warning"),
        ("2026-01-01 00:00:00,123 - orders - WARNING - slow", "warning"),
        ("2026-01-01T00:00:00Z [error] upstream closed", "error"),
        ("[2026-01-01 00:00:00] production.CRITICAL: db gone", "error"),
        ("E0101 00:00:00.000000       1 reflector.go:1] failed", "error"),
        ("W0101 00:00:00.000000       1 reflector.go:1] slow", "warning"),
        ("DEBUG: connecting", "debug"),
        ("info: started", "info"),
        ("Traceback (most recent call last):", "error"),
        ("java.lang.IllegalStateException: no", "error"),
        ("ValueError: no", "error"),
        ("finished without any error", ""),
        ("error-rate 0.0 over 5m", ""),
        ("errors=0 warnings=0", ""),
        ("order o-1 taken", ""),
        ("", ""),
    ],
)
def test_the_level_of_a_line(text: str, level: str) -> None:
    assert level_of(text) == level
