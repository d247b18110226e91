"""The cyclic garbage collector, kept from what never becomes garbage: modules, classes and the first list of pods.
Looking through all of that again and again costs a tenth of the start, and later holds up keys."""

from __future__ import annotations

import gc

_YOUNG = 20_000  # objects made before the youngest generation is looked through


def pause() -> None:
    """Do without while the program starts."""
    gc.disable()


def resume() -> None:
    """Leave what is there now alone for good, and look after what comes. Harmless when it was not paused."""
    if not gc.isenabled():
        gc.freeze()
        gc.set_threshold(_YOUNG, 20, 20)
        gc.enable()
