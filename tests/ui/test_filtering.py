"""Filters do what k9s's do."""

from __future__ import annotations

import pytest

from posdeck.ui.filtering import highlighter, parse_filter


@pytest.mark.parametrize(
    ("text", "words", "passes"),
    [
        ("", "anything", True),
        ("order", "consumer-Order", True),
        ("order", "cron", False),
        ("!order", "consumer-order", False),
        ("!order", "cron", True),
        ("^consumer-.*upload$", "consumer-orders-bulk-upload", True),
        ("^upload", "consumer-orders-bulk-upload", False),
        ("[broken", "a [broken thing", True),
        ("[broken", "fine", False),
        ("!", "anything", True),
    ],
)
def test_text_expression_and_inverse(text: str, words: str, passes: bool) -> None:
    assert parse_filter(text).matches(words, {}) is passes


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        ("-l app=pos", True),
        ("-l app=x", False),
        ("-l app!=x", True),
        ("-l app=pos,tier=vip", True),
        ("-l app==pos", True),
        ("! -l app=pos", False),
        ("-l tier=svip", False),
    ],
)
def test_labels(text: str, passes: bool) -> None:
    assert parse_filter(text).matches("words", {"app": "pos", "tier": "vip"}) is passes


def test_matches_are_marked_but_not_those_of_an_inverse() -> None:
    assert highlighter(parse_filter("err"))("an err, an ERR") == [(3, 6), (11, 14)]
    assert highlighter(parse_filter("!err"))("an err") == []
    assert highlighter(parse_filter("x*"))("axb") == [(1, 2)]
