"""Why a place is empty, in words."""

from __future__ import annotations

from posdeck.ui.widgets.words import Words


class Reason(Words):
    """Shown while it says something. Static has the whole screen laid out and drawn anew with each update, so it is
    given a text only when that differs."""

    def __init__(self) -> None:
        super().__init__(classes="why")
        self._said = ""

    def say(self, why: str) -> None:
        """Say ``why``; an empty one takes it away."""
        if why != self._said:
            self._said = why
            self.update(why)
            self.set_class(bool(why), "-shown")
