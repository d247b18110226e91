"""What the store promises while all goes well, when two write, and when a process is lost in between."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from posdeck.audit import custody, database
from posdeck.audit.origin import this_process
from posdeck.audit.record import (
    Actor,
    Intent,
    Note,
    Outcome,
    Place,
    RecordKind,
    Refusal,
    Result,
    Topic,
    Verification,
)
from posdeck.audit.sqlite import AuditStore, open_store
from posdeck.clock import ManualClock
from posdeck.errors import AuditError, ChainBrokenError
from posdeck.redaction.redactor import Redactor

MakeIntent = Callable[..., Intent]


class TestRecords:
    async def test_an_intent_and_its_outcome_are_read_back_as_they_were(
        self, store: AuditStore, make_intent: MakeIntent, clock: ManualClock
    ) -> None:
        intent = make_intent()
        record = store.append_intent(intent)
        assert record.id == intent.id
        assert record.at == clock.now()
        assert store.intent(intent.id) == intent
        assert store.outcome_of(intent.id) is None
        assert [each.id for each in store.open_intents()] == [intent.id]
        await clock.advance(12.5)
        outcome = Outcome(
            intent.id, Result.SUCCEEDED, Verification.PASSED, 8, "def34", "4712", "ready", 12_500
        )
        store.append_outcome(outcome)
        assert store.outcome_of(intent.id) == outcome
        assert store.open_intents() == []
        assert store.record(intent.id) == record
        assert store.verify().ok

    def test_an_intent_has_one_outcome(self, store: AuditStore, make_intent: MakeIntent) -> None:
        store.append_intent(make_intent())
        store.append_outcome(Outcome("intent-1", Result.CANCELLED))
        with pytest.raises(AuditError, match="already has an outcome"):
            store.append_outcome(Outcome("intent-1", Result.SUCCEEDED))
        assert store.outcome_of("intent-1") == Outcome("intent-1", Result.CANCELLED)

    def test_an_outcome_needs_an_intent_and_an_intent_a_new_id(
        self, store: AuditStore, make_intent: MakeIntent
    ) -> None:
        with pytest.raises(AuditError, match="no such intent"):
            store.append_outcome(Outcome("intent-1", Result.SUCCEEDED))
        store.append_intent(make_intent())
        with pytest.raises(AuditError, match="already recorded"):
            store.append_intent(make_intent())
        assert store.verify().records == 1

    def test_refusals_and_notes(self, store: AuditStore, actor: Actor, place: Place) -> None:
        store.append_refusal(
            Refusal("read-only", "it is read-only", "start without --read-only", "scale", actor, place)
        )
        store.append_note(Note(Topic.ENVIRONMENT_BOUND, "production bound", actor, place, "production"))
        kinds = [(each.sequence, each.kind) for each in store.records()]
        assert kinds == [(1, "refusal"), (2, "note")]
        assert [each.subject for each in store.records("note", subject="production")] == ["production"]

    async def test_records_are_chosen_by_kind_time_and_place(
        self, store: AuditStore, actor: Actor, place: Place, clock: ManualClock
    ) -> None:
        start = clock.now()
        for number in range(5):
            store.append_note(Note(Topic.COMMENT, f"note {number}", actor, place))
            await clock.advance(60)
        since, until = start + timedelta(minutes=1), start + timedelta(minutes=3)
        assert [each.sequence for each in store.records(since=since, until=until)] == [2, 3]
        assert [each.sequence for each in store.records(limit=2, newest_first=True)] == [5, 4]
        assert [each.sequence for each in store.records(after=3)] == [4, 5]
        assert store.records(RecordKind.INTENT) == []

    def test_a_record_is_found_by_the_beginning_of_its_id(
        self, store: AuditStore, make_intent: MakeIntent
    ) -> None:
        store.append_intent(make_intent("7f3c-1"))
        store.append_intent(make_intent("7f3c%2"))
        assert [each.id for each in store.find("7f3c")] == ["7f3c-1", "7f3c%2"]
        assert [each.id for each in store.find("7f3c%")] == ["7f3c%2"]
        assert store.find("_") == []

    def test_a_clock_that_goes_back_is_remarked_and_no_fault(
        self, path: Path, clock: ManualClock, actor: Actor, place: Place
    ) -> None:
        with open_store(path, clock) as store:
            store.append_note(Note(Topic.COMMENT, "1", actor, place))
        earlier = ManualClock(clock.now() - timedelta(seconds=30))
        with open_store(path, earlier) as store:
            store.append_note(Note(Topic.COMMENT, "2", actor, place))
            report = store.verify()
        assert report.ok
        assert report.remarks == ("record 2: the clock had gone back by 30.0 s",)


class TestLostActs:
    def test_an_act_in_progress_is_running_and_a_lost_one_is_unknown(
        self, store: AuditStore, make_intent: MakeIntent
    ) -> None:
        store.append_intent(make_intent("alive"))
        store.append_intent(make_intent("lost", process=replace(this_process(), start_time="1")))
        results = {entry.record.id: entry.result for entry in store.entries()}
        assert results == {"alive": "running", "lost": "unknown"}

    def test_after_a_kill_the_intent_is_there_open_and_unknown(
        self, path: Path, clock: ManualClock, tmp_path: Path
    ) -> None:
        """Killed between intent and outcome: the intent is on the disk, and nothing calls it a success."""
        code = """
