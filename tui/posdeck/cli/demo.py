"""``posdeck demo``: the interface on the embedded cluster, which runs in a process of its own and ends with it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from posdeck.cli.options import Options

if TYPE_CHECKING:
    from posdeck.operations.drill_diary import Diary
    from posdeck.operations.front import Front


@click.command()
@click.option("--seed", type=int, default=1, show_default=True, help="Fixes everything that chance decides.")
@click.option("--fault", multiple=True, metavar="FAULT[=TARGET]", help="Inject a fault at the start.")
@click.option(
    "--drill",
    default="",
    metavar="DRILL",
    help="Practise: its fault comes within a minute.",
)
@click.pass_obj
def demo(options: Options, seed: int, fault: tuple[str, ...], drill: str) -> None:
    """Open the interface on the embedded cluster; nothing outside this machine is touched."""
    from posdeck.cli.interface import need_terminal
    from posdeck.operations.embedded import check_fault

    environment = options.environment or "simulated"
    diary: Diary | None = None
    need_terminal()
    for each in fault:
        check_fault(each)  # a name that does not exist is said before anything starts
    if drill:
        from posdeck.operations.drill_diary import Diary
        from posdeck.operations.drills import drill_named

        diary = Diary(drill_named(drill))
    with embedded_cluster(environment, seed, fault, drill) as kubeconfig:
        code = _run(replace(options, environment=environment, kubeconfig=kubeconfig, context=None), diary)
        if diary is not None:
            click.echo(debrief_of(kubeconfig, diary, seed))
        raise click.exceptions.Exit(code)


def debrief_of(kubeconfig: Path, diary: Diary, seed: int, seconds: float = 10.0) -> str:
    """End the embedded cluster, which knows the times of the fault, and give what there is to say of the drill."""
    from posdeck.operations.drill_diary import FaultTimes, debrief

    process = RUNNING[str(kubeconfig)]
    if process.stdin is not None and not process.stdin.closed:
        process.stdin.close()
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        return "The embedded cluster does not end, so there is no debrief."
    said = (kubeconfig.parent / "log").read_text(errors="replace")
    times = FaultTimes.read(said)
    return "\n".join(debrief(diary.drill, seed, times, diary)) if times else said.strip()[-2000:]


def _run(options: Options, diary: Diary | None) -> int:
    from posdeck.ui.launch import Start, run_ui

    def front() -> Front:
        from posdeck.operations.console import Console
        from posdeck.operations.opening import open_content

        assert options.kubeconfig is not None
        wait_for(options.kubeconfig)
        console = Console(open_content(options.request()))
        if diary is not None:
            console.subscribe(diary.take)
        return console

    from posdeck.config import load_settings

    settings = load_settings()
    return run_ui(
        front,
        Start(
            environment=options.environment or "simulated",
            production=False,
            namespace=options.namespace or "spc--pos",
            context="posdeck-embedded",
            writes="read-only" if options.read_only else "ask",
            theme=settings.theme,
            keys=settings.keys,
            announce=settings.announce,
        ),
    )


@contextmanager
def embedded_cluster(environment: str, seed: int, faults: tuple[str, ...], drill: str = "") -> Iterator[Path]:
    """Start the embedded cluster and give the path where its kubeconfig will appear; end it afterwards. It holds
    a pipe from this process, so it also ends when this process is killed."""
    with tempfile.TemporaryDirectory(prefix="posdeck-demo-") as folder:
        kubeconfig = Path(folder) / "kubeconfig"
        arguments = ["--port", "0", "--write-kubeconfig", str(kubeconfig), "--environment", environment]
        arguments += ["--seed", str(seed), "--until-stdin-ends"]
        if drill:
            arguments += ["--drill", drill]
        for fault in faults:
            arguments += ["--fault", fault]
        with (Path(folder) / "log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "posdeck", "simulator", *arguments],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,  # ctrl-c in the terminal is for the interface
            )
        try:
            RUNNING[str(kubeconfig)] = process
            yield kubeconfig
        finally:
            del RUNNING[str(kubeconfig)]
            if process.stdin is not None and not process.stdin.closed:
                process.stdin.close()
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


RUNNING: dict[str, subprocess.Popen[bytes]] = {}


def wait_for(kubeconfig: Path, seconds: float = 60.0) -> None:
    """Wait until the embedded cluster serves; raises UnreachableError with what it said when it does not."""
    import time

    from posdeck.errors import UnreachableError

    process = RUNNING.get(str(kubeconfig))
    deadline = time.monotonic() + seconds
    while not kubeconfig.exists():
        if process is not None and process.poll() is not None:
            said = (kubeconfig.parent / "log").read_text(errors="replace").strip()[-2000:]
            raise UnreachableError("embedded cluster", f"it ended with {process.returncode}: {said}")
        if time.monotonic() > deadline:
            raise UnreachableError(
                "embedded cluster", f"it does not serve after {seconds:.0f} s", "Start again."
            )
        time.sleep(0.02)
