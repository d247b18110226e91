"""Documentation of the action plugin of the same name; nothing here is ever run."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rollout_pause
short_description: Pause the rollout of a deployment
version_added: "0.1.0"
description:
  - No further pod is replaced until it is resumed.
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
- name: Pause the rollout
  posdeck.k8s.rollout_pause:
    name: "{{ deployment }}"
    namespace: "{{ kube_namespace }}"
"""

RETURN = r"""
result:
  description: The object as it is afterwards (in check mode, as it would be).
  returned: success
  type: dict
"""
