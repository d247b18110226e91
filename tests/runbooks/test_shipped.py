"""The runbooks that ship: well-formed, readable, and every path of every one of them ends where it says."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from posdeck.runbooks.checks import CHECKS
from posdeck.runbooks.digests import digest, playbook_files, playbooks_named
from posdeck.runbooks.findings_ids import FINDINGS
from posdeck.runbooks.graph import paths
from posdeck.runbooks.loading import load_library, load_runbook, read_document
from posdeck.runbooks.matching import by_finding, by_groups, changes_anything, search
from posdeck.runbooks.model import Act
from posdeck.runbooks.rendering import command, document
from posdeck.runbooks.schema import MODELINE, SCHEMA_FILE, schema, schema_text
from posdeck.runbooks.session import Phase
from posdeck.runbooks.validation import LintContext, lint

ROOT = Path(__file__).parents[2]
LIBRARY = load_library(ROOT / "runbooks")
IDS = [runbook.id for runbook in LIBRARY.runbooks]

EIGHT = {
    "main-api-issues",
    "consumer-not-processing",
    "hpa-not-scaling",
    "bulk-upload-delays",
    "order-processing-issues",
    "rate-card-issues",
    "tracing-issues",
    "scaled-to-zero-investigation",
}


RECOMMENDATIONS = {
    "add-disruption-budget",
    "add-queue-autoscaling",
    "raise-collector",
    "raise-critical-consumers",
    "retire-worker",
    "review-legacy-nginx",
    "set-hpa-bounds",
    "vip-peak",
}


def test_all_eight_procedures_and_every_recommendation_are_there():
    assert set(IDS) >= EIGHT | RECOMMENDATIONS
    kinds = {runbook.id: runbook.metadata.kind.value for runbook in LIBRARY.runbooks}
    assert {id for id, kind in kinds.items() if kind == "procedure"} == EIGHT
    assert {id for id, kind in kinds.items() if kind == "recommendation"} == RECOMMENDATIONS


def test_each_file_is_named_after_its_runbook_and_begins_with_the_modeline():
    for loaded in LIBRARY.loaded:
        assert loaded.document.path.stem == loaded.runbook.id
        assert loaded.document.path.read_text(encoding="utf-8").startswith(f"{MODELINE}\n")


def test_the_lint_finds_nothing():
    context = LintContext(ROOT / "playbooks", date(2026, 11, 1))
    assert [str(problem) for problem in lint(LIBRARY, context)] == []


@pytest.mark.parametrize("runbook", LIBRARY.runbooks, ids=IDS)
def test_every_path_ends_as_the_graph_says(operations, runbook):
    taken = set()
    for path in paths(runbook):
        session = operations(runbook).drive(path)
        assert session.phase is Phase.ENDED
        assert session.step == path.end
        taken |= {(each.step, each.exit) for each in session.trail}
    assert {step.id for step in runbook.steps if step.type != "done"} <= {step for step, _ in taken}


@pytest.mark.parametrize("runbook", LIBRARY.runbooks, ids=IDS)
def test_a_runbook_reads_as_a_document(runbook):
    text = document(runbook)
    assert text.startswith(f"# {runbook.metadata.title}\n")
    assert "{{" not in text
    for step in runbook.steps:
        assert step.title in text
        if isinstance(step, Act):
            assert command(step.kubectl, {}) in text


def test_values_that_are_known_are_filled_into_commands():
    line = "kubectl rollout restart deployment/{{ target.deployment }} -n {{ target.namespace }}"
    assert (
        command(line, {"target": {"deployment": "d"}})
        == "kubectl rollout restart deployment/d -n <namespace>"
    )


def test_the_schema_beside_the_runbooks_is_current():
    assert (ROOT / "runbooks" / SCHEMA_FILE).read_text(encoding="utf-8") == schema_text()


def test_the_schema_accepts_what_ships_and_refuses_what_the_models_refuse(sample_text, tmp_path):
    validator = pytest.importorskip("jsonschema").Draft202012Validator(schema())
    for loaded in LIBRARY.loaded:
        assert [error.message for error in validator.iter_errors(loaded.document.content)] == []
    path = tmp_path / "sample.yml"
    for old, new in (
        ("severity: warning", "severity: bad"),
        ("owner: tests", "ownr: tests"),
        ("type: diagnose", "type: other"),
        ("expected_duration: 5m", "expected_duration: soon"),
        ("[consumer-not-processing]", "[no-such-finding]"),
        ("check: processing-again", "check: no-such-check"),
    ):
        path.write_text(sample_text.replace(old, new, 1), encoding="utf-8")
        assert list(validator.iter_errors(read_document(path).content))


# Findings that no runbook answers, because nothing in this namespace cures them or nobody wrote one yet.
UNANSWERED = {
    "catalogue-drift",
    "controller-silent",
    "credential-expiring",
    "deployment-missing",
    "disruption-budget-blocked",
    "image-differs",
    "no-limits",
    "node-not-ready",
    "node-pressure",
    "pod-evicted",
    "pod-pending",
    "pods-not-created",
    "replicas-on-one-node",
    "warning-events-burst",
}


def test_every_finding_has_a_runbook_or_stands_among_those_that_have_none():
    without = {finding.id for finding in FINDINGS if not by_finding(LIBRARY.runbooks, finding.id)}
    assert without == UNANSWERED


def test_a_consumer_that_does_not_process_leads_to_its_own_runbook_first():
    assert by_finding(LIBRARY.runbooks, "consumer-not-processing")[0].id == "consumer-not-processing"
    assert by_finding(LIBRARY.runbooks, "no-such-finding") == ()


def test_runbooks_are_found_by_group_and_by_words():
    ids = [runbook.id for runbook in by_groups(LIBRARY.runbooks, ["all", "consumers"])]
    assert ids[0] == "consumer-not-processing"
    assert "restart-worker" not in ids
    assert search(LIBRARY.runbooks, "rate CARD")[0].id == "rate-card-issues"
    assert search(LIBRARY.runbooks, "no such words") == ()
    assert all(runbook.id in IDS for runbook in search(LIBRARY.runbooks, ""))


def test_only_the_hpa_question_changes_nothing():
    assert [runbook.id for runbook in LIBRARY.runbooks if not changes_anything(runbook)] == [
        "hpa-not-scaling"
    ]


def test_a_restart_is_declared_irreversible_everywhere():
    for runbook in LIBRARY.runbooks:
        for step in runbook.steps:
            if isinstance(step, Act) and step.playbook == "restart.yml":
                assert step.irreversible
                assert step.rollback is None


def test_checks_are_declared_once():
    assert len({check.id for check in CHECKS}) == len(CHECKS)
    assert len({finding.id for finding in FINDINGS}) == len(FINDINGS)


def test_the_digest_follows_meaning_and_playbooks_not_layout(tmp_path):
    path = ROOT / "runbooks" / "consumer-not-processing.yml"
    text = path.read_text(encoding="utf-8")
    runbook = load_runbook(path).runbook
    files = playbook_files(runbook, ROOT / "playbooks")
    assert set(playbooks_named(runbook)) <= set(files)
    agreed = digest(runbook, files)

    def of(changed):
        copy = tmp_path / "copy.yml"
        copy.write_text(changed, encoding="utf-8")
        return digest(load_runbook(copy).runbook, files)

    assert of(f"# a comment\n{text}") == agreed
    assert of(text.replace("{log_lines: 100}", "{ log_lines: 100 }")) == agreed
    assert of(text.replace("{log_lines: 100}", "{log_lines: 99}")) != agreed
    assert digest(runbook, {**files, "restart.yml": files["restart.yml"] + b"\n"}) != agreed
