"""The JSON Schema of ``runbook/v1`` for editors; a test holds the copy in the runbooks folder current."""

from __future__ import annotations

import json
from typing import Any

from posdeck.runbooks.checks import CHECKS, READINGS
from posdeck.runbooks.findings_ids import FINDINGS
from posdeck.runbooks.model import Runbook

SCHEMA_FILE = "schema.json"
MODELINE = f"# yaml-language-server: $schema={SCHEMA_FILE}"


def schema() -> dict[str, Any]:
    """The schema, with the ids that may stand for findings, checks and readings."""
    result = Runbook.model_json_schema(by_alias=True)
    result["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    result["title"] = "posdeck runbook, version 1"
    definitions = result["$defs"]
    definitions["Metadata"]["properties"]["triggers"]["items"] = _one_of(FINDINGS)
    _narrow(definitions["Verify"]["properties"]["check"], CHECKS)
    _narrow(definitions["Diagnose"]["properties"]["reading"], READINGS)
    return result


def schema_text() -> str:
    """The schema as it is kept in the runbooks folder."""
    return json.dumps(schema(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _one_of(known: Any) -> dict[str, Any]:
    return {"oneOf": [{"const": each.id, "description": each.says} for each in known]}


def _narrow(field: dict[str, Any], known: Any) -> None:
    field["anyOf"] = [_one_of(known), {"type": "null"}]
