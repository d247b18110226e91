"""Documentation of the action plugin of the same name; nothing here is ever run."""

from __future__ import annotations

DOCUMENTATION = r"""
module: apply
short_description: Create an object or bring it to a definition
version_added: "0.1.0"
description:
  - Server-side apply under the name C(posdeck), never with force.
  - A field that somebody else owns is a conflict, which names them.
options:
  definition:
    description:
      - The object, with C(kind) and C(metadata.name).
    type: dict
    required: true
  create_only:
    description:
      - Refuse when it exists already.
    type: bool
    default: false
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
- name: Create the disruption budget
  posdeck.k8s.apply:
    namespace: "{{ kube_namespace }}"
    create_only: true
    definition:
      kind: PodDisruptionBudget
      metadata:
        name: "{{ deployment }}"
      spec:
        maxUnavailable: 1
        selector:
          matchLabels: "{{ labels }}"
"""

RETURN = r"""
result:
  description: The object as it is afterwards (in check mode, as it would be).
  returned: success
  type: dict
"""
