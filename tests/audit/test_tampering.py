"""What somebody who may write the files cannot do without being found, and the two things that they can."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from posdeck.audit.chain import GENESIS, link
from posdeck.audit.reading import AuditReader
from posdeck.audit.record import Actor, Intent, Note, Outcome, Place, Record, Result, Topic, Verification
from posdeck.audit.sqlite import open_store
from posdeck.audit.verification import VerifyReport
from posdeck.clock import ManualClock
from posdeck.errors import AuditError, ChainBrokenError

EVIDENCE = "2026-01-05T02:11:09Z order ORD-181 failed: timeout\n" * 400


@pytest.fixture
def digests(
    path: Path, clock: ManualClock, make_intent: Callable[..., Intent], actor: Actor, place: Place
) -> list[str]:
    """A closed store with intents, outcomes, notes, two pieces of evidence and an erased one (17 records)."""
    with open_store(path, clock) as store:
        for number in range(6):
            store.append_intent(make_intent(f"intent-{number}"))
            store.append_outcome(Outcome(f"intent-{number}", Result.SUCCEEDED, Verification.PASSED, number))
        kept = [store.save_evidence("intent-1", name, EVIDENCE + os.urandom(4000).hex()) for name in "ab"]
        erased = store.save_evidence("intent-1", "c", "to be erased " * 500)
        store.erase_evidence(erased, "asked for", actor, place)
        store.append_note(Note(Topic.COMMENT, "the end", actor, place))
    return [*kept, erased]


def check(path: Path) -> VerifyReport | AuditError:
    """As ``posdeck audit verify`` does: a report, or why there can be none."""
    try:
        with open_store(path, ManualClock(), read_only=True) as reader:
            return reader.verify()
    except AuditError as error:
        return error


def found(path: Path) -> list[int]:
    report = check(path)
    assert isinstance(report, VerifyReport), report
    return [fault.sequence for fault in report.faults]


def edit(path: Path, *statements: str, values: tuple[object, ...] = ()) -> None:
    """What an attacker with sqlite3 does: the triggers are the first to go, and put back at the end."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            connection.execute(statement, values if "?" in statement else ())
        for _, sql in triggers:
            connection.execute(sql)


def test_an_untouched_store_verifies(path: Path, digests: list[str]) -> None:
    report = check(path)
    assert isinstance(report, VerifyReport)
    assert report.ok, report.faults
    assert (report.records, report.evidence_kept, report.evidence_erased) == (17, 2, 1)
    assert report.remarks == ()
    report.require(path)


def test_one_byte_anywhere_in_the_file(path: Path, digests: list[str]) -> None:
    """Each of some thousand bytes, evenly over the file, headers, indexes and unused space included."""
    content = path.read_bytes()
    unnoticed = []
    for place in range(0, len(content), 61):
        edited = bytearray(content)
        edited[place] ^= 1 << place % 8
        path.write_bytes(edited)
        report = check(path)
        if isinstance(report, VerifyReport) and report.ok:
            unnoticed.append(place)
        for name in ("-wal", "-shm"):
            path.with_name(path.name + name).unlink(missing_ok=True)
    assert unnoticed == []
    path.write_bytes(content)
    assert found(path) == []


@pytest.mark.parametrize("column", ["id", "at", "kind", "subject", "body", "previous", "hash"])
def test_one_byte_of_a_column_is_found_at_its_record(path: Path, digests: list[str], column: str) -> None:
    content = path.read_bytes()
    with closing(sqlite3.connect(path)) as connection:
        text = connection.execute(f"SELECT {column} FROM records WHERE sequence = 9").fetchone()[0]
    edited = chr(ord(text[0]) ^ 1) + text[1:]
    edit(path, f"UPDATE records SET {column} = ? WHERE sequence = 9", values=(edited,))
    assert path.read_bytes() != content
    assert found(path)[0] == 9


def test_a_failure_made_a_success(path: Path, digests: list[str]) -> None:
    edit(path, "UPDATE records SET body = replace(body, 'passed', 'failed') WHERE sequence = 4")
    assert found(path) == [4]
    with open_store(path, ManualClock(), read_only=True) as reader, pytest.raises(ChainBrokenError) as caught:
        reader.outcome_of("intent-1")
    assert caught.value.sequence == 4


