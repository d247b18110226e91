"""Sessions that are stored: taken up where they belong, by one posdeck at a time, with the evidence they had."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from posdeck.errors import PosdeckError
from posdeck.operations.looking import as_text, read_back
from posdeck.operations.session_store import SessionStore
from posdeck.operations.stored import other_place, refuse_elsewhere, summaries
from posdeck.operations.view import ELSEWHERE, STORED, Evidence
from posdeck.runbooks.session import Phase, Session, Status

BEGAN = datetime(2026, 3, 1, 2, 0, tzinfo=UTC)
HERE = ("production", "uid-1", "spc--pos")
SESSION = Session(
    "aaaa1111", "restart-consumer", "digest", {"consumer": "consumer-order"}, "alice", BEGAN, BEGAN,
    environment="production", cluster="uid-1", namespace="spc--pos", phase=Phase.DECIDING, step="go",
)  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> SessionStore:
    return SessionStore(tmp_path)


async def test_open_ones_are_listed_and_what_is_over_or_damaged_is_not(
    store: SessionStore, tmp_path: Path
) -> None:
    await store.save(SESSION)
    await store.save(replace(SESSION, id="bbbb2222", updated=BEGAN.replace(hour=3)))
    await store.save(replace(SESSION, id="cccc3333", phase=Phase.ENDED, ending=Status.DONE))
    (tmp_path / "sessions" / "dddd4444.json").write_text("{")
    assert [s.id for s in store.open_sessions()] == ["bbbb2222", "aaaa1111"]
    await store.save(replace(SESSION, phase=Phase.ENDED, ending=Status.DONE))
    assert [s.id for s in store.open_sessions()] == ["bbbb2222"]


def _hold(
    state: Path, ready: multiprocessing.synchronize.Event, leave: multiprocessing.synchronize.Event
) -> None:
    SessionStore(state).claim(SESSION.id)
    ready.set()
    leave.wait(60)


@pytest.fixture
def another(tmp_path: Path) -> Iterator[multiprocessing.process.BaseProcess]:
    """Another process that carries the session on."""
    context = multiprocessing.get_context("spawn")
    ready, leave = context.Event(), context.Event()
    process = context.Process(target=_hold, args=(tmp_path, ready, leave))
    process.start()
    assert ready.wait(60)
    yield process
    process.kill()
    process.join()


async def test_what_another_posdeck_carries_on_is_left_to_it_until_it_is_gone(
    store: SessionStore, another: multiprocessing.process.BaseProcess
) -> None:
    await store.save(SESSION)
    assert [s.held for s in summaries(store, {}, HERE)] == [ELSEWHERE]
    with pytest.raises(PosdeckError, match="another posdeck"):
        store.claim(SESSION.id)
    another.kill()
    another.join()
    assert [s.held for s in summaries(store, {}, HERE)] == [STORED]
    store.claim(SESSION.id)
    store.claim(SESSION.id)  # one's own stays one's own
    store.release(SESSION.id, over=True)
    assert not list((store._folder).glob("*.claim"))


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"environment": "staging"}, "staging"),
        ({"namespace": "spc--other"}, "spc--other"),
        ({"cluster": "uid-2"}, "uid-2"),
    ],
)
def test_a_session_goes_on_only_where_it_belongs(changes: dict[str, str], word: str) -> None:
    session = replace(SESSION, **changes)  # type: ignore[arg-type]
    assert word in other_place(session, HERE)
    with pytest.raises(PosdeckError, match=word):
        refuse_elsewhere(session, HERE)
    refuse_elsewhere(SESSION, HERE)
    refuse_elsewhere(replace(SESSION, cluster=""), HERE)  # it began before the cluster was known


def test_an_interrupted_one_does_not_look_as_if_it_ran(store: SessionStore) -> None:
    store._save(replace(SESSION, phase=Phase.ACTING))
    assert [s.status for s in summaries(store, {"restart-consumer": "Restart"}, HERE)] == ["interrupted"]


def test_kept_evidence_is_read_back() -> None:
    found = (
        Evidence(
            "pods",
            "Its pods",
            columns=("NAME", "READY"),
            rows=(("a", "1/1"), ("b", "0/1")),
            notice=("one is not",),
        ),
        Evidence("pods", "Words", text="first\nsecond\tof two"),
        Evidence("pods", "Nothing"),
        Evidence("pods", "A log", text="! loud\n== begin ==\n\\n\n== end"),
        Evidence("pods", "A table", columns=("LINE", "N"), rows=(("== x", "1"), ("! y", "2"))),
    )
    assert read_back("pods", as_text(found)) == found
