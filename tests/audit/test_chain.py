"""What the chain promises on its own: every edit is found, and where."""

from __future__ import annotations

import hashlib
import json
from dataclasses import astuple, replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posdeck.audit.chain import GENESIS, Fault, RawRecord, envelope, link, walk
from posdeck.audit.checkpoint import Checkpoint, checkpoint_of, parse_checkpoint
from posdeck.audit.record import Record, canonical, format_time
from posdeck.errors import AuditError

AT = datetime(2026, 1, 5, 2, 11, 9, 113, tzinfo=UTC)


def chain(length: int) -> list[Record]:
    records: list[Record] = []
    for number in range(1, length + 1):
        body = canonical({"n": number, "text": 'quote " and \\ and ü'})
        last = records[-1] if records else None
        records.append(link(last, record_id=f"id-{number}", at=AT, kind="note", subject="s", body=body))
    return records


def raw(record: Record) -> RawRecord:
    values = list(astuple(record))
    values[2] = format_time(record.at)
    return RawRecord(*values)


def faults(rows: list[RawRecord]) -> list[Fault]:
    return [each for each in walk(rows) if isinstance(each, Fault)]


def test_a_whole_chain_has_no_fault() -> None:
    assert not faults([raw(each) for each in chain(20)])


def test_another_program_can_compute_the_hash_from_the_documented_line() -> None:
    record = chain(2)[1]
    line = json.dumps(
        {
            "at": format_time(record.at),
            "body": record.content,
            "id": record.id,
            "kind": record.kind,
            "previous": record.previous,
            "schema": "posdeck.audit/v1",
            "sequence": 2,
            "subject": record.subject,
        },
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
    )
    assert envelope(record) == line
    assert hashlib.sha256(line.encode()).hexdigest() == record.hash


def test_the_first_record_follows_nothing() -> None:
    assert chain(1)[0].previous == GENESIS


@pytest.mark.parametrize("name", ["id", "at", "kind", "subject", "body", "previous", "hash"])
@given(place=st.integers(0, 10_000), flip=st.integers(1, 127))
def test_an_edit_of_any_character_of_any_column_is_found_at_its_record(
    name: str, place: int, flip: int
) -> None:
    rows = [raw(each) for each in chain(3)]
    text = str(getattr(rows[1], name))
    place %= len(text)
    edited = text[:place] + chr(ord(text[place]) ^ flip) + text[place + 1 :]
    rows[1] = replace(rows[1], **{name: edited})
    assert faults(rows)[0].sequence == 2


def test_a_missing_record_is_found_where_it_is_missing() -> None:
    rows = [raw(each) for each in chain(5)]
    found = faults(rows[:2] + rows[3:])
    assert [(each.sequence, each.what) for each in found] == [(3, "records are missing")]


def test_a_missing_record_whose_followers_were_renumbered_is_found() -> None:
    rows = [raw(each) for each in chain(4)]
    renumbered = [*rows[:1], replace(rows[2], sequence=2), replace(rows[3], sequence=3)]
    assert [each.sequence for each in faults(renumbered)] == [2, 3]


def test_two_records_that_changed_places_are_found() -> None:
    rows = [raw(each) for each in chain(4)]
    swapped = [rows[0], replace(rows[2], sequence=2), replace(rows[1], sequence=3), rows[3]]
    assert faults(swapped)[0].sequence == 2


def test_a_record_put_in_with_a_right_hash_of_its_own_is_found() -> None:
    records = chain(3)
    forged = link(records[0], record_id="forged", at=AT, kind="note", subject="", body="{}")
    found = faults([raw(records[0]), raw(forged), raw(records[2])])
    assert [(each.sequence, each.what) for each in found] == [(3, "does not follow the record before it")]


def test_a_second_edit_is_told_as_well() -> None:
    rows = [raw(each) for each in chain(6)]
    rows[1], rows[4] = replace(rows[1], body="{}"), replace(rows[4], kind="intent")
    assert [each.sequence for each in faults(rows)] == [2, 5]


def test_a_beginning_cut_off_is_found() -> None:
    assert faults([raw(each) for each in chain(4)[1:]])


@pytest.mark.parametrize("body", ['{"a": 1}', '{"b":1,"a":2}', "[]", "nonsense", "NaN"])
def test_a_body_that_posdeck_would_not_write_is_a_fault_although_its_hash_is_right(body: str) -> None:
    record = link(None, record_id="x", at=AT, kind="note", subject="", body=body)
    assert faults([raw(record)])


@pytest.mark.parametrize("value", [None, 3, b"bytes", 1.5])
def test_values_of_a_wrong_type_are_faults(value: object) -> None:
    rows = [raw(each) for each in chain(2)]
    assert faults([replace(rows[0], body=value), rows[1]])
    assert faults([replace(rows[0], sequence="1"), rows[1]])


def test_a_checkpoint_is_read_back_as_it_was_written() -> None:
    point = checkpoint_of(chain(3)[2])
    assert parse_checkpoint(f"{point}\n") == point
    assert point == Checkpoint(3, chain(3)[2].hash, AT)


@pytest.mark.parametrize(
    "text", ["", "posdeck.audit/v1 3 sha256:12 2026", "other/v1 1 sha256:" + "0" * 64 + " " + "9" * 24]
)
def test_what_is_no_checkpoint_is_refused_by_its_source(text: str) -> None:
    with pytest.raises(AuditError) as caught:
        parse_checkpoint(text, "the paper in the safe")
    assert caught.value.subject == "the paper in the safe"
