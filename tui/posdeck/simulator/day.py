"""The day before the embedded cluster was started: queues and requests as they would have been, a sample a minute,
so that plots and replays reach back further than the hour that is played in full."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from posdeck.simulator.load import Load
    from posdeck.simulator.prometheus import Scraper

STEP = 60.0  # seconds
PEAK_BEGAN, PEAK_ENDED = timedelta(hours=6), timedelta(hours=5)  # before the start


def play(load: Load, scraper: Scraper, now: datetime, begin: timedelta, end: timedelta) -> None:
    """Let the queues and the API go through the time from ``begin`` to ``end`` before ``now``; pods, logs and usage
    are left alone, and everybody works."""
    steps = int((begin - end).total_seconds() / STEP)
    for index in range(steps):
        moment = now - begin + timedelta(seconds=(index + 1) * STEP)
        peak = PEAK_ENDED <= now - moment < PEAK_BEGAN
        load.replay(moment, STEP, peak=peak)
        scraper.record(moment)
