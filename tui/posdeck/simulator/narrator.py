"""What a program writes when it starts, is ready, stops or crashes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from posdeck.simulator.controllers.behaviour import workload_of
from posdeck.simulator.logs import LogBook
from posdeck.simulator.seed import Role, Seed

Json = dict[str, Any]
Say = Callable[[Json, str, str], None]  # pod, level, text
LastWords = Callable[[Json], str]  # what a pod's program says before it ends; "" is nothing particular


class Lifecycle(Protocol):
    """Whoever is told what becomes of a pod's containers."""

    def started(self, pod: Json, serial: int) -> None:
        """The containers were started for the ``serial``-th time."""
        ...

    def ready(self, pod: Json) -> None:
        """The readiness probe answers."""
        ...

    def stopping(self, pod: Json) -> None:
        """SIGTERM was sent."""
        ...

    def crashed(self, pod: Json, reason: str) -> None:
        """The program ended by itself."""
        ...

    def ended(self, uid: str) -> None:
        """The pod is no more."""
        ...


class Narrator:
    """Writes the turning points of a pod's life into its log."""

    def __init__(self, seed: Seed, book: LogBook, say: Say, last_words: LastWords) -> None:
        self._seed = seed
        self._book = book
        self._say = say
        self._last_words = last_words

    def started(self, pod: Json, serial: int) -> None:
        if serial > 1:
            self._book.rotate(pod["metadata"]["uid"])
        image = pod["spec"]["containers"][0]["image"].rpartition("/")[2]
        self._say(pod, "info", f"starting {image} pid=1")
        self._say(pod, "info", "configuration loaded source=environment secrets=6")

    def ready(self, pod: Json) -> None:
        workload = workload_of(self._seed, pod)
        if workload is not None and workload.queue is not None:
            self._say(
                pod, "info", f"amqp: connected host=queue.internal:5671 vhost={workload.queue.vhost} tls=true"
            )
            self._say(
                pod, "info", f"amqp: consuming queue={workload.queue.name} prefetch={workload.queue.prefetch}"
            )
        elif workload is not None and workload.role is Role.API:
            self._say(pod, "info", "database pool ready size=20")
            self._say(pod, "info", "listening addr=0.0.0.0:8080")
        else:
            self._say(pod, "info", "ready")

    def stopping(self, pod: Json) -> None:
        self._say(pod, "info", "SIGTERM received, finishing what is in hand")

    def crashed(self, pod: Json, reason: str) -> None:
        if reason != "OOMKilled":  # the kernel leaves a program no time for last words
            usual = "fatal: cannot read configuration: required key POS_DATABASE_URL is not set"
            self._say(pod, "error", self._last_words(pod) or usual)
            self._say(pod, "error", "exit status 1")

    def ended(self, uid: str) -> None:
        self._book.close(uid)
