"""Numbers of the namespace as a whole that rules need beside queues: the API's response time and share of errors,
what the trace collector refuses and cannot hand on, and what a publisher without a queue of its own publishes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from posdeck.catalogue.model import Catalogue
from posdeck.errors import PosdeckError
from posdeck.findings.consumer_facts import OtherFacts
from posdeck.operations.others import API_LEVEL
from posdeck.operations.view import ConsumerView
from posdeck.telemetry.prometheus import Prometheus
from posdeck.telemetry.reading import NOT_YET, Absence, Reading, missing

WINDOW = "120s"
# the names that the OpenTelemetry collector gives its own metrics
REFUSED = f"sum(rate(otelcol_receiver_refused_spans[{WINDOW}]))"
EXPORT_FAILED = f"sum(rate(otelcol_exporter_send_failed_spans[{WINDOW}]))"
PUBLISHED = "acknowledged_total"  # the measure whose query says what a publisher has published


@dataclass(slots=True)
class NamespaceNumbers:
    """Asks one Prometheus; the readings say why where there is no number."""

    source: Prometheus
    catalogue: Catalogue
    latency: Reading = NOT_YET
    error_ratio: Reading = NOT_YET
    refused: Reading = NOT_YET
    export_failed: Reading = NOT_YET
    published: Mapping[str, Reading] = field(default_factory=lambda: MappingProxyType({}))

    async def poll(self) -> None:
        """Ask once. Never raises for a source that fails."""
        level = self.catalogue.service_levels.get(API_LEVEL)
        if level is not None and level.query:
            self.latency = await self._one(level.query, level.unit)
        if level is not None and level.bad_ratio:
            self.error_ratio = await self._one(level.bad_ratio.replace("$window", WINDOW), "ratio")
        self.refused = await self._one(REFUSED, "/s")
        self.export_failed = await self._one(EXPORT_FAILED, "/s")
        queries = self._publishers()
        self.published = {name: await self._one(query, "/s") for name, query in queries.items()}

    def add_to(self, other: OtherFacts) -> OtherFacts:
        """The facts with these numbers in them."""
        level = self.catalogue.service_levels.get(API_LEVEL)
        return replace(
            other,
            api_latency=self.latency,
            api_latency_objective=level.objective if level else None,
            api_error_ratio=self.error_ratio,
            collector_refused=self.refused,
            collector_export_failed=self.export_failed,
        )

    def publishers(self) -> dict[str, ConsumerView]:
        """What is known of each publisher, in the form in which consumers are told of."""
        return {name: ConsumerView(name, rate_out=reading) for name, reading in self.published.items()}

    def _publishers(self) -> dict[str, str]:
        """The workloads without a queue of their own whose published messages the inventory says how to count."""
        found = {}
        for workload in self.catalogue.workloads.values():
            query = workload.queries.get(PUBLISHED, "")
            if query and not workload.queue and "$queue" not in query:
                query = query.replace("$deployment", workload.deployment).replace("$name", workload.name)
                found[workload.name] = f"sum(rate({query}[{WINDOW}]))"
        return found

    async def _one(self, expression: str, unit: str) -> Reading:
        def lacking(absence: Absence, reason: str) -> Reading:
            return missing(absence, reason, source=self.source.name, query=expression, unit=unit)

        try:
            samples = await self.source.query(expression)
        except PosdeckError as error:
            return lacking(Absence.UNREACHABLE, str(error))
        if not samples:
            return lacking(Absence.NO_SERIES, f"{self.source.name} has no series for {expression}")
        if samples[0].value is None:
            return lacking(
                Absence.INVALID, "the value is no number (nothing happened, or a division by zero)"
            )
        return Reading(samples[0].value, unit, samples[0].at, self.source.name, expression)
