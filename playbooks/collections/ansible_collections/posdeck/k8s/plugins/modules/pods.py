"""Documentation of the action plugin of the same name; nothing here is ever run."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pods
short_description: Read the pods of a deployment
version_added: "0.1.0"
description:
  - Those that the replica sets of the deployment control, newest first.
options:
  name:
    description:
      - The full name of the object.
    type: str
    required: true
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
- name: Read the pods
  posdeck.k8s.pods:
    name: "{{ deployment }}"
    namespace: "{{ kube_namespace }}"
"""

RETURN = r"""
pods:
  description: One row a pod - phase, node, readiness, restarts, and what each container does.
  returned: success
  type: list
  elements: dict
"""
