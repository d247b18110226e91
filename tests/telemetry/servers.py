"""Real servers from Debian's packages, each on free loopback ports and in a folder of its own."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

RABBIT = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
DEADLINE = 90.0


def needed(found: str | None, package: str) -> str:
    """The path of a program; without it the test is skipped with the reason, or fails where CI=true."""
    if found:
        return found
    reason = f"the Debian package {package} is not installed"
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def until(true: Callable[[], bool], what: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait for something with a deadline; the end of the log tells why it did not come."""
    end = time.monotonic() + DEADLINE
    while not true():
        if process.poll() is not None or time.monotonic() > end:
            tail = log.read_text(errors="replace")[-3000:] if log.exists() else ""
            raise RuntimeError(f"{what} did not come up (exit {process.poll()}): {tail}")
        time.sleep(0.1)


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except urllib.error.HTTPError as error:
        return error.code in (200, 401)
    except OSError:
        return False


@contextlib.contextmanager
def running(
    command: Sequence[str], environment: Mapping[str, str], log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """A process of our own, and its end."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env={**os.environ, **environment}
        )
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(20)


@dataclass(frozen=True)
class Rabbit:
    """A running broker."""

    amqp: int
    management: int
    metrics: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.management}"


@contextlib.contextmanager
def rabbit(folder: Path) -> Iterator[Rabbit]:
    """A RabbitMQ with its management API; its name service (epmd) is our own process too."""
    needed(str(RABBIT) if RABBIT.exists() else None, "rabbitmq-server")
    epmd = needed(shutil.which("epmd"), "erlang-base")
    amqp, management, names, distribution, metrics = free_ports(5)
    (folder / "plugins").write_text("[rabbitmq_management, rabbitmq_prometheus].\n")
    (folder / "rabbit.conf").write_text(
        f"listeners.tcp.1 = 127.0.0.1:{amqp}\nmanagement.tcp.ip = 127.0.0.1\n"
        f"management.tcp.port = {management}\nloopback_users.guest = true\n"
        f"prometheus.tcp.ip = 127.0.0.1\nprometheus.tcp.port = {metrics}\n"
        "collect_statistics_interval = 1000\n"
    )
    environment = {
        "HOME": str(folder),
        "ERL_EPMD_PORT": str(names),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODENAME": f"posdeck{amqp}@localhost",
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_LOGS": "-",
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbit.conf"),
        "RABBITMQ_CONF_ENV_FILE": str(folder / "none"),
        "RABBITMQ_DIST_PORT": str(distribution),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 -kernel inet_dist_use_interface {127,0,0,1}",
    }
    log = folder / "rabbit.log"
    with (
        running([epmd, "-port", str(names), "-address", "127.0.0.1"], environment, folder / "epmd.log"),
        running([str(RABBIT)], environment, log) as process,
    ):
        until(lambda: answers(f"http://127.0.0.1:{management}/api/overview"), "RabbitMQ", process, log)
        until(lambda: all(_listens(port) for port in (amqp, metrics)), "RabbitMQ's listeners", process, log)
        yield Rabbit(amqp, management, metrics)


@contextlib.contextmanager
def prometheus(
    folder: Path, target: int, *, web: str = "", scrape: str = "1s", path: str = "/metrics"
) -> Iterator[int]:
    """A Prometheus that scrapes a loopback port; the port of its own. ``web`` is its web configuration."""
    program = needed(shutil.which("prometheus"), "prometheus")
    (port,) = free_ports(1)
    (folder / "prometheus.yml").write_text(
        f"global: {{scrape_interval: {scrape}, scrape_timeout: {scrape}}}\n"
        f"scrape_configs: [{{job_name: broker, metrics_path: {path}, static_configs: [{{targets: ['127.0.0.1:{target}']}}]}}]\n"
    )
    command = [
        program,
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    scheme_up: Callable[[], bool]
    if web:
        (folder / "web.yml").write_text(web)
        command.append(f"--web.config.file={folder / 'web.yml'}")
        scheme_up = lambda: _listens(port)  # noqa: E731 — one of two ways to look, chosen here
    else:
        scheme_up = lambda: answers(f"http://127.0.0.1:{port}/-/ready")  # noqa: E731 — as above
    log = folder / "prometheus.log"
    with running(command, {}, log) as process:
        until(scheme_up, "Prometheus", process, log)
        yield port


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
