"""Documentation of the action plugin of the same name; nothing here is ever run."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rollout_restart
short_description: Restart a deployment
version_added: "0.1.0"
description:
  - Sets the stamp on the pod template that C(kubectl rollout restart) sets.
  - A paused deployment is refused. A restart cannot be undone.
options:
  restarted_at:
    description:
      - The stamp, RFC 3339. The same stamp a second time changes nothing. The present time when not given.
    type: str
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
- name: Restart the deployment
  posdeck.k8s.rollout_restart:
    name: "{{ deployment }}"
    namespace: "{{ kube_namespace }}"
"""

RETURN = r"""
result:
  description: The deployment as it is afterwards (in check mode, as it would be).
  returned: success
  type: dict
"""
