"""Comparing our rows with the server's Table of the same moment, cell by cell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tests.cluster.api import Api

from posdeck.kubetext.tables import Cell, columns, row


@dataclass(frozen=True)
class ServerRow:
    """One row of a Table with the object it was printed from, and when it was asked for and had arrived."""

    kind: str
    obj: Mapping[str, Any]
    cells: list[Cell]
    before: datetime
    after: datetime

    def differences(self) -> list[str]:
        """The cells in which we differ from the server.

        An age is right when it is the one of the moment before the request or of the moment after it.
        """
        early, late = row(self.kind, self.obj, self.before), row(self.kind, self.obj, self.after)
        names = [column.name for column in columns(self.kind)]
        if not len(self.cells) == len(early) == len(names):
            return [f"{len(self.cells)} cells of the server, {len(early)} of ours, {len(names)} columns"]
        return [
            f"{name}: server {theirs!r}, ours {a!r}"
            for name, theirs, a, b in zip(names, self.cells, early, late, strict=True)
            if theirs not in (a, b) or type(theirs) is not type(a)
        ]


def server_rows(api: Api, kind: str, path: str) -> list[ServerRow]:
    """The server's rows of ``path``."""
    before = datetime.now(UTC)
    table = api.table(path)
    after = datetime.now(UTC)
    return [ServerRow(kind, r["object"], r["cells"], before, after) for r in table["rows"]]


def server_columns(api: Api, path: str) -> list[tuple[str, str, str, int]]:
    """Name, type, format and priority of the server's columns."""
    definitions = api.table(path)["columnDefinitions"]
    return [(d["name"], d["type"], d["format"], d["priority"]) for d in definitions]
