"""Documentation of the action plugin of the same name; nothing here is ever run."""

from __future__ import annotations

DOCUMENTATION = r"""
module: logs
short_description: Read the logs of a pod or of all pods of a deployment
version_added: "0.1.0"
description:
  - Patient and payment data are taken out before anything is returned.
  - A container without a log says so in its entry.
options:
  kind:
    description:
      - Of what.
    type: str
    choices: [Pod, Deployment]
    default: Pod
  name:
    description:
      - The full name of the object.
    type: str
    required: true
  container:
    description:
      - One container; otherwise all but init containers.
    type: str
  previous:
    description:
      - The log before the last restart.
    type: bool
    default: false
  tail_lines:
    description:
      - Only that many lines from the end.
    type: int
  since_seconds:
    description:
      - Only lines that are not older.
    type: int
  search:
    description:
      - Words; lines with one of them are listed in RV(matches), in any case.
    type: list
    elements: str
    default: []
  search_without:
    description:
      - Lines with one of these words are not listed, whatever else they hold.
    type: list
    elements: str
    default: []
  limit_bytes:
    description:
      - At most that much of one log; RV(logs) says when something was cut off.
    type: int
    default: 4194304
extends_documentation_fragment:
  - posdeck.k8s.connection
  - posdeck.k8s.connection.context
author:
  - posdeck contributors (@posdeck)
attributes:
  check_mode:
    support: full
    description: Only reads.
"""

EXAMPLES = r"""
- name: Read the logs
  posdeck.k8s.logs:
    kind: Deployment
    name: "{{ deployment }}"
    namespace: "{{ kube_namespace }}"
    tail_lines: 100
    search: [error]
"""

RETURN = r"""
logs:
  description: One entry a container - pod, container, C(log_lines), C(truncated), C(error).
  returned: success
  type: list
  elements: dict
matches:
  description: The lines with a word that was searched for.
  returned: success
  type: list
  elements: dict
log_lines:
  description: The lines, where there is one container only.
  returned: for one container
  type: list
  elements: str
log:
  description: The same as one text.
  returned: for one container
  type: str
"""
