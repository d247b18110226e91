"""A refused login is looked up again in the kubeconfig: whoever logs in anew, or renews a client certificate, in
another terminal need not start posdeck again.

Only who we are is taken from there. An entry that leads to another server by now is left alone: everything on the
screen, and every plan, is of the server that we are connected to.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from posdeck.clock import Clock
from posdeck.cluster.credentials import Credential, credentials_for
from posdeck.cluster.expiry import certificate_end
from posdeck.cluster.kubeconfig import Target, reload_target
from posdeck.errors import AuthExpiredError, ConfigurationError

_PERIOD = 1.0  # seconds: so often at the most, however many watches are refused
_FIRST_LOOK = 5.0  # seconds after the start; before, nobody should wait for the certificate library


def refreshed(target: Target) -> Target:
    """``target`` with the user as the kubeconfig has it now; as it was where that cannot be read, or leads to
    another server by now. Blocks on files."""
    if target.in_cluster or not target.sources:
        return target
    try:
        found = reload_target(target)
    except ConfigurationError:
        return target  # half written, or gone: the login that we have is all there is
    return replace(target, user=found.user) if found.server == target.server else target


class RereadCredentials:
    """The credentials of a target, whose user is read anew when it is refused."""

    def __init__(self, target: Target, clock: Clock) -> None:
        self._target = target
        self._clock = clock
        self._inner = credentials_for(target, clock)
        self._lock = asyncio.Lock()
        self._read_at = float("-inf")
        self._look_at = clock.monotonic() + _FIRST_LOOK
        self.suspicion = ""  # why a connection may have been broken off: our certificate ended

    async def current(self) -> Credential:
        """The credential to use now. A certificate that ended by our own clock is looked up again, and still
        shown when there is no other: clocks err, and it is for the server to say no."""
        now = self._clock.monotonic()
        if self._target.user.certificate is not None and now >= self._look_at:
            self._look_at = now + _PERIOD
            async with self._lock:
                if await asyncio.to_thread(self._ended) is not None:
                    await self._reread()
                ended = await asyncio.to_thread(self._ended)
                self.suspicion = f"{ended.subject} {ended.cause}" if ended else ""
        return await self._inner.current()

    async def renew(self, refused: Credential) -> Credential | None:
        failure: AuthExpiredError | None = None
        try:
            if (renewed := await self._inner.renew(refused)) is not None:
                return renewed
        except AuthExpiredError as error:  # a plugin's own words, unless there is another login by now
            failure = error
        async with self._lock:
            await self._reread()
            found = await self._present(failure)
        if found is not None and found != refused:
            return found
        if (failure := failure or await asyncio.to_thread(self._ended)) is not None:
            raise failure
        return None

    async def _reread(self) -> None:
        now = self._clock.monotonic()
        if now - self._read_at < _PERIOD:
            return
        self._read_at = now
        target = await asyncio.to_thread(refreshed, self._target)
        if target.user != self._target.user:
            self._target, self._inner = target, credentials_for(target, self._clock)

    async def _present(self, failure: AuthExpiredError | None) -> Credential | None:
        """What there is by now; None where a plugin has just failed and is still the only way."""
        if failure is not None and self._target.user.exec is not None:
            return None
        return await self._inner.current()

    def _ended(self) -> AuthExpiredError | None:
        """The error that says when our client certificate ended, if it did."""
        user = self._target.user
        end = certificate_end(user.certificate) if user.certificate is not None else None
        if end is None or end > self._clock.now():
            return None
        where = ", ".join(map(str, self._target.sources))
        return AuthExpiredError(
            f"client certificate of {user.name or 'the user'}",
            f"expired at {end:%Y-%m-%d %H:%M} UTC",
            f"Renew it in {where}; posdeck reads that again by itself.",
        )
