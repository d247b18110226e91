"""What a benchmark of the diagnosis has measured survives the end of its process, line by line."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from tests.benchmarks.kept_outcomes import KeptOutcomes, digest_of

from posdeck.operations.drills import Outcome, Suggestion, drill_named

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def outcome(seed: int) -> Outcome:
    said = Suggestion("pod-image-missing", "app", "1 of 3 pods: …", "roll-back")
    return Outcome(drill_named("broken-image"), seed, NOON, 5.0, 5.0, said, None, None, (said,))


def test_what_was_kept_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "outcomes.jsonl"
    kept = KeptOutcomes(path)
    kept.keep(outcome(1))
    kept.keep_hours(1, 24.0, ["12:00:00 pod-hung app"])
    again = KeptOutcomes(path)
    assert again.drills == {("broken-image", 1): outcome(1)}
    assert again.hours == {(1, 24.0): ["12:00:00 pod-hung app"]}


def test_a_line_that_was_cut_costs_only_itself(tmp_path: Path) -> None:
    path = tmp_path / "outcomes.jsonl"
    kept = KeptOutcomes(path)
    for seed in (1, 2):
        kept.keep(outcome(seed))
    path.write_bytes(path.read_bytes()[:-40])
    kept = KeptOutcomes(path)
    assert list(kept.drills) == [("broken-image", 1)]
    kept.keep(outcome(3))
    assert list(KeptOutcomes(path).drills) == [("broken-image", 1), ("broken-image", 3)]


def test_other_content_is_another_measurement(tmp_path: Path) -> None:
    (tmp_path / "rule.yaml").write_text("a: 1")
    before = digest_of([tmp_path])
    assert digest_of([tmp_path]) == before
    (tmp_path / "rule.yaml").write_text("a: 2")
    assert digest_of([tmp_path]) != before
