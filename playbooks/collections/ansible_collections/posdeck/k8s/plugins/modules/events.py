"""Documentation of the action plugin of the same name; nothing here is ever run."""

from __future__ import annotations

DOCUMENTATION = r"""
module: events
short_description: Read the events about an object
version_added: "0.1.0"
description:
  - For a deployment also those about its replica sets and pods; without a name, all of the namespace.
options:
  kind:
    description:
      - Of what.
    type: str
    choices: [Deployment, Pod, HorizontalPodAutoscaler]
  name:
    description:
      - Its full name.
    type: str
  limit:
    description:
      - At most that many, the newest.
    type: int
    default: 200
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
- name: Read the events
  posdeck.k8s.events:
    kind: Deployment
    name: "{{ deployment }}"
    namespace: "{{ kube_namespace }}"
"""

RETURN = r"""
events:
  description: Type, reason, message, object, count, first and last time, source; newest last.
  returned: success
  type: list
  elements: dict
total:
  description: How many there are, RV(events) being cut to the limit.
  returned: success
  type: int
"""
