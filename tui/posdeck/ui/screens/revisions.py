"""Two revisions of a deployment beside each other: what a roll-back would change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from posdeck.cluster.snapshot import ReplicaSet
from posdeck.ui.rows.cells import Line
from posdeck.ui.rows.comparison import changed_count, comparison_lines, template_text
from posdeck.ui.screens.pane import Subject
from posdeck.ui.tones import Tone

if TYPE_CHECKING:
    from posdeck.ui.app import PosdeckApp


async def compare_revisions(app: PosdeckApp, subject: Subject) -> None:
    """The selected revision with the current one of its deployment (the current one with the one before it), or
    the two that are marked."""
    from posdeck.ui.places import text_place

    pair = _pair(app, subject)
    if pair is None:
        app.notice(
            "There is no other revision of it to compare with: two marked with space are compared by x.",
            "warn",
        )
        return
    old, new = sorted(pair, key=lambda rs: rs.revision or 0)
    pane = await text_place(app)

    async def load() -> Sequence[Line]:
        front = app.need_front()
        before = template_text(await front.object("replicasets", old.name))
        after = template_text(await front.object("replicasets", new.name))
        went, came = changed_count(before, after)
        titles = (f"revision {old.revision} ({old.name})", f"revision {new.revision} ({new.name})")
        summary: Line = (
            (f"{went} line{'' if went == 1 else 's'} went, {came} came. ", Tone.STRONG),
            ("Pod templates only.", Tone.DIM),
        )
        return [summary, (), *comparison_lines(before, after, titles, max(20, app.size.width - 5))]

    short = subject.short or subject.deployment or "revisions"
    pane.open(f"{short}: revision {old.revision} beside {new.revision}", load, subject=subject)


def _pair(app: PosdeckApp, subject: Subject) -> tuple[ReplicaSet, ReplicaSet] | None:
    snapshot = app.scene.snapshot
    table = app.console_screen.current.table()
    marked = [
        snapshot.replica_sets[k] for k in (table.list.marked if table else ()) if k in snapshot.replica_sets
    ]
    if len(marked) == 2:
        return marked[0], marked[1]
    selected = snapshot.replica_sets.get(subject.name)
    deployment = snapshot.deployments.get(subject.deployment)
    if selected is None or deployment is None:
        return None
    siblings = [
        other
        for other in snapshot.replica_sets.values()
        if other.owner is not None and other.owner.uid == deployment.uid and other.name != selected.name
    ]
    if selected.revision == deployment.revision:  # the current one: beside the one before it
        return (selected, max(siblings, key=lambda rs: rs.revision or 0)) if siblings else None
    current = next((other for other in siblings if other.revision == deployment.revision), None)
    return (selected, current) if current is not None else None
