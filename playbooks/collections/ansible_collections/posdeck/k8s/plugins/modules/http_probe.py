"""Documentation of the action plugin of the same name; nothing here is ever run."""

from __future__ import annotations

DOCUMENTATION = r"""
module: http_probe
short_description: Ask the pods of a deployment over HTTP
version_added: "0.1.0"
description:
  - One GET to each ready pod, through a port-forward. What a pod answers, or does not, is a finding and no failure.
  - Series of a Prometheus exposition can be read twice, for their rates over all pods.
options:
  name:
    description:
      - The full name of the deployment.
    type: str
    required: true
  path:
    description:
      - What to ask for.
    type: str
    default: /
  port:
    description:
      - The port of the pods; otherwise the first that their containers name.
    type: int
  limit:
    description:
      - At most that many pods are asked.
    type: int
    default: 5
  series:
    description:
      - Names to give to series of the answer, as in V(accepted) to C(otelcol_receiver_accepted_spans).
    type: dict
    default: {}
  gauges:
    description:
      - The same for series that have no rate, such as the length of a queue.
    type: dict
    default: {}
  interval:
    description:
      - Seconds between the two readings of the series.
    type: float
    default: 5.0
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
- name: Ask the API
  posdeck.k8s.http_probe:
    name: "{{ deployment }}"
    namespace: "{{ kube_namespace }}"
    path: /
"""

RETURN = r"""
ok:
  description: Whether every pod that was asked answered below 500, and at least one was.
  returned: success
  type: bool
milliseconds:
  description: The slowest answer, with the time that the port-forward takes; null when one did not answer.
  returned: success
  type: float
probes:
  description: One entry a pod - pod, port, path, C(ok), C(status), C(milliseconds), C(error).
  returned: success
  type: list
  elements: dict
rates:
  description: The series a second, over all pods. Null where a pod did not tell, or began anew.
  returned: when series are asked for
  type: dict
values:
  description: The series as they are now, over all pods.
  returned: when series are asked for
  type: dict
gauges:
  description: The gauges as they are now, over all pods.
  returned: when series are asked for
  type: dict
"""
