"""Documentation of the action plugin of the same name; nothing here is ever run."""

from __future__ import annotations

DOCUMENTATION = r"""
module: patch
short_description: Change some fields of an object
version_added: "0.1.0"
description:
  - A merge patch; null takes a field away.
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
  definition:
    description:
      - The fields to change, under C(spec) or as labels and annotations under C(metadata).
    type: dict
    required: true
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
- name: Raise the maximum of the HPA
  posdeck.k8s.patch:
    kind: HorizontalPodAutoscaler
    name: "{{ hpa }}"
    namespace: "{{ kube_namespace }}"
    definition:
      spec:
        maxReplicas: 20
"""

RETURN = r"""
result:
  description: The object as it is afterwards (in check mode, as it would be).
  returned: success
  type: dict
"""
