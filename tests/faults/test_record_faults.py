"""The record cannot be written for a while: every write is refused with the reason, and passes once it can be."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.acceptance.places import Desk, confirmed, with_content
from tests.faults.conftest import Watch, plan

from posdeck.audit import custody
from posdeck.errors import AuditError, RefusedError
from posdeck.operations import acting
from posdeck.operations.console import Console

Record = Callable[[str, object], None]
Break = Callable[[Path, pytest.MonkeyPatch], "contextmanager[None]"]


@contextmanager
def locked(store: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Another process writes to it and does not come to an end."""
    monkeypatch.setattr("posdeck.audit.database.BUSY_SECONDS", 0.2)
    held = sqlite3.connect(store, isolation_level=None)
    held.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        held.execute("ROLLBACK")
        held.close()


@contextmanager
def full(store: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The disk has a megabyte left."""
    real = os.statvfs

    def little(folder: object) -> os.statvfs_result:
        found = list(real(folder))  # type: ignore[call-overload]
        found[4] = (1 << 20) // found[1]
        return os.statvfs_result(found)

    with monkeypatch.context() as patch:
        patch.setattr(custody.os, "statvfs", little)
        yield


@contextmanager
def corrupt(store: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Its pages are overwritten, and put back from a copy."""
    whole = store.read_bytes()
    with store.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (len(whole) - 4096))
    try:
        yield
    finally:
        with store.open("r+b") as file:
            file.write(whole)
            file.truncate(len(whole))


@contextmanager
def replaced(store: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Another file lies in its place, until the first is back."""
    aside = store.with_suffix(".aside")
    store.rename(aside)
    shutil.copy(aside, store)
    store.chmod(0o600)
    try:
        yield
    finally:
        aside.replace(store)


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (locked, "held by another process"),
        (full, "MiB free"),
        (corrupt, "damaged"),
        (replaced, "replaced while in use"),
    ],
    ids=lambda x: getattr(x, "__name__", None),
)
async def test_while_it_cannot_be_written_nothing_is_and_afterwards_all_is_well(
    watch: Watch,
    broken: Callable[[Path, pytest.MonkeyPatch], contextmanager[None]],  # type: ignore[valid-type]
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Record,
) -> None:
    await watch.write()
    before, store = watch.generation(), watch.console.opening.audit_file
    with broken(store, monkeypatch):
        with pytest.raises(
            (RefusedError, AuditError)
        ) as refused:  # the latter where not even that can be written
            await watch.write()
        assert "record" in getattr(refused.value, "rule", "record")
        assert words in refused.value.cause
        assert refused.value.remedy
        assert watch.console.view.snapshot.pods, "looking goes on"
    began = time.monotonic()
    await watch.may_write_again()
    record_property("recovered_after", time.monotonic() - began)
    assert watch.generation() == before
    watch.refusals()  # the chain is whole, and every intent settled


async def test_two_posdecks_share_one_record_and_one_of_them_acts(
    watch: Watch, tmp_path: Path, record_property: Record
) -> None:
    """While the first is in the middle of its act, the second is told by whom the target is held."""
    from posdeck.audit.record import Result

    assert watch.console.workshop is not None
    other = Console(watch.console.opening, clock=watch.console.clock)
    await other.start()
    try:
        await other.settled.wait()
        second = Watch(other, watch.api, watch.cluster, await plan(other))
        held = await acting.authorise_all(
            watch.console.workshop, [watch.planned], typed=second.planned.write.short, reason="a test"
        )
        with pytest.raises(RefusedError) as refused:
            await second.write()
        assert "lock" in refused.value.rule
        await acting.settle_all(watch.console.workshop, held, Result.NOTHING_CHANGED, message="a test")
        began = time.monotonic()
        await second.may_write_again()
        record_property("recovered_after", time.monotonic() - began)
    finally:
        await other.stop()
    assert watch.refusals()[0] == refused.value.rule


UNPRIVILEGED = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search", "--inh-caps", "-all")


@pytest.mark.long
@pytest.mark.ansible
@pytest.mark.skipif(sys.platform != "linux", reason="root is held to a file's mode with setpriv, of Linux")
def test_a_read_only_store_refuses_until_it_can_be_written(
    embedded_desk: Desk, restarting: Path, record_property: Record
) -> None:
    """Also for root, who is not asked for modes otherwise."""
    desk = with_content(embedded_desk, restarting)

    def now() -> subprocess.CompletedProcess[str]:
        options = ["--param", "consumer=consumer-customer", *confirmed("consumer-customer"), "-o", "json"]
        command = desk.command("runbook", "run", "restart-now", *options)
        held = UNPRIVILEGED if os.geteuid() == 0 else ()
        return subprocess.run(
            [*held, *command],
            env=desk.variables(),
            cwd=desk.home,
            capture_output=True,
            text=True,
            timeout=120,
        )

    assert desk.run("status").returncode in {0, 1, 2}
    desk.store.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    assert desk.run("audit", "verify").returncode in {0, 5}
    before = desk.place.generations()
    desk.store.parent.chmod(0o500)
    try:
        refused = now()
        said = refused.stdout + refused.stderr
        assert refused.returncode in {3, 5}, said
        assert "Traceback" not in said
        assert str(desk.store.parent) in said
        assert desk.place.generations() == before
        assert desk.run("snapshot", "pods").returncode == 0, "looking goes on"
    finally:
        desk.store.parent.chmod(0o700)
    began = time.monotonic()
    done = now()
    record_property("took_after", time.monotonic() - began)
    assert done.returncode == 0, done.stdout + done.stderr
    assert desk.run("audit", "verify").returncode == 0


@pytest.fixture
def small_disk(embedded_desk: Desk) -> Iterator[Path]:
    """The state folder on a file system of its own, of 32 MiB."""
    if sys.platform != "linux" or os.geteuid() != 0:
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail("only root of a Linux can mount a small file system")
        pytest.skip("only root of a Linux can mount a small file system")
    folder = embedded_desk.home / "state"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32m,mode=700", "posdeck", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.long
@pytest.mark.ansible
def test_a_file_system_without_a_free_byte_refuses_until_there_is_room(
    embedded_desk: Desk, restarting: Path, small_disk: Path, record_property: Record
) -> None:
    desk = with_content(embedded_desk, restarting)
    options = ["--param", "consumer=consumer-customer", *confirmed("consumer-customer"), "-o", "json"]

    def now() -> subprocess.CompletedProcess[str]:
        return desk.run("runbook", "run", "restart-now", *options)

    first = now()
    assert first.returncode == 0, first.stdout + first.stderr
    before, kept = desk.place.generations(), len(desk.records())
    filler = small_disk / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(4096)):
            pass
    assert os.statvfs(small_disk).f_bavail == 0
    refused = now()
    said = refused.stdout + refused.stderr
    assert refused.returncode in {3, 5}, said
    assert "Traceback" not in said
    assert str(small_disk) in said
    assert desk.place.generations() == before
    assert desk.run("snapshot", "pods").returncode == 0, "looking goes on"
    assert "consumer-order" in desk.run("status").stdout, "so does what is wrong"
    filler.unlink()
    began = time.monotonic()
    done = now()
    record_property("took_after", time.monotonic() - began)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(desk.records()) > kept
    assert desk.run("audit", "verify").returncode == 0
