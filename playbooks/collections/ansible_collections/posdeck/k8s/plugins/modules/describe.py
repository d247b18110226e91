"""Documentation of the action plugin of the same name; nothing here is ever run."""

from __future__ import annotations

DOCUMENTATION = r"""
module: describe
short_description: Describe one object
version_added: "0.1.0"
description:
  - Its manifest, age, conditions and events.
  - Patient and payment data are taken out, and values that look like secrets are covered.
  - An HPA also tells its metrics and what holds it; a deployment also which disruption budget and which HPA look after it.
  - An object that does not exist is no failure; RV(present) says so.
options:
  kind:
    description:
      - Of what kind it is.
    type: str
    choices: [Deployment, Pod, Service, HorizontalPodAutoscaler]
    default: Deployment
  name:
    description:
      - The full name of the object.
    type: str
  scale_target:
    description:
      - For an HPA, the deployment that it looks after, instead of its own name.
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
- name: Describe the HPA
  posdeck.k8s.describe:
    kind: HorizontalPodAutoscaler
    scale_target: "{{ deployment }}"
    namespace: "{{ kube_namespace }}"
"""

RETURN = r"""
present:
  description: Whether it exists.
  returned: success
  type: bool
manifest:
  description: The object as YAML.
  returned: when it exists
  type: str
age_seconds:
  description: How long ago it was created.
  returned: when it exists
  type: int
conditions:
  description: Its conditions, each with since when.
  returned: when it exists
  type: list
  elements: dict
events:
  description: The events about it, newest last.
  returned: when it exists
  type: list
  elements: dict
autoscaler:
  description: Bounds, replicas, metrics, C(at_maximum), C(above_target), C(pods_pending); null is not known.
  returned: for an HPA
  type: dict
workload:
  description: Replicas, and by name the disruption budgets and the HPA; null is not known.
  returned: for a deployment
  type: dict
"""