def test_a_byte_of_evidence(path: Path, digests: list[str]) -> None:
    with closing(sqlite3.connect(path)) as connection:
        body = bytearray(
            connection.execute("SELECT body FROM evidence WHERE digest = ?", digests[:1]).fetchone()[0]
        )
    body[len(body) // 2] ^= 4
    edit(path, f"UPDATE evidence SET body = ? WHERE digest = '{digests[0]}'", values=(bytes(body),))
    assert found(path) == [13]
    with open_store(path, ManualClock(), read_only=True) as reader, pytest.raises(ChainBrokenError):
        reader.read_evidence(digests[0])


@pytest.mark.parametrize(
    ("statement", "where"),
    [
        ("UPDATE evidence SET salt = x'00' WHERE digest = (SELECT min(digest) FROM evidence)", {13, 14}),
        ("UPDATE evidence SET body = CAST(body || x'00' AS BLOB)", {13, 14}),
        ("DELETE FROM evidence", {13, 14}),
        (
            "UPDATE evidence SET digest = digest || 'x' WHERE digest = (SELECT min(digest) FROM evidence)",
            {0, 13, 14},
        ),
        ("INSERT INTO evidence SELECT 'sha256:0', salt, body FROM evidence LIMIT 1", {0}),
    ],
)
def test_evidence_changed_taken_or_brought(
    path: Path, digests: list[str], statement: str, where: set[int]
) -> None:
    edit(path, statement)
    sequences = found(path)
    assert sequences
    assert set(sequences) <= where


def test_erased_evidence_that_is_back(path: Path, digests: list[str]) -> None:
    edit(path, "INSERT INTO evidence SELECT ?, salt, body FROM evidence LIMIT 1", values=(digests[2],))
    assert found(path) == [16]


def test_a_record_taken_out_of_the_middle(path: Path, digests: list[str]) -> None:
    edit(path, "DELETE FROM records WHERE sequence = 8")
    assert found(path) == [8]


def test_all_records_from_the_middle_on(path: Path, digests: list[str]) -> None:
    """With the .head gone as well this is the cut tail, which only a checkpoint kept elsewhere finds."""
    with open_store(path, ManualClock(), read_only=True) as reader:
        kept_elsewhere = reader.head()
    edit(path, "DELETE FROM records WHERE sequence > 8", "DELETE FROM evidence")
    assert found(path) == [9]
    with pytest.raises(ChainBrokenError):
        open_store(path, ManualClock())
    path.with_name("audit.sqlite.head").unlink()
    assert found(path) == []
    with open_store(path, ManualClock(), read_only=True) as reader:
        assert [fault.sequence for fault in reader.verify(kept_elsewhere).faults] == [9]


def test_two_records_in_each_others_place(path: Path, digests: list[str]) -> None:
    edit(
        path,
        "UPDATE records SET sequence = 99 WHERE sequence = 5",
        "UPDATE records SET sequence = 5 WHERE sequence = 7",
        "UPDATE records SET sequence = 7 WHERE sequence = 99",
    )
    assert found(path)[0] == 5


def test_a_record_taken_out_and_put_in_at_the_end(path: Path, digests: list[str]) -> None:
    edit(path, "UPDATE records SET sequence = 18 WHERE sequence = 8")
    assert found(path) == [8, 18]


def test_a_record_put_in_with_a_right_hash(path: Path, digests: list[str], clock: ManualClock) -> None:
    with open_store(path, clock, read_only=True) as reader:
        before = reader.records()[7]
    forged = link(before, record_id="forged", at=clock.now(), kind="note", subject="", body="{}")
    values = ("forged", forged.body, forged.hash, forged.kind, "")
    edit(
        path,
        "UPDATE records SET id = ?, body = ?, hash = ?, kind = ?, subject = ? WHERE sequence = 9",
        values=values,
    )
    assert found(path) == [10]


def rewrite(records: list[Record], change: Callable[[str], str]) -> list[Record]:
    result: list[Record] = []
    for each in records:
        result.append(
            link(
                result[-1] if result else None,
                record_id=each.id,
                at=each.at,
                kind=each.kind,
                subject=each.subject,
                body=change(each.body),
            )
        )
    return result


def test_a_whole_chain_rewritten_is_found_only_by_what_was_kept_elsewhere(
    path: Path, digests: list[str]
) -> None:
    """The honest limit: someone who may write the store and the .head can write another history."""
    with open_store(path, ManualClock(), read_only=True) as reader:
        kept_elsewhere, records = reader.head(), reader.records()
    forged = rewrite(records, lambda body: body.replace('"passed"', '"failed"'))
    assert forged[0].previous == GENESIS
    for each in forged:
        edit(
            path,
            f"UPDATE records SET body = ?, previous = ?, hash = ? WHERE sequence = {each.sequence}",
            values=(each.body, each.previous, each.hash),
        )
    assert found(path) != []  # the .head remembers
    path.with_name("audit.sqlite.head").unlink()
    assert found(path) == []
    with open_store(path, ManualClock(), read_only=True) as reader:
        report = reader.verify(kept_elsewhere)
    assert [fault.what for fault in report.faults] == ["is not the record that was seen before"]
    with pytest.raises(ChainBrokenError):
        report.require(path)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE records SET body = '{}'",
        "DELETE FROM records",
        "DELETE FROM records WHERE sequence = 17",
        "UPDATE evidence SET body = x'00'",
        "DELETE FROM evidence",
        "INSERT OR REPLACE INTO records SELECT sequence, 'x', at, kind, subject, body, previous, hash"
        " FROM records",
        "INSERT INTO records SELECT 40, 'x', at, kind, subject, body, previous, hash FROM records LIMIT 1",
        "INSERT OR REPLACE INTO records SELECT 18, id, at, kind, subject, body, previous, hash"
        " FROM records LIMIT 1",
    ],
)
def test_a_mistake_is_held_back_by_the_database_itself(
    path: Path, digests: list[str], statement: str
) -> None:
    with (
        closing(sqlite3.connect(path, isolation_level=None)) as connection,
        pytest.raises(sqlite3.IntegrityError),
    ):
        connection.execute(statement)
    assert found(path) == []