import os, signal, sys
from pathlib import Path
from posdeck.audit.origin import os_actor, os_place, this_process
from posdeck.audit.record import ActClass, Intent, Target
from posdeck.audit.sqlite import open_store
from posdeck.clock import ManualClock
store = open_store(Path(sys.argv[1]), ManualClock())
store.append_intent(Intent("i", "restart", ActClass.MITIGATE, os_actor(), os_place(),
                           Target("Deployment", "x"), this_process()))
os.kill(os.getpid(), signal.SIGKILL)
"""
        done = subprocess.run([sys.executable, "-c", code, str(path)], check=False)
        assert done.returncode == -signal.SIGKILL
        with open_store(path, clock) as store:
            assert [each.id for each in store.open_intents()] == ["i"]
            assert store.outcome_of("i") is None
            assert [entry.result for entry in store.entries()] == ["unknown"]
            store.append_outcome(Outcome("i", Result.UNKNOWN, settled=True, process=this_process()))
            entry = store.entries()[0]
            assert (entry.result, entry.verification) == ("unknown", "cannot-tell")
            assert entry.as_json()["outcome"]["settled"] is True
            assert store.verify().ok


class TestEntries:
    def test_an_intent_and_its_outcome_are_one_line(
        self, store: AuditStore, make_intent: MakeIntent, actor: Actor, place: Place
    ) -> None:
        store.append_intent(make_intent())
        store.append_refusal(Refusal("rbac", "may not patch", "ask", "scale", actor, place))
        store.append_outcome(Outcome("intent-1", Result.SUCCEEDED, Verification.PASSED))
        digest = store.save_evidence("intent-1", "log", "text")
        store.erase_evidence(digest, "asked for", actor, place)
        lines = [(e.what, e.result, e.verification, e.actor.user) for e in store.entries(newest_first=False)]
        assert lines == [
            ("rollout-restart", "succeeded", "passed", "an"),
            ("scale", "refused", "", "an"),
            ("erasure", "erasure", "", "an"),
        ]
        assert store.entries(limit=1)[0].record.kind == "erasure"


class TestRedaction:
    def test_bodies_are_redacted_and_identities_are_not(
        self, store: AuditStore, make_intent: MakeIntent, path: Path
    ) -> None:
        intent = make_intent(
            reason="patient_name=Nguyen Van An called from 0912345678",
            preview_diff="- DB_PASSWORD: hunter2\n+ DB_PASSWORD: hunter3",
            parameters={"patientName": "Tran Thi Binh", "consumer": "consumer-order"},
            kubectl="kubectl --token=abcd1234efgh rollout restart deployment/x",
        )
        store.append_intent(intent)
        kept = store.intent("intent-1")
        assert kept is not None
        assert kept.reason == "patient_name=[name] called from [phone]"
        assert kept.preview_diff == "- DB_PASSWORD: [password]\n+ DB_PASSWORD: [password]"
        assert kept.parameters == {"patientName": "[name]", "consumer": "consumer-order"}
        assert kept.kubectl == "kubectl --token=[token] rollout restart deployment/x"
        assert kept.actor == intent.actor  # its Kubernetes user is an e-mail address
        assert kept.target == intent.target
        content = path.read_bytes()
        assert not any(each in content for each in (b"Nguyen", b"hunter2", b"abcd1234efgh", b"Tran"))

    def test_evidence_is_redacted_before_it_is_stored(self, store: AuditStore) -> None:
        digest = store.save_evidence(
            "i", "consumer-order.log", "email=a@example.com card 4111 1111 1111 1111\n"
        )
        assert store.read_evidence(digest) == "email=[email] card [card]\n"

    def test_the_teams_patterns_apply(
        self, path: Path, clock: ManualClock, actor: Actor, place: Place
    ) -> None:
        with open_store(path, clock, Redactor([r"EMP-\d+"])) as store:
            store.append_note(
                Note(Topic.COMMENT, "asked by EMP-12", actor, place, details={"by": ["EMP-13"]})
            )
            body = store.records()[0].content
        assert body["text"] == "asked by [redacted]"
        assert body["details"] == {"by": ["[redacted]"]}

    def test_bytes_that_were_no_text_do_not_hold_up_the_record(
        self, store: AuditStore, make_intent: MakeIntent, actor: Actor
    ) -> None:
        store.append_intent(make_intent(reason="\udcff strange", actor=replace(actor, user="\udcfe")))
        assert store.save_evidence("intent-1", "log", "\udcff\x00\x1b[31m")
        assert store.verify().ok


class TestEvidence:
    def test_it_belongs_to_its_owner_in_order(self, store: AuditStore) -> None:
        first = store.save_evidence("i", "a.log", "eins")
        second = store.save_evidence("i", "events", "zwei", "application/json")
        store.save_evidence("other", "c", "drei")
        assert [(e.name, e.digest, e.size) for e in store.evidence("i")] == [
            ("a.log", first, 4),
            ("events", second, 4),
        ]
        assert store.evidence("i")[1].media_type == "application/json"

    def test_the_chain_holds_the_digest_and_not_the_text(self, store: AuditStore) -> None:
        digest = store.save_evidence("i", "a.log", "the very text")
        assert digest in store.records()[0].body
        assert "very text" not in store.records()[0].body

    def test_equal_texts_have_different_digests(self, store: AuditStore) -> None:
        """So that a short text that was erased cannot be guessed from its digest."""
        assert store.save_evidence("i", "a", "yes") != store.save_evidence("i", "a", "yes")

    def test_erasing_removes_the_text_from_the_disk_and_the_chain_still_verifies(
        self, store: AuditStore, path: Path, actor: Actor, place: Place
    ) -> None:
        text = os.urandom(9000).hex()
        digest = store.save_evidence("i", "a.log", text)
        with sqlite3.connect(path) as other:
            packed = other.execute("SELECT body FROM evidence").fetchone()[0]
        other.close()
        pieces = [packed[at : at + 64] for at in range(0, len(packed) - 64, 64)]
        assert pieces
        assert any(piece in path.read_bytes() for piece in pieces)
        store.erase_evidence(digest, "the patient asked for it", actor, place)
        assert store.read_evidence(digest) is None
        left = b"".join(each.read_bytes() for each in path.parent.iterdir())
        assert not [piece for piece in pieces if piece in left]
        report = store.verify()
        assert report.ok, report.faults
        assert (report.evidence_kept, report.evidence_erased) == (0, 1)
        piece = store.evidence("i")[0]
        assert piece.erased_because == "the patient asked for it"
        assert piece.erased_at is not None

    def test_it_is_not_erased_without_a_reason_nor_twice(
        self, store: AuditStore, actor: Actor, place: Place
    ) -> None:
        digest = store.save_evidence("i", "a.log", "text")
        with pytest.raises(AuditError, match="without a reason"):
            store.erase_evidence(digest, " ", actor, place)
        assert store.read_evidence(digest) == "text"
        store.erase_evidence(digest, "why", actor, place)
        with pytest.raises(AuditError, match="is not here"):
            store.erase_evidence(digest, "why", actor, place)

    def test_large_evidence(self, store: AuditStore) -> None:
        text = "2026-01-05T02:11:09Z order done\n" * 200_000
        digest = store.save_evidence("i", "big.log", text)
        assert store.read_evidence(digest) == text
        assert store.verify().ok


class TestManyWriters:
    def test_two_processes_and_their_threads_never_fork_the_chain(
        self, path: Path, clock: ManualClock
    ) -> None:
        code = """
