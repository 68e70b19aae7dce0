"""Write a size as a service of a compose file."""

from harness.model.deployment import Deployment
from harness.report.export.kubernetes import build_image
from harness.report.export.names import (
    LEAST_RESERVED_BYTES,
    count_millicores,
    to_cores,
    to_label,
    to_mebibytes,
)
from harness.report.export.tree import Explained, Node, Unknown
from harness.report.view import deployment as words


def build_compose(deployment: Deployment) -> list[Node]:
    """Return the compose file; a single replica publishes its port, several need a load balancer."""
    service = deployment.service
    container: dict[str, Node] = {"image": build_image(deployment)}
    named = {"entrypoint": service.entrypoint, "command": service.command}
    container |= {
        key: [word.replace("$", "$$") for word in value] for key, value in named.items() if value is not None
    }
    if service.settings:
        variables: Node = {name: value.replace("$", "$$") for name, value in service.settings.items()}
        container["environment"] = Explained(variables, words.explain_settings(deployment))
    if service.port and deployment.replicas > 1:
        why = "several replicas share no port of the host: publish that of your load balancer"
        container["expose"] = Explained([str(service.port)], why)
    elif service.port:
        container["ports"] = [f"{service.port}:{service.port}"]
    container["memswap_limit"] = Explained(
        f"{to_mebibytes(deployment.limits.memory_bytes)}M", "as much as the memory: measured without swap"
    )
    container["deploy"] = {
        "replicas": Explained(deployment.replicas, words.explain_replicas(deployment)),
        "resources": _build_resources(deployment),
    }
    return [{"services": {to_label(service.name): container}}]


def _build_resources(deployment: Deployment) -> Node:
    limits, cpu_cores = deployment.limits, deployment.use.cpu_cores
    cpu: Node = Unknown(words.explain_cpu_request(deployment))
    if cpu_cores is not None:
        cores = count_millicores(min(cpu_cores, limits.cpu_cores)) / 1000
        cpu = Explained(to_cores(min(cores, limits.cpu_cores)), words.explain_cpu_request(deployment))
    memory_mib = to_mebibytes(max(LEAST_RESERVED_BYTES, words.choose_memory_request(deployment)))
    return {
        "limits": {
            "cpus": Explained(to_cores(limits.cpu_cores), words.MEASURED_LIMIT),
            "memory": Explained(f"{to_mebibytes(limits.memory_bytes)}M", words.MEASURED_MEMORY_LIMIT),
        },
        "reservations": {
            "cpus": cpu,
            "memory": Explained(f"{memory_mib}M", words.explain_memory_request(deployment)),
        },
    }
