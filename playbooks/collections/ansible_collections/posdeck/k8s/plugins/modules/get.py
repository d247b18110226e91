"""Documentation of the action plugin of the same name; nothing here is ever run."""

from __future__ import annotations

DOCUMENTATION = r"""
module: get
short_description: Read objects of one kind
version_added: "0.1.0"
description:
  - Like kubernetes.core.k8s_info; an object that does not exist gives an empty list.
options:
  kind:
    description:
      - The kind, such as Deployment.
    type: str
    required: true
  api_version:
    description:
      - Group and version; known for the usual kinds, otherwise C(v1).
    type: str
  name:
    description:
      - One object; otherwise all.
    type: str
  label_selectors:
    description:
      - Label selectors that must all hold.
    type: list
    elements: str
    default: []
  field_selectors:
    description:
      - Field selectors that must all hold.
    type: list
    elements: str
    default: []
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
- name: Read the deployments
  posdeck.k8s.get:
    kind: Deployment
    namespace: "{{ kube_namespace }}"
"""

RETURN = r"""
api_found:
  description: Whether the cluster serves that kind at all; RV(msg) says so when not.
  returned: success
  type: bool
resources:
  description: The objects.
  returned: success
  type: list
  elements: dict
"""
