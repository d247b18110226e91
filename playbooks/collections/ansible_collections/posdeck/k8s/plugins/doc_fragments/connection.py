"""Documentation that every action of the collection shares."""

from __future__ import annotations


class ModuleDocFragment:
    """Options and notes."""

    DOCUMENTATION = r"""
options:
  kubeconfig:
    description:
      - The kubeconfig file; otherwise C(K8S_AUTH_KUBECONFIG), C(KUBECONFIG) or C(~/.kube/config) is used.
    type: path
  request_timeout:
    description:
      - Seconds for connecting, and for each wait for an answer.
    type: float
    default: 15.0
  namespace:
    description:
      - The namespace; otherwise that of the context. There is no silent C(default).
    type: str
notes:
  - Runs in Ansible's own process on the control node and needs nothing but PyYAML there.
"""

    CONTEXT = r"""
options:
  context:
    description:
      - The context of the kubeconfig; otherwise the current one.
    type: str
"""

    WRITING = r"""
options:
  name:
    description:
      - The full name of the deployment.
    type: str
    required: true
notes:
  - Hosts must be named with C(--limit); a pattern is refused.
  - Passes posdeck's gate and leaves an intent and an outcome in its record.
  - A run that posdeck did not start is confirmed with C(-e confirm=HOST -e reason=TEXT), and with
    C(-e ticket=ID) where the environment asks for one.
  - The request holds only for the object that was seen, in the version that was seen.
  - In check mode the server makes a dry run; nothing is recorded and nothing changed.
"""

    CHANGING = r"""
options: {}
notes:
  - Hosts must be named with C(--limit); a pattern is refused.
  - Passes posdeck's gate and leaves an intent and an outcome in its record.
  - A run that posdeck did not start is confirmed with C(-e confirm=HOST -e reason=TEXT), and with
    C(-e ticket=ID) where the environment asks for one.
  - The request holds only for the object that was seen, in the version that was seen.
  - In check mode the server makes a dry run; nothing is recorded and nothing changed.
"""
