"""Who may touch the store's file: created private from its first byte, and not opened when others could have
changed it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from posdeck.errors import AuditError

FILE_MODE = 0o600
FOLDER_MODE = 0o700
SPACE_NEEDED = 16 * 1024 * 1024  # bytes that must be free before an act: its records, its evidence, the log
_PROBE_SIZE = 256 * 1024


def prepare(path: Path) -> bool:
    """Make folder and file (0700, 0600) where they are missing and check those that exist; True when the file
    is new. Raises AuditError."""
    try:
        for folder in reversed([each for each in (path.parent, *path.parent.parents) if not each.exists()]):
            folder.mkdir(mode=FOLDER_MODE, exist_ok=True)
        _check_folder(path.parent)
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(path, flags, FILE_MODE)
    except FileExistsError:
        inspect(path)
        return path.stat().st_size == 0
    except OSError as error:
        raise AuditError(str(path), f"cannot be created ({error.strerror})", _MEND) from error
    os.fchmod(descriptor, FILE_MODE)
    os.close(descriptor)
    return True


_MEND = "Make the folder yours and writable, or choose another with XDG_STATE_HOME"


def inspect(path: Path, *, reading: bool = False) -> os.stat_result:
    """The file's status, after checking kind, owner and mode. Whoever only reads (an auditor) may read
    another's file; a file that others could have written is refused for writing. A file merely readable by
    others is closed to them."""
    try:
        status = path.lstat()
    except FileNotFoundError as error:
        raise AuditError(str(path), "does not exist", "Nothing has been recorded here yet") from error
    except OSError as error:
        raise AuditError(str(path), f"cannot be read ({error.strerror})") from error
    if not stat.S_ISREG(status.st_mode):
        raise AuditError(str(path), "is not a regular file", "Move it away; posdeck makes its own")
    if reading:
        return status
    if status.st_uid != os.geteuid():
        cause = f"belongs to uid {status.st_uid}, posdeck runs as uid {os.geteuid()}"
        raise AuditError(str(path), cause, f"Run as its owner, or: chown {os.geteuid()} {path}")
    if status.st_mode & 0o022:
        cause = f"can be written by others (mode {stat.S_IMODE(status.st_mode):04o})"
        raise AuditError(str(path), cause, f"Check it with: posdeck audit verify; then: chmod 600 {path}")
    if status.st_mode & 0o077:
        path.chmod(FILE_MODE)
    return status


def _check_folder(folder: Path) -> None:
    """Whoever may write the folder may exchange the file, unless it is sticky as /tmp is."""
    status = folder.stat()
    if status.st_mode & 0o022 and not status.st_mode & stat.S_ISVTX:
        cause = f"can be written by others (mode {stat.S_IMODE(status.st_mode):04o})"
        raise AuditError(str(folder), cause, f"chmod 700 {folder}")
    if status.st_uid not in {os.geteuid(), 0}:
        raise AuditError(str(folder), f"belongs to uid {status.st_uid}", _MEND)


def check_space(folder: Path, extra: int = 0) -> None:
    """Raise AuditError unless SPACE_NEEDED and ``extra`` bytes are free and a file can really be written and
    synced (a quota shows only then)."""
    needed = SPACE_NEEDED + extra
    try:
        room = os.statvfs(folder)
        free = room.f_bavail * room.f_frsize
        if free < needed:
            cause = (
                f"{free // 1024 // 1024} MiB free, {max(1, needed // 1024 // 1024)} MiB needed for the record"
            )
            raise AuditError(str(folder), cause, "Free some space on this file system")
        _write_probe(folder / f".probe-{os.getpid()}-{os.urandom(4).hex()}")
    except OSError as error:
        raise AuditError(str(folder), f"cannot be written ({error.strerror})", _MEND) from error


def _write_probe(probe: Path) -> None:
    descriptor = os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
    try:
        left = _PROBE_SIZE
        while left:  # what no longer fits is first cut short; only the next write fails
            left -= os.write(descriptor, bytes(left))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
        probe.unlink()


def write_private(path: Path, text: str) -> None:
    """Replace a small file in one step, private and synced. Raises OSError."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}-{os.urandom(4).hex()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
    try:
        try:
            left = text.encode()
            while left:  # on a full disk a write is first cut short; only the next one fails
                left = left[os.write(descriptor, left) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
