"""Faults of consumers, their queues and the batch publisher."""

from __future__ import annotations

from datetime import datetime

from posdeck.simulator.faults_model import Effect, Json, Kind
from posdeck.simulator.seed import DeploymentSeed

SPEAKS_EVERY = 5  # seconds between two lines of a program that complains


class Stalled(Effect):
    """The pods that there are stop processing; pods made later are sound. Ends when the first have gone."""

    def begin(self) -> None:
        self.afflicted = set(self.chosen())
        for uid, pod in self.scene.pods(self.fault.target).items():
            if uid in self.afflicted:
                for level, text in self.lines():
                    self.scene.say(pod, level, text)

    def chosen(self) -> list[str]:
        """The uids of the pods it strikes."""
        return list(self.scene.pods(self.fault.target))

    def lines(self) -> list[tuple[str, str]]:
        """The lines that each log ends in."""
        return []

    def hit(self, pod: Json) -> bool:
        """Whether a pod is one of those."""
        return pod["metadata"]["uid"] in self.afflicted

    def cured(self) -> bool:
        return not self.afflicted & set(self.scene.pods(self.fault.target))

    def silent(self, pod: Json) -> bool:
        return self.hit(pod)


class ChannelClosed(Stalled):
    """The broker closed the channel and the program never opened it again: no consumer, yet Running and ready."""

    def lines(self) -> list[tuple[str, str]]:
        workload = self.scene.seed.deployment(self.fault.target)
        queue = workload.queue.name if workload and workload.queue else "?"
        return [
            (
                "error",
                f'amqp: channel closed queue={queue} code=406 reason="PRECONDITION_FAILED - delivery '
                'acknowledgement on channel 1 timed out"',
            ),
            (
                "warn",
                f"consumer cancelled queue={queue} tag=ctag-1.{self.scene.rng.getrandbits(32):08x}, "
                "waiting for the channel",
            ),
        ]

    def consuming(self, pod: Json) -> bool:
        return not self.hit(pod)


class Hung(Stalled):
    """The program hangs with messages in its hands: a consumer is there, nothing is acknowledged."""

    def lines(self) -> list[tuple[str, str]]:
        trace = f"{self.scene.rng.getrandbits(128):032x}"
        return [
            ("warn", f"lock wait for resource=rate_card_cache held_by=self elapsed_ms=30000 trace_id={trace}")
        ]

    def service_factor(self, pod: Json) -> float:
        return 0.0 if self.hit(pod) else 1.0


class OneHung(Hung):
    """One pod of several hangs; its siblings go on."""

    def chosen(self) -> list[str]:
        return sorted(self.scene.pods(self.fault.target))[:1]


class Surge(Effect):
    """More arrives than usual: ``factor`` times as much (default 6). Ends only when it is cleared."""

    def arrival_factor(self, workload: DeploymentSeed) -> float:
        hit = not self.fault.target or workload.name == self.fault.target
        return float(self.fault.parameters.get("factor", 6.0)) if hit else 1.0


class HeavyFiles(Effect):
    """Each upload takes ``slowness`` times as long (default 5). More replicas carry it; a restart does not."""

    def service_factor(self, pod: Json) -> float:
        hit = pod["metadata"]["uid"] in self.scene.pods(self.fault.target)
        return 1 / float(self.fault.parameters.get("slowness", 5.0)) if hit else 1.0

    def tick(self, now: datetime) -> None:
        if now.second % 20:
            return
        for pod in self.scene.pods(self.fault.target).values():
            rows = self.scene.rng.randint(40_000, 90_000)
            self.scene.say(pod, "warn", f"large file rows={rows} duration_ms={rows * 4}")


class Waiting(Effect):
    """A partner system does not answer: the program waits with messages in its hands, however often it is started.
    Ends only when the partner answers again."""

    def service_factor(self, pod: Json) -> float:
        return 0.0 if pod["metadata"]["uid"] in self.scene.pods(self.fault.target) else 1.0

    def tick(self, now: datetime) -> None:
        if now.second % SPEAKS_EVERY:
            return
        for pod in self.scene.pods(self.fault.target).values():
            attempt = self.scene.rng.randint(1, 5)
            self.scene.say(
                pod,
                "error",
                f"upstream partner.internal:443 connection timed out after 30s, attempt {attempt}",
            )

    def silent(self, pod: Json) -> bool:
        return pod["metadata"]["uid"] in self.scene.pods(self.fault.target)


class Rejecting(Effect):
    """An uploaded file does not pass validation: most of what is handled ends in an error. Restarting reads the same
    file again; it ends when the file is taken away."""

    def failing_share(self, workload: DeploymentSeed) -> float:
        hit = workload.name == self.fault.target
        return float(self.fault.parameters.get("share", 0.9)) if hit else 0.0


class Poison(Effect):
    """Messages that the program cannot handle go back to the queue and come again, and crowd out the others.
    Restarting hands them to the new pod; it ends when they are taken out of the queue."""

    def returned_share(self, workload: DeploymentSeed) -> float:
        hit = workload.name == self.fault.target
        return float(self.fault.parameters.get("share", 0.5)) if hit else 0.0

    def failing_share(self, workload: DeploymentSeed) -> float:
        return 0.3 if workload.name == self.fault.target else 0.0


class PublisherSilent(Stalled):
    """The batch publisher runs, is ready and publishes nothing, until its pod is replaced."""

    def lines(self) -> list[tuple[str, str]]:
        return [("warn", "scheduler: lease lost, waiting to become leader")]

    def publishing(self, workload: DeploymentSeed) -> bool:
        return workload.name != self.fault.target


KINDS: tuple[Kind, ...] = (
    Kind(
        "consumer-channel-closed",
        "a consumer stops processing although its pod is running and ready",
        ChannelClosed,
        needs_queue=True,
    ),
    Kind("consumer-hung", "a consumer holds its messages and acknowledges none", Hung, needs_queue=True),
    Kind("one-pod-hung", "one pod of several hangs while the others work", OneHung, needs_queue=True),
    Kind("arrival-surge", "far more work arrives than usual", Surge),
    Kind("heavy-files", "each upload takes several times as long", HeavyFiles, needs_queue=True),
    Kind("partner-silent", "a partner system does not answer one consumer", Waiting, needs_queue=True),
    Kind("messages-rejected", "most messages end in an error", Rejecting, needs_queue=True),
    Kind("poison-messages", "messages go back to the queue and come again", Poison, needs_queue=True),
    Kind("publisher-silent", "the batch publisher publishes nothing", PublisherSilent, needs_target=True),
)
