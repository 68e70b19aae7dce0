"""Write a size as a Cloud Run service: a Knative Service, as `gcloud run services replace` takes it."""

from harness.errors import UsageError
from harness.model import Limits
from harness.model.deployment import Deployment
from harness.plan import find_smallest_size, read_preset
from harness.report.export.kubernetes import build_commands, build_image, build_settings
from harness.report.export.names import to_cores, to_label, to_mebibytes
from harness.report.export.tree import Explained, Node, Unknown
from harness.report.view import deployment as words
from harness.report.view.text import format_size

_SELLER = "Cloud Run"
_MOST_CONCURRENCY = 1000
_LONGEST_NAME = 49
"""What Cloud Run allows."""

RESERVED = ("PORT", "K_SERVICE", "K_REVISION", "K_CONFIGURATION")
"""The variables that Cloud Run sets itself: PORT to the container's port. It refuses a service with one."""


def build_cloud_run(deployment: Deployment) -> list[Node]:
    """Return the service.

    Raises:
        UsageError: Cloud Run has no size as large as this.
    """
    label = to_label(deployment.service.name, _LONGEST_NAME)
    template: Node = {
        "metadata": {"annotations": _build_annotations(deployment)},
        "spec": {
            "containerConcurrency": _build_concurrency(deployment),
            "containers": [_build_container(deployment)],
        },
    }
    return [
        {
            "apiVersion": "serving.knative.dev/v1",
            "kind": "Service",
            "metadata": {"name": label},
            "spec": {"template": template},
        }
    ]


def choose_sold_size(deployment: Deployment, preset: str, seller: str) -> Limits:
    """Return the smallest size of a preset that covers the measured one.

    Raises:
        UsageError: there is none.
    """
    sold = find_smallest_size(read_preset(preset), deployment.limits)
    if sold is None:
        raise UsageError(
            f"{seller} has no size as large as {format_size(deployment.limits)}",
            "choose a smaller size with --size, or another system with --as",
        )
    return sold


def _build_annotations(deployment: Deployment) -> Node:
    """Return the bounds of the number of instances, and that the CPU is there between requests too."""
    prefix = "autoscaling.knative.dev"
    least = Explained(str(deployment.replicas), words.explain_replicas(deployment))
    if not deployment.replicas_help:
        most: Node = Explained(str(deployment.replicas), words.explain_no_scaling(deployment))
    else:
        most = Explained(str(2 * deployment.replicas), words.explain_most_replicas(deployment))
    return {
        f"{prefix}/minScale": least,
        f"{prefix}/maxScale": most,
        "run.googleapis.com/cpu-throttling": Explained("false", words.CPU_BETWEEN_REQUESTS),
    }


def _build_concurrency(deployment: Deployment) -> Node:
    concurrency = words.choose_concurrency(deployment)
    if concurrency is None:
        return Unknown("not known: how many requests a replica serves at once was not measured")
    why = words.explain_concurrency(deployment)
    if concurrency > _MOST_CONCURRENCY:
        why += f"; {_SELLER} allows no more than {_MOST_CONCURRENCY}"
    return Explained(min(concurrency, _MOST_CONCURRENCY), why)


def _build_container(deployment: Deployment) -> Node:
    sold, service = choose_sold_size(deployment, "gcp-cloud-run", _SELLER), deployment.service
    container: dict[str, Node] = {"image": build_image(deployment), **build_commands(deployment)}
    if service.port:
        container["ports"] = [{"containerPort": service.port}]
    container |= build_settings(deployment, RESERVED)
    cpu, memory = explain_sold_amounts(deployment, sold, _SELLER)
    container["resources"] = {
        "limits": {
            "cpu": Explained(to_cores(sold.cpu_cores), cpu),
            "memory": Explained(f"{to_mebibytes(sold.memory_bytes)}Mi", memory),
        }
    }
    return container


def explain_sold_amounts(deployment: Deployment, sold: Limits, seller: str) -> tuple[str, str]:
    """Return why it is this CPU and this memory."""
    limits = deployment.limits
    is_cpu, is_memory = sold.cpu_cores == limits.cpu_cores, sold.memory_bytes == limits.memory_bytes
    return (
        words.explain_sold_size(deployment, seller, is_measured=is_cpu),
        words.explain_sold_size(deployment, seller, is_measured=is_memory),
    )
