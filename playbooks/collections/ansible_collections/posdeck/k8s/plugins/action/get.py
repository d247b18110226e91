"""Read objects of one kind."""

from __future__ import annotations

from typing import Any

from ansible_collections.posdeck.k8s.plugins.plugin_utils.action import CONTEXT_ARGUMENT, KubernetesAction
from ansible_collections.posdeck.k8s.plugins.plugin_utils.errors import KubeError, NotServedError
from ansible_collections.posdeck.k8s.plugins.plugin_utils.objects import collection_path


class ActionModule(KubernetesAction):
    """posdeck.k8s.get"""

    ARGUMENTS = {  # noqa: RUF012 - Ansible's own form
        **CONTEXT_ARGUMENT,
        "kind": {"type": "str", "required": True},
        "api_version": {"type": "str"},
        "name": {"type": "str"},
        "namespace": {"type": "str"},
        "label_selectors": {"type": "list", "elements": "str", "default": []},
        "field_selectors": {"type": "list", "elements": "str", "default": []},
    }

    def act(self, args: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """One object by name, or a list; what does not exist is an empty list, as in k8s_info; ``api_found``
        says whether the cluster serves that kind at all."""
        client = self.connect(args)
        try:
            path = collection_path(client, args["kind"], args.get("api_version"), self.namespace(args))
        except NotServedError as error:
            return {"changed": False, "api_found": False, "resources": [], "msg": str(error)}
        if not args.get("name"):
            query = {
                "labelSelector": ",".join(args["label_selectors"]) or None,
                "fieldSelector": ",".join(args["field_selectors"]) or None,
            }
            return {"changed": False, "api_found": True, "resources": client.items(path, query)}
        try:
            found = [client.get(f"{path}/{args['name']}")]
        except KubeError as error:
            if error.status != 404:
                raise
            found = []
        return {"changed": False, "api_found": True, "resources": found}
