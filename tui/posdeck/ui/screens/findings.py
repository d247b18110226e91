"""What can be done with one finding: read its evidence, and say something of it for the record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from posdeck.errors import PosdeckError
from posdeck.operations.view import Problem
from posdeck.ui.plain import plain, width
from posdeck.ui.rows.cells import Line
from posdeck.ui.rows.problems import remark_words, since_text
from posdeck.ui.scene import Scene
from posdeck.ui.tones import Tone

if TYPE_CHECKING:
    from posdeck.ui.app import PosdeckApp
    from posdeck.ui.screens.pane import Subject

OVER: tuple[Line, ...] = (
    (("This is not told any more. Below stands what was known of it when it was opened.", Tone.WARN),),
    (),
)
_WIDEST_NAME = 40  # cells
DONE = {"ack": "acknowledged", "snooze": "snoozed", "note": "noted"}


def problem_lines(problem: Problem, scene: Scene) -> list[Line]:
    """Everything that is known of a finding."""
    since = f"{scene.clock(problem.since)} ({since_text(problem, scene)})"
    facts = [
        ("object", f"{problem.object_kind}/{problem.object_name}"),
        ("severity", problem.severity.value),
        ("since", since),
        ("confidence", problem.confidence),
        ("way out", f"b  {problem.runbook}" if problem.runbook else "none is known"),
        ("said", remark_words(problem, scene) or "nothing yet: a acknowledges, z snoozes, m notes"),
    ]
    lines: list[Line] = [((plain(problem.text, 4000), Tone.STRONG),), ()]
    lines += [((f"{name:<11}", Tone.ACCENT), (plain(value), Tone.NORMAL)) for name, value in facts if value]
    lines += [(), (("EVIDENCE", Tone.HEADING),)]
    wide = min(_WIDEST_NAME, max((width(plain(name)) for name, _ in problem.evidence), default=0))
    lines += [
        ((f"  {plain(name):<{wide}}  ", Tone.ACCENT), (plain(value), Tone.NORMAL))
        for name, value in problem.evidence
    ]
    if problem.follows:
        lines += [(), (("WHAT FOLLOWS FROM IT", Tone.HEADING),)]
        lines += [
            ((f"  {plain(short)}: ", Tone.ACCENT), (plain(text, 400), Tone.NORMAL))
            for _, short, text in problem.follows
        ]
    if problem.remark is not None and problem.remark.notes:
        lines += [(), (("NOTES", Tone.HEADING),)]
        lines += [
            ((f"  {scene.clock(at)} {plain(who)}: ", Tone.ACCENT), (plain(text, 400), Tone.NORMAL))
            for at, who, text in problem.remark.notes
        ]
    return lines


async def remark(app: PosdeckApp, subject: Subject | None, word: str, text: str = "") -> None:
    """Acknowledge, snooze or note the selected finding; a snooze's text begins with its length. It counts once it
    is recorded."""
    from posdeck.operations.remarks import span_of, until_of

    problem = subject.problem if subject is not None else None
    if problem is None:
        app.notice("No finding is selected: 1 and 7 list them.", "warn")
        return
    span, until = None, None
    if word == "snooze":
        length, _, text = text.partition(" ")
        span = span_of(length)
    if (word == "snooze" and span is None) or (word == "note" and not text):
        app.notice(":snooze 30m, 2h, 1d or 0, and why; :note and what is to be known", "warn")
        return
    try:
        until = until_of(span, app.scene.now) if span is not None else None
        await app.need_front().remark(problem.key, word, text.strip(), until)
    except PosdeckError as refused:
        app.notice(f"Not recorded, so it does not count. {refused}", "bad")
        return
    ends = f" until {app.scene.clock(until)}" if until else ""
    app.notice(f"{problem.id} on {problem.short}: {DONE[word]}{ends}, on the record")
