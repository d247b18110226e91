"""Two objects beside each other as YAML, line by line: what went, what came, and a little around it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any

from posdeck.ui.plain import fit, plain
from posdeck.ui.rows.cells import Line
from posdeck.ui.tones import Tone

AROUND = 3
_NARROW = 100  # below it one column after the other
_OWN = "pod-template-hash"  # differs between any two revisions and says nothing


def template_text(replica_set: Mapping[str, Any]) -> list[str]:
    """The pod template of a replica set as YAML lines, without the hash that names it."""
    import yaml

    template = dict((replica_set.get("spec") or {}).get("template") or {})
    metadata = {k: v for k, v in (template.get("metadata") or {}).items() if k != "creationTimestamp"}
    labels = {k: v for k, v in (metadata.get("labels") or {}).items() if k != _OWN}
    template["metadata"] = {**metadata, "labels": labels}
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    text = yaml.dump(template, Dumper=dumper, sort_keys=True, allow_unicode=True, width=10_000)
    return str(text).splitlines()


def comparison_lines(
    old: Sequence[str], new: Sequence[str], titles: tuple[str, str], cells: int
) -> list[Line]:
    """Both sides with marks: beside each other where ``cells`` allow, else removed above added lines."""
    matcher = SequenceMatcher(a=old, b=new, autojunk=False)
    groups = list(matcher.get_grouped_opcodes(AROUND))
    if not groups:
        return [(("The pod templates are the same", Tone.GOOD), (": only their names differ.", Tone.NORMAL))]
    beside = cells >= _NARROW
    half = (cells - 3) // 2
    lines: list[Line] = []
    if beside:
        lines.append(
            ((fit(plain(titles[0]), half), Tone.HEADING), (" │ ", Tone.DIM), (plain(titles[1]), Tone.HEADING))
        )
    else:
        lines += [((f"- {plain(titles[0])}", Tone.BAD),), ((f"+ {plain(titles[1])}", Tone.GOOD),)]
    for group in groups:
        lines.append((("─" * max(1, cells), Tone.DIM),))
        for tag, i1, i2, j1, j2 in group:
            part = (
                _beside(tag, old[i1:i2], new[j1:j2], half) if beside else _below(tag, old[i1:i2], new[j1:j2])
            )
            lines.extend(part)
    return lines


def changed_count(old: Sequence[str], new: Sequence[str]) -> tuple[int, int]:
    """Lines that went and lines that came."""
    went = came = 0
    for tag, i1, i2, j1, j2 in SequenceMatcher(a=old, b=new, autojunk=False).get_opcodes():
        if tag != "equal":
            went, came = went + i2 - i1, came + j2 - j1
    return went, came


def _beside(tag: str, left: Sequence[str], right: Sequence[str], half: int) -> Iterable[Line]:
    for index in range(max(len(left), len(right))):
        before = left[index] if index < len(left) else None
        after = right[index] if index < len(right) else None
        if tag == "equal":
            yield (
                (fit(f"  {plain(before or '')}", half), Tone.NORMAL),
                (" │ ", Tone.DIM),
                (f"  {plain(after or '')}", Tone.NORMAL),
            )
            continue
        yield (
            (fit("" if before is None else f"- {plain(before)}", half), Tone.BAD),
            (" │ ", Tone.DIM),
            ("" if after is None else f"+ {plain(after)}", Tone.GOOD),
        )


def _below(tag: str, left: Sequence[str], right: Sequence[str]) -> Iterable[Line]:
    if tag == "equal":
        yield from (((f"  {plain(line)}", Tone.NORMAL),) for line in left)
        return
    yield from (((f"- {plain(line)}", Tone.BAD),) for line in left)
    yield from (((f"+ {plain(line)}", Tone.GOOD),) for line in right)
