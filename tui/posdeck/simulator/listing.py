"""Lists in pages. The pages after the first come from the same moment as the first one."""

from __future__ import annotations

import base64
import binascii
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import orjson

from posdeck.simulator.request import Target, number
from posdeck.simulator.selectors import both
from posdeck.simulator.status import StatusError, bad_request, gone
from posdeck.simulator.store import Store

Json = dict[str, Any]

_EXPIRED = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list "
    "without the continue parameter, or use the continue token in this response to retrieve the remainder of the "
    "results. Continuing with the provided token results in an inconsistent list - objects that were created, "
    "modified, or deleted between the time the first chunk was returned and now may show up in the list."
)

_INCONSISTENT = -1  # the version in a token that goes on from wherever things are now


class Pages:
    """Lists, and the moments that unfinished lists still need. Stored objects never change, so a moment is a list
    of references."""

    KEPT = 32

    def __init__(self, store: Store) -> None:
        self._store = store
        self._moments: OrderedDict[tuple[int, str, str, str, str], list[Json]] = OrderedDict()

    def page(self, target: Target, query: Mapping[str, str]) -> tuple[list[Json], Json]:
        """(objects, the list's metadata). Raises 400, 410, 504."""
        limit, token = number(query, "limit") or 0, query.get("continue", "")
        selectors = (query.get("labelSelector", ""), query.get("fieldSelector", ""))
        if token:
            version, after = _decode(token)
            objects = self._moment(target, selectors, version, after)
        else:
            version, after = self._version(query), ""
            objects = self._now(target, selectors)
        fresh = not token or version == _INCONSISTENT
        version = self._store.version if fresh else version
        if after:
            objects = [obj for obj in objects if _sort_key(obj) > after]
        meta: Json = {"resourceVersion": str(version)}
        if not limit or len(objects) <= limit:
            return objects, meta
        if fresh:
            self._keep(target, selectors, version, objects)
        page = objects[:limit]
        meta["continue"] = _encode(version, _sort_key(page[-1]))
        if not any(selectors):
            meta["remainingItemCount"] = len(objects) - limit
        return page, meta

    def _now(self, target: Target, selectors: tuple[str, str]) -> list[Json]:
        test = both(*selectors, target.resource.key)
        found = self._store.all(target.resource.key, target.namespace)
        return found if test is None else [obj for obj in found if test(obj)]

    def _version(self, query: Mapping[str, str]) -> int:
        asked = number(query, "resourceVersion") or 0
        current = self._store.version
        if asked > current:
            raise StatusError(
                504,
                "Timeout",
                f"Too large resource version: {asked}, current: {current}",
                {
                    "causes": [
                        {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
                    ],
                    "retryAfterSeconds": 1,
                },
            )
        if query.get("resourceVersionMatch") == "Exact" and asked < current:
            raise gone(asked, current)
        return current

    def _keep(self, target: Target, selectors: tuple[str, str], version: int, objects: list[Json]) -> None:
        self._moments[(version, target.resource.key, target.namespace, *selectors)] = objects
        while len(self._moments) > self.KEPT:
            self._moments.popitem(last=False)

    def _moment(self, target: Target, selectors: tuple[str, str], version: int, after: str) -> list[Json]:
        kept = self._moments.get((version, target.resource.key, target.namespace, *selectors))
        if kept is not None and version >= self._store.compacted:
            return kept
        if version == _INCONSISTENT:
            return self._now(target, selectors)
        raise StatusError(410, "Expired", _EXPIRED, metadata={"continue": _encode(_INCONSISTENT, after)})


def _sort_key(obj: Json) -> str:
    meta = obj["metadata"]
    return f"{meta.get('namespace', '')}\x00{meta['name']}"


def _encode(version: int, after: str) -> str:
    return base64.urlsafe_b64encode(
        orjson.dumps({"v": "meta.k8s.io/v1", "rv": version, "start": after})
    ).decode()


def _decode(token: str) -> tuple[int, str]:
    try:
        content = orjson.loads(base64.urlsafe_b64decode(token))
        return int(content["rv"]), str(content["start"])
    except (binascii.Error, orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        raise bad_request("continue key is not valid") from None