def test_triggers_taken_away_or_added(path: Path, digests: list[str], clock: ManualClock) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("DROP TRIGGER records_never_go")
    report = check(path)
    assert isinstance(report, VerifyReport)
    assert report.faults[0].what == "the database is not as posdeck made it"
    with pytest.raises(AuditError, match="did not make"):
        open_store(path, clock)


def test_an_edit_while_the_store_is_open(
    path: Path, clock: ManualClock, actor: Actor, place: Place, digests: list[str]
) -> None:
    """The next record would follow a forged one: it is not written."""
    with open_store(path, clock) as store:
        edit(path, "UPDATE records SET body = replace(body, 'the end', 'all well') WHERE sequence = 17")
        with pytest.raises(ChainBrokenError):
            store.check_writable()
        with pytest.raises(ChainBrokenError):
            store.append_note(Note(Topic.COMMENT, "x", actor, place))
        assert not store.verify().ok


def test_the_head_beside_the_file(path: Path, digests: list[str], clock: ManualClock) -> None:
    head = path.with_name("audit.sqlite.head")
    text = head.read_text()
    head.write_text(text.replace("sha256:", "sha256:0", 1))
    assert isinstance(check(path), AuditError)
    first, second, _ = text.split("\n")
    head.write_text(f"{first}\n{second[:-1]}{'0' if second[-1] != '0' else '1'}\n")
    report = check(path)
    assert isinstance(report, VerifyReport)
    assert [fault.what for fault in report.faults] == ["bytes outside of all records were changed"]
    head.write_text(f"{first}\n")
    report = check(path)
    assert isinstance(report, VerifyReport)
    assert report.ok
    assert "not sealed" in report.remarks[0]


def test_a_damaged_log_after_a_kill_does_not_lose_records_quietly(path: Path, clock: ManualClock) -> None:
    """SQLite drops a log frame whose checksum is wrong, and all after it, without a word."""
    code = """
import os, signal, sys
from pathlib import Path
from posdeck.audit import database
from posdeck.audit.record import Actor, Note, Place, Topic
from posdeck.audit.sqlite import open_store
from posdeck.clock import ManualClock
database.Database.fold_log = lambda self: None  # as when a reader was in the way
store = open_store(Path(sys.argv[1]), ManualClock())
for number in range(5):
    store.append_note(Note(Topic.COMMENT, str(number), Actor("a"), Place("h")))
os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", code, str(path)], check=False)
    log = path.with_name(path.name + "-wal")
    content = bytearray(log.read_bytes())
    assert len(content) > 10_000
    content[len(content) - 3000] ^= 1
    log.write_bytes(content)
    with pytest.raises(ChainBrokenError, match="record 5 was written once"):
        open_store(path, clock)


def test_a_file_cut_short(path: Path, digests: list[str]) -> None:
    content = path.read_bytes()
    for size in (0, 50, 4096, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:size])
        report = check(path)
        assert isinstance(report, AuditError) or not report.ok, size


def test_a_copy_on_read_only_media_is_verified(path: Path, digests: list[str], tmp_path: Path) -> None:
    media = tmp_path / "media"
    media.mkdir()
    for name in ("audit.sqlite", "audit.sqlite.head"):
        (media / name).write_bytes(path.with_name(name).read_bytes())
        (media / name).chmod(0o400)
    media.chmod(0o500)
    try:
        report = check(media / "audit.sqlite")
    finally:
        media.chmod(0o700)
    assert isinstance(report, VerifyReport)
    assert report.ok
    assert isinstance(open_store(path, ManualClock(), read_only=True), AuditReader)


def test_the_program_in_the_documentation_checks_a_store(path: Path, digests: list[str]) -> None:
    """An auditor needs nothing of posdeck: the form is documented, and the documentation is right."""
    document = (Path(__file__).parents[2] / "docs" / "audit.md").read_text("utf-8")
    program = document.split("```python\n")[1].split("```")[0]
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=path.parent, capture_output=True, text=True, check=True)
    with open_store(path, ManualClock(), read_only=True) as reader:
        head = reader.head()
    assert head is not None
    assert done.stdout == f"17 records, {head.hash}\n"
    edit(path, "UPDATE records SET body = replace(body, 'passed', 'failed') WHERE sequence = 4")
    assert subprocess.run(command, cwd=path.parent, capture_output=True, check=False).returncode == 1
