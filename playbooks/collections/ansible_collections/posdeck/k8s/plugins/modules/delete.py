"""Documentation of the action plugin of the same name; nothing here is ever run."""

from __future__ import annotations

DOCUMENTATION = r"""
module: delete
short_description: Delete an object
version_added: "0.1.0"
description:
  - Its manifest is in the result, in the record, and where asked for in a file.
  - Waits until it is gone. One that does not exist is no failure.
options:
  kind:
    description:
      - Of what kind it is.
    type: str
    required: true
    choices: [Deployment, HorizontalPodAutoscaler, PodDisruptionBudget, ScaledObject, Service]
  name:
    description:
      - The full name of the object.
    type: str
    required: true
  current_replicas:
    description:
      - Refuse when it has not that many replicas now.
    type: int
  save_to:
    description:
      - A file to save the manifest in first, as the variable C(manifest). It must not exist yet.
    type: path
  wait_timeout:
    description:
      - Seconds to wait until it is gone.
    type: float
    default: 120.0
  wait_sleep:
    description:
      - Seconds between two looks.
    type: float
    default: 0.5
extends_documentation_fragment:
  - posdeck.k8s.connection
  - posdeck.k8s.connection.changing
author:
  - posdeck contributors (@posdeck)
attributes:
  check_mode:
    support: full
    description: A dry run on the server.
"""

EXAMPLES = r"""
- name: Delete the sleeping worker
  posdeck.k8s.delete:
    kind: Deployment
    name: "{{ deployment }}"
    namespace: "{{ kube_namespace }}"
    current_replicas: 0
"""

RETURN = r"""
result:
  description: Null, for the object is gone (in check mode, would be).
  returned: success
  type: dict
before:
  description: The object as it was.
  returned: when there is something to delete
  type: dict
"""
