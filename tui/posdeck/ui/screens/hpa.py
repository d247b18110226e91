"""Each HPA whole: replicas over time, every metric with its arithmetic, the conditions in plain words."""

from __future__ import annotations

from typing import ClassVar

from posdeck.cluster.snapshot import FeedState, Hpa, Kind
from posdeck.ui.actions import Action
from posdeck.ui.plain import plain
from posdeck.ui.plotting import beside
from posdeck.ui.rows.cells import Line
from posdeck.ui.rows.hpa import condition_words, explanation, metric_lines, plot, replica_line
from posdeck.ui.rows.manifest import event_lines
from posdeck.ui.rows.problems import finding_glyph
from posdeck.ui.rows.scaling import scaler_lines
from posdeck.ui.scene import Scene
from posdeck.ui.screens.lines import LinesPane
from posdeck.ui.screens.pane import Subject
from posdeck.ui.subjects import subject_of
from posdeck.ui.tones import Tone

_WIDE = 120


class HpaPane(LinesPane):
    """One HPA at a time; up and down go through them when there are several."""

    view_name: ClassVar[str] = "hpa"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.chosen = ""

    def hpa(self) -> Hpa | None:
        """The one that is shown."""
        if self.scene is None:
            return None
        hpas = self.scene.snapshot.hpas
        return hpas.get(self.chosen) or next(iter(hpas.values()), None)

    def draw(self, scene: Scene) -> None:
        hpa = self.hpa()
        if hpa is None:
            feed = scene.snapshot.feed(Kind.HPAS)
            words = {
                FeedState.LIVE: "There is no HPA in this namespace.",
                FeedState.FORBIDDEN: "This identity may not list HPAs. Ask for the permission.",
                FeedState.ABSENT: "This cluster does not serve autoscaling/v2.",
                FeedState.CONNECTING: "Still loading.",
            }
            said = words.get(feed.state, feed.state.value)
            lines: list[Line] = [((said, Tone.DIM),), ((plain(feed.reason), Tone.DIM),)]
            self.text.set_lines([*lines, *_other_scalers(scene, max(40, self.text.room))])
            self.box.say("HPA")
            return
        count = len(scene.snapshot.hpas)
        more = f"{count} HPAs: n for the next" if count > 1 else ""
        target = f"deployment/{scene.wall.short(hpa.target_name)}"
        self.box.say(f"hpa/{plain(hpa.name)} · {target} · {hpa.minimum}–{hpa.maximum}", more)
        self.text.set_lines(hpa_lines(hpa, scene, max(40, self.text.room)))

    def subject(self) -> Subject | None:
        hpa = self.hpa()
        return subject_of(hpa.name, hpa, self.scene) if hpa is not None and self.scene is not None else None

    def perform(self, action: Action, key: str) -> bool:
        if action.id == "next-match" and self.scene is not None and not self.filter:
            names = list(self.scene.snapshot.hpas)
            if names:
                shown = self.hpa()
                at = names.index(shown.name) if shown else -1
                self.chosen = names[(at + 1) % len(names)]
                self.draw(self.scene)
            return True
        return super().perform(action, key)


def _finding_lines(hpa: Hpa, scene: Scene) -> list[Line]:
    """What is wrong with it or with what it scales; b opens the runbook."""
    own = scene.finding("HorizontalPodAutoscaler", hpa.name)
    of_target = scene.finding("deployment", hpa.target_name)
    lines: list[Line] = []
    for problem in {p.key: p for p in (own, of_target) if p is not None}.values():
        mark = finding_glyph(problem)
        lines.append(((f"{mark.text} ", mark.tone), (plain(problem.text), Tone.STRONG)))
    return [(), *lines] if lines else []


def hpa_lines(hpa: Hpa, scene: Scene, cells: int) -> list[Line]:
    """The whole page of one HPA."""
    history = scene.view.hpa_history.get(hpa.name, ())
    blank: Line = ()
    scaled = scene.view.scalers.of_hpa(hpa.name)
    owned = [(("KEDA", Tone.HEADING),), *scaler_lines(scaled, cells), blank] if scaled else []
    lines: list[Line] = [
        replica_line(hpa, history),
        *_finding_lines(hpa, scene),
        blank,
        *owned,
        *_picture_and_reasons(hpa, scene, cells),
        blank,
        (("CONDITIONS", Tone.HEADING),),
        *(condition_words(c, scene) for c in hpa.conditions),
    ]
    if not hpa.conditions:
        lines.append((("none reported yet: the controller has not looked at it", Tone.DIM),))
    lines += [
        ((f"  {plain(condition.type)}: ", Tone.DIM), (plain(condition.message), Tone.DIM))
        for condition in hpa.conditions
        if condition.message
    ]
    about = [
        event
        for event in scene.snapshot.events.values()
        if event.about_kind == "HorizontalPodAutoscaler" and event.about_name == hpa.name
    ]
    return [
        *lines,
        blank,
        (("EVENTS", Tone.HEADING),),
        *event_lines(about, scene),
        *_other_scalers(scene, cells),
    ]


def _picture_and_reasons(hpa: Hpa, scene: Scene, cells: int) -> list[Line]:
    """The plot beside the arithmetic; in a narrow place the arithmetic first, since it answers the question."""
    history = scene.view.hpa_history.get(hpa.name, ())
    wide = cells >= _WIDE
    half = (cells - 2) // 2 if wide else cells
    reasons: list[Line] = [
        (("METRICS", Tone.HEADING),),
        *metric_lines(hpa, half),
        (),
        (("WHY IT RUNS AS MANY AS IT DOES", Tone.HEADING),),
        *explanation(hpa, scene),
    ]
    if wide:
        return beside([plot(history, hpa, half, max(8, len(reasons) - 3)), reasons], half)
    return [*reasons, (), *plot(history, hpa, half, 8)]


def _other_scalers(scene: Scene, cells: int) -> list[Line]:
    """ScaledObjects that have no HPA now: they are paused, or something is wrong."""
    without = [o for o in scene.view.scalers.objects if o.hpa not in scene.snapshot.hpas]
    if not without:
        return []
    lines: list[Line] = [(), (("KEDA'S OBJECTS WITHOUT AN HPA", Tone.HEADING),)]
    return [*lines, *(line for each in without for line in scaler_lines(each, cells))]
