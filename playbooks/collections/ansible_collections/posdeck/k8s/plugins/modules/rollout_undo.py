"""Documentation of the action plugin of the same name; nothing here is ever run."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rollout_undo
short_description: Take a deployment back to an earlier revision
version_added: "0.1.0"
description:
  - Sets the whole pod template to that of a kept replica set.
  - Without a revision, the newest that differs from the present one in more than a restart is taken.
options:
  to_revision:
    description:
      - The revision; 0 for the newest that differs.
    type: int
    default: 0
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
- name: Roll the deployment back
  posdeck.k8s.rollout_undo:
    name: "{{ deployment }}"
    namespace: "{{ kube_namespace }}"
    to_revision: 40
"""

RETURN = r"""
result:
  description: The deployment as it is afterwards (in check mode, as it would be).
  returned: success
  type: dict
"""
