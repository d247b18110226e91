"""``make fuzz``: coverage-guided fuzzing with atheris, for SECONDS each (default 120): log, redaction, kubeconfig,
audit, runbook. What makes a target fail is written into .cache/fuzz; keep it in ``test_fuzz_bytes.FOUND``."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".cache" / "fuzz"
NAMES = ("log", "redaction", "kubeconfig", "audit", "runbook")


def seeds(name: str) -> list[bytes]:
    """What it begins with."""
    from tests.faults import fuzz_targets

    if name == "runbook":
        return [path.read_bytes() for path in sorted(ROOT.glob("runbooks/*.yml"))[:8]]
    if name == "kubeconfig":
        return [
            b"apiVersion: v1\nkind: Config\ncurrent-context: x\nclusters: [{name: x, cluster: {server: 'https://h'}}]\n"
            b"users: [{name: x, user: {token: t, exec: {command: c}}}]\ncontexts: [{name: x, context: {cluster: x, user: x}}]\n"
        ]
    if name == "audit":
        return [b"\x01\x10\x80" * 4]
    corpus = (ROOT / "tests" / "redaction" / "corpus.txt").read_bytes()
    stamp = fuzz_targets.STAMP
    return [stamp + line + b"\n" for line in corpus.splitlines()[::20]]


def target(name: str) -> Callable[[bytes], None]:
    """The target as a function of bytes alone."""
    from tests.faults import fuzz_targets

    if name == "log":
        return lambda data: fuzz_targets.log(data[1:], 1 + (data[0] if data else 0))
    if name == "audit":
        return lambda data: fuzz_targets.audit(fuzz_targets.mutated(data))
    found: Callable[[bytes], None] = getattr(fuzz_targets, name)
    return found


def run(name: str, seconds: str) -> None:
    """Fuzz one target in this process; does not return."""
    import atheris  # type: ignore[import-not-found,import-untyped,unused-ignore]

    with atheris.instrument_imports(include=["posdeck"]):
        import tests.faults.fuzz_targets  # noqa: F401
    corpus = FOLDER / name
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds(name)):
        (corpus / f"seed-{number}").write_bytes(seed)
    options = [
        f"-max_total_time={seconds}",
        "-timeout=20",
        "-max_len=4096",
        f"-artifact_prefix={FOLDER}/{name}-",
    ]
    atheris.Setup([sys.argv[0], *options, str(corpus)], target(name))
    atheris.Fuzz()


def main() -> int:
    """One target after the other, each in a process of its own; 1 when one of them failed."""
    if len(sys.argv) == 3:
        run(sys.argv[1], sys.argv[2])
        return 0
    seconds = os.environ.get("SECONDS_EACH", "120")
    failed = []
    for name in NAMES:
        sys.stdout.write(f"== {name}, {seconds} s\n")
        sys.stdout.flush()
        done = subprocess.run([sys.executable, "-m", "tests.faults.fuzz", name, seconds], cwd=ROOT)
        failed += [name] if done.returncode else []
    sys.stdout.write(f"failed: {', '.join(failed)}\n" if failed else "none failed\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
