"""Documentation of the action plugin of the same name; nothing here is ever run."""

from __future__ import annotations

DOCUMENTATION = r"""
module: scale
short_description: Set the number of replicas of a deployment
version_added: "0.1.0"
description:
  - Works on the scale subresource, like kubernetes.core.k8s_scale.
options:
  replicas:
    description:
      - How many replicas there shall be.
    type: int
    required: true
  current_replicas:
    description:
      - Refuse when there are not that many now.
    type: int
extends_documentation_fragment:
  - posdeck.k8s.connection
  - posdeck.k8s.connection.writing
author:
  - posdeck contributors (@posdeck)
attributes:
  check_mode:
    support: full
    description: A dry run on the server.
"""

EXAMPLES = r"""
- name: Scale the deployment
  posdeck.k8s.scale:
    name: "{{ deployment }}"
    namespace: "{{ kube_namespace }}"
    replicas: 2
"""

RETURN = r"""
result:
  description: The deployment as it is afterwards (in check mode, as it would be).
  returned: success
  type: dict
"""
