"""Makes news known outside the screen: the terminal's title and bell, a notification of the desktop. Nothing here
moves the focus or covers what somebody reads."""

from __future__ import annotations

from collections.abc import Callable

from textual.app import App

from posdeck.config import Announce
from posdeck.operations.news import sentence
from posdeck.operations.view import News, Severity, View
from posdeck.ui.plain import plain

TITLE = "\x1b]2;{}\x07"
KEEP_TITLE, GIVE_TITLE_BACK = "\x1b[22;2t", "\x1b[23;2t"
BELL = "\x07"
LONGEST = 200  # characters of a notification
_DESKTOP = {"osc9": "\x1b]9;{}\x07", "osc777": "\x1b]777;notify;posdeck;{}\x07"}


def title_of(view: View) -> str:
    """How much is wrong, where: what a tab or a task bar shows."""
    loud = [p for p in view.problems if not p.snoozed]
    critical = sum(p.severity is Severity.CRITICAL for p in loud)
    warning = sum(p.severity is Severity.WARNING for p in loud)
    counts = " ".join(f"{glyph}{n}" for glyph, n in (("✖", critical), ("▲", warning)) if n)
    where = f"{view.snapshot.connection.namespace} ({view.surroundings.environment})"
    return safe(f"{counts or '·'} {where} – posdeck")


def safe(text: str) -> str:
    """Text of the cluster as it may stand inside a control sequence: one line without controls or separators."""
    return plain(text, LONGEST).replace(";", ",").replace("\n", " ")


def to_terminal(app: App[int]) -> Callable[[str], None]:
    """A way to write control sequences beside what Textual draws; a screen that is none takes nothing."""

    def write(text: str) -> None:
        driver = app._driver
        if driver is not None and not app.is_headless:
            driver.write(text)

    return write


class Herald:
    """Compares each view with the one before. ``write`` writes to the terminal as it is."""

    def __init__(self, settings: Announce, write: Callable[[str], None]) -> None:
        self._settings, self._write = settings, write
        self._title = ""
        self._serial = 0

    def take(self, view: View) -> None:
        """Say what is new in a view."""
        if self._settings.title:
            title = title_of(view)
            if title != self._title:
                if not self._title:
                    self._write(KEEP_TITLE)
                self._title = title
                self._write(TITLE.format(title))
        if view.news is not None and view.news.serial > self._serial:
            self._serial = view.news.serial
            self._announce(view.news)

    def _announce(self, news: News) -> None:
        if self._settings.bell:
            self._write(BELL)
        form = _DESKTOP.get(self._settings.desktop)
        if form is not None:
            self._write(form.format(safe(sentence(news))))

    def leave(self) -> None:
        """Give the title back as it was."""
        if self._title:
            self._write(GIVE_TITLE_BACK)
            self._title = ""
