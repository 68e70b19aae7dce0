"""Write a size as Kubernetes objects: a Deployment, and a HorizontalPodAutoscaler if that makes sense."""

import math
import re
from collections.abc import Collection

from harness.model.deployment import Deployment
from harness.model.readiness import CommandProbe, HttpProbe, PortProbe, ReadinessProbe, TcpProbe
from harness.report.export.commands import choose_words, find_cleared
from harness.report.export.names import count_millicores, to_label, to_mebibytes, to_millicores
from harness.report.export.tree import Explained, Node, Unknown
from harness.report.view import deployment as words

_FIRST_FAILURE_STATUS = 400
"""A probe of Kubernetes succeeds with a status from 200 on, below this one."""

_REFERENCE_SIGN = re.compile(r"\$(?=[$(])")

_TOLERANCE = 1.1
"""Kubernetes acts when the use is 10 % above the target."""


def build_kubernetes(deployment: Deployment) -> list[Node]:
    """Return the objects; without an autoscaler if further replicas may not help, or the CPU is unknown."""
    objects: list[Node] = [_build_deployment(deployment)]
    if can_scale(deployment):
        objects.append(_build_autoscaler(deployment))
    return objects


def can_scale(deployment: Deployment) -> bool:
    """Return True if the CPU tells when a further replica is needed, and if that would help."""
    return deployment.replicas_help and deployment.use.cpu_cores is not None


def _build_deployment(deployment: Deployment) -> Node:
    label = to_label(deployment.service.name)
    labels = {"app": label}
    replicas: Node = Explained(deployment.replicas, words.explain_replicas(deployment))
    if can_scale(deployment):
        replicas = Unknown("left to the autoscaler below")
    pod: Node = {"metadata": {"labels": labels}, "spec": {"containers": [_build_container(deployment)]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": label, "labels": labels},
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": pod},
    }


def _build_container(deployment: Deployment) -> Node:
    service = deployment.service
    container: dict[str, Node] = {
        "name": to_label(service.name),
        "image": build_image(deployment),
        **build_commands(deployment),
    }
    if service.port:
        container["ports"] = [{"containerPort": service.port}]
    container |= build_settings(deployment)
    container["resources"] = _build_resources(deployment)
    container["readinessProbe"] = build_readiness(deployment)
    return container


def build_image(deployment: Deployment) -> Node:
    """Return the image's name; that of the target if the harness builds the image."""
    service = deployment.service
    if service.image is None:
        return Explained(to_label(service.name), "built by the harness: write where you push it")
    return service.image


def build_commands(deployment: Deployment) -> dict[str, Node]:
    """Return what the container runs, if the target says so: Docker's entrypoint is Kubernetes' command."""
    service = deployment.service
    if why := find_cleared(service):
        return {"command": Unknown(why)}
    named = zip(("command", "args"), choose_words(service), strict=True)
    return {key: [escape_references(word) for word in chosen] for key, chosen in named if chosen}


def build_settings(deployment: Deployment, reserved: Collection[str] = ()) -> dict[str, Node]:
    """Return the variables that the size's variant sets; nothing without any.

    Those that are `reserved` are left out, because the system sets them itself.
    """
    settings = deployment.service.settings
    if not settings:
        return {}
    env: list[Node] = [
        {"name": name, "value": escape_references(value)}
        for name, value in settings.items()
        if name not in reserved
    ]
    why = words.explain_settings(deployment, [name for name in settings if name in reserved])
    return {"env": Explained(env, why) if env else Unknown(why)}


def escape_references(word: str) -> str:
    """Return a word of a command that Kubernetes passes on as it is.

    It takes `$(NAME)` for a reference to a variable, and `$$` for one `$`.
    """
    return _REFERENCE_SIGN.sub("$$", word)


def _build_resources(deployment: Deployment) -> Node:
    limits, cpu_cores = deployment.limits, deployment.use.cpu_cores
    cpu_request: Node = Unknown(words.explain_cpu_request(deployment))
    if cpu_cores is not None:
        cores = min(cpu_cores, limits.cpu_cores)
        cpu_request = Explained(to_millicores(cores), words.explain_cpu_request(deployment))
    memory_mib = to_mebibytes(words.choose_memory_request(deployment))
    return {
        "requests": {
            "cpu": cpu_request,
            "memory": Explained(f"{memory_mib}Mi", words.explain_memory_request(deployment)),
        },
        "limits": {
            "cpu": Explained(to_millicores(limits.cpu_cores), words.MEASURED_LIMIT),
            "memory": Explained(f"{to_mebibytes(limits.memory_bytes)}Mi", words.MEASURED_MEMORY_LIMIT),
        },
    }


def build_readiness(deployment: Deployment) -> Node:
    """Return the probe by which the target was found to be ready; unknown if Kubernetes has none like it."""
    readiness = deployment.service.readiness
    if isinstance(readiness, HttpProbe) and not 200 <= readiness.status < _FIRST_FAILURE_STATUS:
        return Unknown(f"ready with status {readiness.status}, a failure to Kubernetes; write your own probe")
    probe = _build_probe(readiness, deployment.service.port)
    if probe is None:
        return Unknown(
            "the harness told readiness by what Kubernetes does not see; write a probe of your own"
        )
    return Explained(probe, words.explain_readiness(deployment))


def _build_probe(readiness: ReadinessProbe, port: int) -> Node | None:
    match readiness:
        case HttpProbe(path=path) if port:
            return {"httpGet": {"path": path, "port": port}}
        case TcpProbe() if port:
            return {"tcpSocket": {"port": port}}
        case PortProbe(port=own_port):
            return {"tcpSocket": {"port": own_port}}
        case CommandProbe(command=command):
            return {"exec": {"command": [escape_references(word) for word in command]}}
        case _:
            return None


def _compute_percent(deployment: Deployment) -> int:
    """Return the use, in per cent of the CPU request, above which Kubernetes is to start a further replica.

    The request is in whole millicores: a use of 0.4 of them is 40 % of it. Kubernetes adds its tolerance.
    """
    use = deployment.use
    used_cores = min(use.cpu_cores or 0.0, deployment.limits.cpu_cores)
    scale_at_cores = used_cores * use.scale_at_users / use.users
    percent = 100 * 1000 * scale_at_cores / count_millicores(used_cores) / _TOLERANCE
    return max(1, math.floor(round(percent, 6)))


def _build_autoscaler(deployment: Deployment) -> Node:
    label = to_label(deployment.service.name)
    target = Explained(
        _compute_percent(deployment),
        "per cent of the CPU request, which is the use at the safe load. Kubernetes acts 10 % above this: "
        f"{words.explain_scaling(deployment)}",
    )
    most = Explained(2 * deployment.replicas, words.explain_most_replicas(deployment))
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": label, "labels": {"app": label}},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": label},
            "minReplicas": Explained(deployment.replicas, words.explain_replicas(deployment)),
            "maxReplicas": most,
            "metrics": [
                {
                    "type": "Resource",
                    "resource": {
                        "name": "cpu",
                        "target": {"type": "Utilization", "averageUtilization": target},
                    },
                }
            ],
        },
    }
