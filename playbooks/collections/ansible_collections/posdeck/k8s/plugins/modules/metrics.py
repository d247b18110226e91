"""Documentation of the action plugin of the same name; nothing here is ever run."""

from __future__ import annotations

DOCUMENTATION = r"""
module: metrics
short_description: Read what pods or nodes use
version_added: "0.1.0"
description:
  - From the metrics API, beside what the containers request and may use. No reading is null, never 0.
options:
  kind:
    description:
      - Of what.
    type: str
    choices: [Pod, Deployment, Node]
    default: Pod
  name:
    description:
      - One object; otherwise all. Required for a deployment.
    type: str
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
- name: Read what the pods use
  posdeck.k8s.metrics:
    kind: Deployment
    name: "{{ deployment }}"
    namespace: "{{ kube_namespace }}"
"""

RETURN = r"""
available:
  description: Whether the metrics API answered, null when it may not be read; RV(msg) says why not.
  returned: success
  type: bool
resources:
  description: CPU in millicores and memory in bytes, in all and by container.
  returned: success
  type: list
  elements: dict
"""
