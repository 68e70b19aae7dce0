"""Choose what a size is written for, and write it."""

from enum import StrEnum

from harness.model.deployment import Deployment
from harness.report.export.cloud_run import RESERVED, build_cloud_run
from harness.report.export.compose import build_compose
from harness.report.export.ecs import build_ecs
from harness.report.export.kubernetes import build_kubernetes
from harness.report.export.terraform import render_terraform
from harness.report.export.yaml_text import to_yaml
from harness.report.view.deployment import write_heading


class System(StrEnum):
    """A system that runs containers; the values are those of `harness export --as`."""

    KUBERNETES = "kubernetes"
    COMPOSE = "compose"
    ECS = "ecs"
    CLOUD_RUN = "cloud-run"
    TERRAFORM = "terraform"


SYSTEM_NAMES = {
    System.KUBERNETES: "Kubernetes",
    System.COMPOSE: "Docker Compose",
    System.ECS: "Amazon ECS on Fargate (CloudFormation)",
    System.CLOUD_RUN: "Google Cloud Run",
    System.TERRAFORM: "Terraform (Kubernetes)",
}
"""What people call each system."""

_BUILDERS = {
    System.KUBERNETES: build_kubernetes,
    System.COMPOSE: build_compose,
    System.ECS: build_ecs,
    System.CLOUD_RUN: build_cloud_run,
}


def render_export(deployment: Deployment, system: System, campaign: str) -> str:
    """Return the file that runs a size on a system: YAML, and for Terraform its own language.

    Raises:
        UsageError: the system has no size as large as this.
    """
    reserved = RESERVED if system is System.CLOUD_RUN else ()
    heading = write_heading(deployment, campaign, reserved)
    if system is System.TERRAFORM:
        return render_terraform(deployment, heading)
    return to_yaml(_BUILDERS[system](deployment), heading)
