"""What the rules say of a view. Rules and runbooks take a fifth of a second of one core to load, so a front end that
watches has them loaded beside its first rows; until then every view says that nothing can be told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from posdeck.cluster.snapshot import FeedState, Kind, Snapshot
from posdeck.operations.others import other_facts

if TYPE_CHECKING:
    from posdeck.catalogue.model import Catalogue
    from posdeck.clock import Clock
    from posdeck.operations.assessment import Assessor
    from posdeck.operations.library import RunbookLibrary
    from posdeck.operations.link import Link
    from posdeck.operations.view import ConsumerView, Problem


MANY = 1_000  # pods from which the rules would hold up keys, and look from a thread


class Judging:
    """The rules, loaded at once or ``later``. ``library`` gives the runbooks that findings are joined to; ``again`` is
    called when they have looked from a thread, so that what they found is shown."""

    def __init__(
        self,
        catalogue: Catalogue,
        clock: Clock,
        library: Callable[[], RunbookLibrary],
        *,
        later: bool,
        again: Callable[[], None],
    ) -> None:
        self._later, self._again = later, again
        self._looking: asyncio.Future[dict[str, Any]] | None = None
        self._looked_at: Snapshot | None = None
        self._last: dict[str, Any] = {"cannot_tell": ("the rules are looking for the first time",)}
        self._catalogue, self._clock, self._library = catalogue, clock, library
        self._problem = "the rules are still being loaded"
        self._assessor: Assessor | None = None if later else self._rules()
        self.tried = asyncio.Event()  # loaded, or failed to
        if not later:
            self.tried.set()

    @property
    def loaded(self) -> bool:
        """Whether there are rules to ask."""
        return self._assessor is not None

    def not_yet_told(self) -> tuple[Problem, ...]:
        """What looks wrong and has not lasted long enough to be a problem."""
        return self._assessor.not_yet_told() if self._assessor is not None else ()

    def judged(
        self, snapshot: Snapshot, consumers: Mapping[str, ConsumerView], levels: Any, link: Link
    ) -> dict[str, Any]:
        """The same as ``assessed``, for who watches: of many pods what was found a moment ago, while the rules look
        at ``snapshot`` beside the event loop; not while it is a part, of which nothing could be told."""
        if not self._later or self._assessor is None or len(snapshot.pods) < MANY:
            return self.assessed(snapshot, consumers, levels, link)
        whole = snapshot.feed(Kind.PODS).state is not FeedState.CONNECTING
        if whole and self._looking is None and snapshot is not self._looked_at:
            self._looked_at = snapshot
            loop = asyncio.get_running_loop()
            self._looking = loop.run_in_executor(None, self.assessed, snapshot, consumers, levels, link)
            self._looking.add_done_callback(self._seen)
        return dict(self._last)

    def _seen(self, looking: asyncio.Future[dict[str, Any]]) -> None:
        self._looking = None
        if looking.cancelled():
            return
        problem = looking.exception()
        self._last = (
            looking.result() if problem is None else {"cannot_tell": (f"the rules failed: {problem!r}",)}
        )
        self._again()

    def assessed(
        self, snapshot: Snapshot, consumers: Mapping[str, ConsumerView], levels: Any, link: Link
    ) -> dict[str, Any]:
        """The fields of a view: problems, risks, and what cannot be told."""
        if self._assessor is None:
            return {"cannot_tell": (self._problem,)}
        other = replace(other_facts(link.budgets, levels), expiries=link.expiries)
        if link.whole is not None:
            other, consumers = link.whole.add_to(other), {**consumers, **link.whole.publishers()}
        report = self._assessor.assess(snapshot, consumers, other)
        watched = self._assessor.not_yet_told()
        return {
            "problems": report.problems,
            "watched": watched,
            "risks": report.risks,
            "cannot_tell": report.cannot_tell,
        }

    async def load(self) -> None:
        """Load the rules off the event loop; a failure is said by every later view."""

        def load() -> Assessor:
            from posdeck.operations import recovery, stored  # noqa: F401 — loaded here, away from the event loop

            made = self._rules()
            self._library().summaries()  # reads the folder
            return made

        try:
            self._assessor = await asyncio.to_thread(load)
        except Exception as error:  # whatever it is, nothing may look healthy because of it
            self._problem = f"the rules could not be loaded: {error}"
        finally:
            self.tried.set()

    def _rules(self) -> Assessor:
        from posdeck.operations.assessment import Assessor

        return Assessor(self._catalogue, self._clock, self._library())
