"""Numbers as small bars: peaks are kept, gaps stay gaps, nothing unusable raises."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posdeck.ui.palettes import PALETTES
from posdeck.ui.spark import bar, spark
from posdeck.ui.theme import textual_theme, tone_style
from posdeck.ui.tones import Tone


@pytest.mark.parametrize(
    ("values", "cells", "drawn"),
    [
        ((), 8, ""),
        ((0, 0, 0), 3, "▁▁▁"),
        ((0, 1, 2, 4), 4, "▁▂▄█"),
        ((1, 1, 9, 1, 1, 1), 3, "▁█▁"),
        ((1, math.nan, 1), 3, "█ █"),
        ((5,), 4, "█"),
    ],
)
def test_spark(values: tuple[float, ...], cells: int, drawn: str) -> None:
    assert spark(values, cells) == drawn


def test_a_top_of_its_own_keeps_a_low_level_low() -> None:
    assert spark((2, 2, 2), 3, top=15) == "▂▂▂"


@given(st.lists(st.floats(), max_size=50), st.integers(0, 30))
def test_no_number_raises(values: list[float], cells: int) -> None:
    assert len(spark(values, cells)) <= max(cells, 0)


@given(st.floats(), st.integers(0, 40))
def test_a_bar_is_as_wide_as_asked(share: float, cells: int) -> None:
    assert len(bar(share, cells)) == cells


@pytest.mark.parametrize("name", PALETTES)
def test_every_theme_has_a_colour_for_every_meaning_and_no_two_that_matter_look_alike(name: str) -> None:
    styles = {tone: tone_style(name, tone) for tone in Tone}
    loud = [styles[tone].color for tone in (Tone.GOOD, Tone.WARN, Tone.BAD, Tone.BUSY, Tone.NORMAL)]
    assert len(set(loud)) == len(loud)
    assert textual_theme(PALETTES[name]).dark is PALETTES[name].dark


@pytest.mark.parametrize("name", PALETTES)
def test_text_can_be_read_on_its_background(name: str) -> None:
    for tone in Tone:
        if tone is Tone.MATCH:
            continue
        style = tone_style(name, tone)
        assert contrast(style.color.triplet, style.bgcolor.triplet) >= 4.5, tone


def contrast(first, second) -> float:
    """WCAG 2's contrast ratio."""

    def luminance(colour) -> float:
        parts = [c / 255 for c in colour]
        linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)
