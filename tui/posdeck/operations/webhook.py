"""Posts what is new to an address of the configuration. It never holds anything up, and its address, which may be a
secret, is never shown."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlsplit

from posdeck.errors import PosdeckError
from posdeck.operations.news import as_json, sentence
from posdeck.operations.view import News

TIMEOUT = 5.0  # seconds


class WebhookError(PosdeckError):
    """What is new could not be posted."""


def document(news: News, *, environment: str, namespace: str) -> dict[str, Any]:
    """What is posted. ``text`` is what chat programs show."""
    return {
        "text": f"posdeck {environment} {namespace}: {sentence(news)}",
        "environment": environment,
        "namespace": namespace,
        "at": news.at.isoformat(),
        "problems": [as_json(p) for p in news.problems],
    }


async def post(address: str, body: dict[str, Any]) -> None:
    """Post once. Raises WebhookError, which names the host alone."""
    await asyncio.to_thread(_post, address, json.dumps(body).encode())


def _post(address: str, body: bytes) -> None:
    host = urlsplit(address).hostname or "?"
    request = urllib.request.Request(  # noqa: S310 — the configuration takes https and this machine only
        address, data=body, headers={"Content-Type": "application/json", "User-Agent": "posdeck"}
    )
    opener = urllib.request.build_opener(_NoRedirect)
    try:
        with opener.open(request, timeout=TIMEOUT) as answer:
            answer.read(1024)
    except urllib.error.HTTPError as error:
        error.close()
        raise WebhookError(
            f"webhook at {host}", f"it answered {error.code}", "See announce.webhook."
        ) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise WebhookError(f"webhook at {host}", f"not reached: {reason}", "See announce.webhook.") from None


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """What is posted goes to the address that was configured and to no other."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None
