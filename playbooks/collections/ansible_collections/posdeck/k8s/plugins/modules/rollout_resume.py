"""Documentation of the action plugin of the same name; nothing here is ever run."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rollout_resume
short_description: Resume the rollout of a deployment
version_added: "0.1.0"
description:
  - Takes the pause away, so that the specification is again what it was before.
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
- name: Resume the rollout
  posdeck.k8s.rollout_resume:
    name: "{{ deployment }}"
    namespace: "{{ kube_namespace }}"
"""

RETURN = r"""
result:
  description: The object as it is afterwards (in check mode, as it would be).
  returned: success
  type: dict
"""
