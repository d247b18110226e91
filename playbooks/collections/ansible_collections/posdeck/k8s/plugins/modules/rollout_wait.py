"""Documentation of the action plugin of the same name; nothing here is ever run."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rollout_wait
short_description: Wait until the rollout of a deployment is complete
version_added: "0.1.0"
description:
  - By the rules of C(kubectl rollout status). Fails when the progress deadline is exceeded or the time is up.
  - In check mode, and with a time of 0, it looks once and does not fail.
options:
  name:
    description:
      - The full name of the object.
    type: str
    required: true

  wait_timeout:
    description:
      - Seconds to wait.
    type: float
    default: 300.0
  wait_sleep:
    description:
      - Seconds between two looks.
    type: float
    default: 0.5
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
- name: Wait for the rollout
  posdeck.k8s.rollout_wait:
    name: "{{ deployment }}"
    namespace: "{{ kube_namespace }}"
    wait_timeout: 120
"""

RETURN = r"""
rollout:
  description: Counts, revision, C(done), C(failed) and a message.
  returned: always
  type: dict
result:
  description: The deployment.
  returned: always
  type: dict
duration:
  description: Seconds waited.
  returned: always
  type: float
"""