import sys, threading
from pathlib import Path
from posdeck.audit.record import Actor, Note, Place, Topic
from posdeck.audit.sqlite import open_store
from posdeck.clock import ManualClock
store = open_store(Path(sys.argv[1]), ManualClock())
sys.stdin.readline()
def write(name):
    for number in range(10):
        store.append_note(Note(Topic.COMMENT, f"{name} {number}", Actor("a"), Place("h")))
threads = [threading.Thread(target=write, args=(f"{sys.argv[2]}{n}",)) for n in range(2)]
[t.start() for t in threads]; [t.join() for t in threads]
store.close()
"""
        children = [
            subprocess.Popen([sys.executable, "-c", code, str(path), name], stdin=subprocess.PIPE, text=True)
            for name in "ab"
        ]
        for child in children:
            assert child.stdin is not None
            child.stdin.write("\n")
            child.stdin.flush()
        for child in children:
            child.communicate(timeout=60)
            assert child.returncode == 0
        with open_store(path, clock) as store:
            report = store.verify()
            texts = {each.content["text"] for each in store.records()}
        assert report.ok, report.faults
        assert report.records == 40
        assert len(texts) == 40

    def test_threads_share_a_store(self, store: AuditStore, actor: Actor, place: Place) -> None:
        def write(number: int) -> None:
            store.append_note(Note(Topic.COMMENT, str(number), actor, place))

        threads = [threading.Thread(target=write, args=(number,)) for number in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert store.verify().records == 12

    def test_a_reader_sees_what_a_writer_adds(
        self, store: AuditStore, path: Path, clock: ManualClock, actor: Actor, place: Place
    ) -> None:
        with open_store(path, clock, read_only=True) as reader:
            assert reader.records() == []
            store.append_note(Note(Topic.COMMENT, "new", actor, place))
            assert len(reader.records()) == 1

    def test_a_store_held_by_another_is_an_error_that_says_so(
        self, path: Path, clock: ManualClock, actor: Actor, place: Place, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(database, "BUSY_SECONDS", 0.05)
        with open_store(path, clock) as store:
            other = sqlite3.connect(path, isolation_level=None)
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(AuditError, match="held by another process"):
                store.append_note(Note(Topic.COMMENT, "x", actor, place))
            with pytest.raises(AuditError, match="held by another process"):
                store.check_writable()
            other.execute("ROLLBACK")
            other.close()
            store.append_note(Note(Topic.COMMENT, "x", actor, place))
            assert store.verify().records == 1

    def test_a_fork_does_not_use_its_parents_store(self, path: Path) -> None:
        """In a process of its own: a test run has threads, which do not go well with a fork."""
        code = """
