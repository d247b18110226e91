"""Posts what is new to an address of the configuration. It never holds anything up, and its address, which may be a
secret, is never shown."""

from __future__ import annotations

import asyncio
import base64
import http.client
import json
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

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
    parts = urlsplit(address)
    host = parts.hostname or "?"
    headers = {"Content-Type": "application/json", "User-Agent": "posdeck"}
    if parts.username is not None:  # urllib would take it for a part of the host, and quote it in its errors
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode('ascii')}"
        address = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    request = urllib.request.Request(address, data=body, headers=headers)  # noqa: S310 — https, or this machine
    opener = urllib.request.build_opener(_NoRedirect)
    try:
        with opener.open(request, timeout=TIMEOUT) as answer:
            answer.read(1024)
    except urllib.error.HTTPError as error:
        error.close()
        raise WebhookError(
            f"webhook at {host}", f"it answered {error.code}", "See announce.webhook."
        ) from None
    except (OSError, ValueError, http.client.HTTPException) as error:
        # only of an operating system's error are the words known not to quote the address
        reason = getattr(error, "reason", error)
        said = reason if isinstance(reason, OSError) else type(error).__name__
        raise WebhookError(f"webhook at {host}", f"not reached: {said}", "See announce.webhook.") from None


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """What is posted goes to the address that was configured and to no other."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None
