"""Text from the cluster cannot move the cursor, reorder a line, or be wider than it is counted."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from posdeck.ui.plain import clip, fit, plain, width, wrap


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("consumer-order", "consumer-order"),
        ("\x1b[2J\x1b[31mred", "␛[2J␛[31mred"),
        ("a\tb", "a  b"),
        ("two\nlines", "two⏎lines"),
        ("bell\x07", "bell␇"),
        ("delete\x7f", "delete␡"),
        ("c1\x9b31m", "c1�31m"),
        ("\u202egnp.exe", "gnp.exe"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("[bold]markup[/bold]", "[bold]markup[/bold]"),
        ("👩\u200d👩", "👩👩"),
        ("🇩🇪", "DE"),
        ("private \ue000", "private �"),
        ("e" + "\u0301" * 30, "é\u0301\u0301"),
        ("a" + "\u0336\u200d" * 30, "a\u0336\u0336"),
        ("\u0336\u0301a", "a"),
    ],
)
def test_odd_text_is_shown_and_never_obeyed(text: str, shown: str) -> None:
    assert plain(text) == shown


def test_right_to_left_text_ends_with_a_mark_so_that_what_follows_keeps_its_place() -> None:
    assert plain("שלום").endswith("\u200e")


def test_a_line_of_a_megabyte_is_cut_and_its_length_said() -> None:
    shown = plain("x" * 1_048_576)
    assert len(shown) < 2_100
    assert shown.endswith("… (1,048,576 characters)")


@given(st.text(max_size=80))
def test_nothing_plain_lets_through_is_a_control_or_changes_direction(text: str) -> None:
    for char in plain(text):
        assert unicodedata.category(char) not in {"Cc", "Cs", "Co", "Cn", "Zl", "Zp"}
        assert char == "\u200e" or unicodedata.category(char) != "Cf"


@given(st.text(max_size=60), st.integers(1, 40))
def test_the_width_of_a_long_text_is_that_of_its_pieces(text: str, times: int) -> None:
    shown = plain(text)
    long = f"{shown} " * (512 // (len(shown) + 1) + times)
    assert width(long) == cell_len(f"{shown} ") * (len(long) // (len(shown) + 1))


@given(st.text(max_size=60), st.integers(1, 40), st.booleans())
def test_a_cell_is_exactly_as_wide_as_its_column(text: str, cells: int, right: bool) -> None:
    assert cell_len(fit(plain(text), cells, right=right)) == cells


@given(st.text(max_size=200), st.integers(2, 40))
def test_wrapping_loses_nothing_but_spaces_and_never_overflows(text: str, cells: int) -> None:
    cleaned = plain(text)
    pieces = wrap(cleaned, cells)
    assert all(width(piece) <= cells for piece in pieces)
    assert "".join(pieces).replace(" ", "") == cleaned.replace(" ", "")


def test_clipping_says_that_it_clipped() -> None:
    assert clip("consumer-order", 8) == ("consume…", 8)
    assert clip("漢字漢字", 5) == ("漢字…", 5)
    assert clip("short", 8) == ("short", 5)