import os, sys
from pathlib import Path
from posdeck.audit.record import Actor, Note, Place, Topic
from posdeck.audit.sqlite import open_store
from posdeck.clock import ManualClock
from posdeck.errors import AuditError
store = open_store(Path(sys.argv[1]), ManualClock())
child = os.fork()
if child == 0:
    try:
        store.append_note(Note(Topic.COMMENT, "x", Actor("a"), Place("h")))
    except AuditError as error:
        os._exit(7 if "fork" in str(error) else 8)
    os._exit(9)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), len(store.records()))
"""
        done = subprocess.run(
            [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
        )
        assert done.stdout.split() == ["7", "0"]


class TestCustody:
    def test_folder_and_files_are_private_whatever_the_umask(
        self, path: Path, clock: ManualClock, actor: Actor, place: Place
    ) -> None:
        before = os.umask(0)
        try:
            with open_store(path, clock) as store:
                store.append_note(Note(Topic.COMMENT, "x", actor, place))
                modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()}
        finally:
            os.umask(before)
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert {"audit.sqlite", "audit.sqlite.head"} <= set(modes)
        assert set(modes.values()) == {0o600}

    def test_each_record_is_synced_to_the_disk(self, store: AuditStore) -> None:
        with store._database.read() as connection:
            assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
            assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)

    @pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
    def test_a_file_that_others_may_write_is_refused(
        self, path: Path, clock: ManualClock, store: AuditStore, mode: int
    ) -> None:
        path.chmod(mode)
        with pytest.raises(AuditError, match="written by others"):
            open_store(path, clock)
        with pytest.raises(AuditError, match="written by others"):
            store.check_writable()

    def test_a_file_that_others_may_read_is_closed_to_them(self, path: Path, clock: ManualClock) -> None:
        open_store(path, clock).close()
        path.chmod(0o644)
        open_store(path, clock).close()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    def test_a_folder_that_others_may_write_is_refused(self, path: Path, clock: ManualClock) -> None:
        path.parent.mkdir()
        path.parent.chmod(0o777)
        with pytest.raises(AuditError, match="written by others"):
            open_store(path, clock)

    def test_anothers_file_is_refused(
        self, path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        open_store(path, clock).close()
        monkeypatch.setattr(os, "geteuid", lambda: 4242)
        with pytest.raises(AuditError, match="belongs to uid"):
            custody.inspect(path)

    def test_a_link_in_the_place_of_the_file_is_refused(self, path: Path, clock: ManualClock) -> None:
        path.parent.mkdir(mode=0o700)
        path.symlink_to(path.parent / "elsewhere.db")
        with pytest.raises(AuditError, match="not a regular file"):
            open_store(path, clock)
        assert not (path.parent / "elsewhere.db").exists()

    def test_too_little_space_is_found_before_an_act(
        self, store: AuditStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store.check_writable()
        monkeypatch.setattr(custody, "SPACE_NEEDED", 1 << 60)
        with pytest.raises(AuditError, match="MiB free"):
            store.check_writable()

    def test_the_probe_leaves_nothing_behind(self, store: AuditStore, path: Path) -> None:
        before = sorted(each.name for each in path.parent.iterdir())
        store.check_writable()
        assert sorted(each.name for each in path.parent.iterdir()) == before
        assert store.records() == []

    def test_a_file_exchanged_while_open_is_noticed(
        self, store: AuditStore, path: Path, clock: ManualClock, actor: Actor, place: Place
    ) -> None:
        note = Note(Topic.COMMENT, "x", actor, place)
        store.append_note(note)
        path.rename(path.with_name("taken.db"))
        for attempt in (store.check_writable, store.records, lambda: store.append_note(note)):
            with pytest.raises(AuditError, match="replaced while in use"):
                attempt()
        with pytest.raises(AuditError, match="head says that there was a record"):
            open_store(path, clock)

    def test_reading_asks_for_an_existing_store_and_cannot_write(
        self, path: Path, clock: ManualClock, actor: Actor, place: Place
    ) -> None:
        with pytest.raises(AuditError, match="does not exist"):
            open_store(path, clock, read_only=True)
        assert not path.exists()
        open_store(path, clock).close()
        with (
            open_store(path, clock, read_only=True) as reader,
            pytest.raises(AuditError, match="reading only"),
        ):
            reader.append_note(Note(Topic.COMMENT, "x", actor, place))

    def test_a_foreign_database_is_refused(self, path: Path, clock: ManualClock) -> None:
        path.parent.mkdir(mode=0o700)
        other = sqlite3.connect(path)
        other.execute("CREATE TABLE notes (x)")
        other.close()
        path.chmod(0o600)
        with pytest.raises(AuditError, match="not an audit store"):
            open_store(path, clock)

    def test_a_file_that_is_no_database_is_refused(self, path: Path, clock: ManualClock) -> None:
        path.parent.mkdir(mode=0o700)
        path.write_text("text " * 1000)
        path.chmod(0o600)
        with pytest.raises(AuditError, match="damaged"):
            open_store(path, clock)

    def test_an_old_copy_put_back_is_refused_for_writing(
        self, path: Path, clock: ManualClock, actor: Actor, place: Place
    ) -> None:
        note = Note(Topic.COMMENT, "x", actor, place)
        with open_store(path, clock) as store:
            store.append_note(note)
        copy = path.read_bytes()
        with open_store(path, clock) as store:
            store.append_note(note)
        path.write_bytes(copy)
        with pytest.raises(ChainBrokenError, match="record 2 was written once"):
            open_store(path, clock)
        with open_store(path, clock, read_only=True) as reader:
            assert [each.what for each in reader.verify().faults] == ["records are missing at the end"]

    def test_a_head_that_cannot_be_written_stops_the_next_act_and_not_this_record(
        self, store: AuditStore, path: Path, actor: Actor, place: Place, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: object) -> None:
            raise OSError(30, "Read-only file system")

        monkeypatch.setattr(custody, "write_private", fail)
        store.append_note(Note(Topic.COMMENT, "x", actor, place))
        assert "Read-only" in store.head_problem
        with pytest.raises(AuditError, match="Read-only"):
            store.check_writable()
        monkeypatch.undo()
        store.check_writable()
        assert store.verify().ok
