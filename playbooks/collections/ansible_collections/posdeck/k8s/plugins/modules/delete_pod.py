"""Documentation of the action plugin of the same name; nothing here is ever run."""

from __future__ import annotations

DOCUMENTATION = r"""
module: delete_pod
short_description: Delete one pod of several
version_added: "0.1.0"
description:
  - Refused for a pod of another deployment, and where no other pod of the deployment is ready.
  - Waits until it is gone.
options:
  name:
    description:
      - The full name of the pod.
    type: str
    required: true
  deployment:
    description:
      - The full name of the deployment that it belongs to.
    type: str
    required: true
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
- name: Delete the hung pod
  posdeck.k8s.delete_pod:
    name: "{{ pod_name }}"
    deployment: "{{ deployment }}"
    namespace: "{{ kube_namespace }}"
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
