"""YAML is read as it is written, and every mistake is told with its line."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from posdeck.errors import ContentError
from posdeck.runbooks.loading import load_library, load_runbook, parse, read_document


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("yes", "yes"),
        ("No", "No"),
        ("on", "on"),
        ("off", "off"),
        ("True", "True"),
        ("true", True),
        ("false", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("010", "010"),
        ("0o17", "0o17"),
        ("0x1F", "0x1F"),
        ("1_000", "1_000"),
        ("12:30", "12:30"),
        ("2027-05-31", "2027-05-31"),
        ("+5", "+5"),
        (".inf", ".inf"),
        ("1e3", "1e3"),
        ("5", 5),
        ("-5", -5),
        ("0.5", 0.5),
        ("'true'", "true"),
        ('"5"', "5"),
        ("<<", "<<"),
    ],
)
def test_only_json_values_are_more_than_text(write, written, read):
    document = read_document(write("a.yml", f"value: {written}\n"))
    assert document.content["value"] == read
    assert type(document.content["value"]) is type(read)


@pytest.mark.parametrize(
    ("text", "line", "cause"),
    [
        ("a: 1\na: 2\n", 2, "given twice"),
        ("a: &x [1]\nb: *x\n", 1, "anchor"),
        ("a: !!python/object:os.system x\n", 1, "tag"),
        ("a: 1\nb: !secret x\n", 2, "tag"),
        ("a: !!int nine\n", 1, "tag"),
        ("a:\n  ? [1]\n  : 2\n", 2, "key is not text"),
        ("1: a\n", 1, "key is not text"),
        ("- 1\n", 1, "not a mapping"),
        ("", 1, "not a mapping"),
        ("a: 1\nb: [1\n", 3, "not valid YAML"),
        ("a: 1\n---\nb: 2\n", 2, "not valid YAML"),
        ("a: \x01\n", 0, "not valid YAML"),
        ("a: " + "[" * 60 + "]" * 60, 1, "nested"),
    ],
)
def test_what_could_mislead_is_refused_with_its_line(tmp_path, text, line, cause):
    path = tmp_path / "bad.yml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ContentError, match=cause) as caught:
        read_document(path)
    assert caught.value.line == line


def test_a_file_that_is_missing_or_huge_says_so(tmp_path):
    with pytest.raises(ContentError, match="cannot be read"):
        read_document(tmp_path / "none.yml")
    huge = tmp_path / "huge.yml"
    huge.write_bytes(b"a: " + b"x" * 600_000)
    with pytest.raises(ContentError, match="larger"):
        read_document(huge)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(raw=st.one_of(st.binary(max_size=200), st.text(alphabet="ab:-{}[]&*!|>\n '\"#%@`?,0~", max_size=80)))
def test_any_bytes_are_a_document_or_a_content_error(tmp_path, raw):
    path = tmp_path / "any.yml"
    path.write_bytes(raw if isinstance(raw, bytes) else raw.encode())
    try:
        document = read_document(path)
    except ContentError:
        return
    assert parse(document)[0] is None


@pytest.mark.parametrize(
    ("old", "new", "line_and_words"),
    [
        ("  owner: tests", "  ownr: tests", (6, "Did you mean owner")),
        ("  owner: tests\n", "", (2, "metadata.owner is missing")),
        ("severity: warning", "severity: bad", (7, "severity")),
        ("review_by: 2027-05-31", "review_by: 20270531", (8, "year-month-day")),
        ("review_by: 2027-05-31", "review_by: 2027-02-31", (8, "review_by")),
        ("expected_duration: 5m", "expected_duration: 5", (0, "")),
        ("expected_duration: 5m", "expected_duration: soon", (11, "90s, 5m or 1h")),
        ("type: diagnose", "type: diagnosis", (18, "type")),
        ("    continue_on_failure: false", "    continue_on_failure: no", (24, "continue_on_failure")),
        ("    playbook: pods.yml", "    playbook: ../pods.yml", (22, "playbook")),
        ("at_least: 1}", "at_least: 1, above: 2}", (34, "exactly one way")),
        ("at_least: 1}", "atleast: 1}", (34, "Did you mean at_least")),
        (
            "source: {group: consumers}",
            "source: {group: consumers, param: a}",
            (15, "either a group or a param"),
        ),
        ("type: workload", "type: integer\n    default: x", (13, "whole number")),
    ],
)
def test_every_mistake_of_shape_has_its_line(write, sample_text, old, new, line_and_words):
    line, words = line_and_words
    assert old in sample_text
    path = write("bad.yml", sample_text.replace(old, new, 1))
    if not line:
        assert load_runbook(path).runbook.metadata.expected_duration == 5
        return
    with pytest.raises(ContentError) as caught:
        load_runbook(path)
    assert words in str(caught.value)
    assert caught.value.line == line


def test_one_bad_file_does_not_stop_the_others(write, sample_text):
    good = write("books/good.yml", sample_text)
    write("books/deep/twin.yml", sample_text)
    write("books/bad.yml", "a: [")
    write("books/wrong.yml", "apiVersion: runbook/v2\n")
    library = load_library(good.parent)
    assert [each.id for each in library.runbooks] == ["sample"]
    assert {problem.rule for problem in library.problems} == {"not-readable", "not-a-runbook", "duplicate-id"}
    assert library.get("sample") is not None
    assert library.get("other") is None
