"""Write a size as an Amazon ECS service on Fargate: a CloudFormation template."""

import math

from harness.model import Limits
from harness.model.deployment import Deployment, Service
from harness.report.export.cloud_run import choose_sold_size, explain_sold_amounts
from harness.report.export.commands import choose_words, find_cleared
from harness.report.export.kubernetes import build_image, can_scale
from harness.report.export.names import LEAST_RESERVED_BYTES, to_label, to_mebibytes
from harness.report.export.tree import Explained, Node, Unknown
from harness.report.view import deployment as words

_SELLER = "Fargate"
_UNITS_PER_CPU = 1024
_ALARM_S = 180.0
"""The alarm of a target tracking policy goes off when three readings, one a minute, lie above the target."""

_WHOLE_FROM_PERCENT, _MOST_PERCENT = 10, 99
_PARAMETERS: Node = {
    "Cluster": {"Type": "String", "Description": "The name of the ECS cluster"},
    "Subnets": {"Type": "List<AWS::EC2::Subnet::Id>"},
    "SecurityGroups": {"Type": "List<AWS::EC2::SecurityGroup::Id>"},
    "ExecutionRole": {"Type": "String", "Description": "The ARN of the role that pulls the image"},
}
"""What an account has, and no measurement knows."""


def build_ecs(deployment: Deployment) -> list[Node]:
    """Return the template: a task, a service, and how it scales.

    Raises:
        UsageError: Fargate has no size as large as this.
    """
    sold = choose_sold_size(deployment, "aws-fargate", _SELLER)
    resources: dict[str, Node] = {
        "Task": _build_task(deployment, sold),
        "Service": _build_service(deployment),
    }
    if can_scale(deployment):
        resources |= {"Scaling": _build_target(deployment), "Policy": _build_policy(deployment, sold)}
    return [
        {
            "AWSTemplateFormatVersion": "2010-09-09",
            "Parameters": _PARAMETERS,
            "Resources": resources,
        }
    ]


def _build_task(deployment: Deployment, sold: Limits) -> Node:
    cpu, memory = explain_sold_amounts(deployment, sold, _SELLER)
    label = to_label(deployment.service.name)
    return {
        "Type": "AWS::ECS::TaskDefinition",
        "Properties": {
            "Family": label,
            "RequiresCompatibilities": ["FARGATE"],
            "NetworkMode": "awsvpc",
            "ExecutionRoleArn": {"Ref": "ExecutionRole"},
            "Cpu": Explained(str(round(sold.cpu_cores * _UNITS_PER_CPU)), f"{cpu}; 1024 units are a core"),
            "Memory": Explained(str(to_mebibytes(sold.memory_bytes)), f"MiB; {memory}"),
            "ContainerDefinitions": [_build_container(deployment)],
        },
    }


def _build_container(deployment: Deployment) -> Node:
    service, limit_bytes = deployment.service, deployment.limits.memory_bytes
    container: dict[str, Node] = {
        "Name": to_label(service.name),
        "Image": build_image(deployment),
        "Essential": True,
    }
    container |= _build_commands(service)
    if service.port:
        container["PortMappings"] = [{"ContainerPort": service.port}]
    if service.settings:
        variables: Node = [{"Name": name, "Value": value} for name, value in service.settings.items()]
        container["Environment"] = Explained(variables, words.explain_settings(deployment))
    container["Memory"] = Explained(to_mebibytes(limit_bytes), f"MiB; {words.MEASURED_MEMORY_LIMIT}")
    container["MemoryReservation"] = _build_reservation(deployment)
    return container


def _build_commands(service: Service) -> dict[str, Node]:
    if why := find_cleared(service):
        return {"EntryPoint": Unknown(why)}
    named = zip(("EntryPoint", "Command"), choose_words(service), strict=True)
    return {key: list(chosen) for key, chosen in named if chosen}


def _build_reservation(deployment: Deployment) -> Node:
    """Return the memory to reserve; left out if it is the whole limit, because ECS takes only less."""
    reserved_mib = to_mebibytes(max(LEAST_RESERVED_BYTES, words.choose_memory_request(deployment)))
    why = words.explain_memory_request(deployment)
    if reserved_mib >= to_mebibytes(deployment.limits.memory_bytes):
        return Unknown(why)
    return Explained(reserved_mib, f"MiB; {why}")


def _build_service(deployment: Deployment) -> Node:
    network = {"Subnets": {"Ref": "Subnets"}, "SecurityGroups": {"Ref": "SecurityGroups"}}
    return {
        "Type": "AWS::ECS::Service",
        "Properties": {
            "Cluster": {"Ref": "Cluster"},
            "TaskDefinition": {"Ref": "Task"},
            "LaunchType": "FARGATE",
            "DesiredCount": Explained(deployment.replicas, words.explain_replicas(deployment)),
            "NetworkConfiguration": {"AwsvpcConfiguration": network},
        },
    }


def _build_target(deployment: Deployment) -> Node:
    return {
        "Type": "AWS::ApplicationAutoScaling::ScalableTarget",
        "Properties": {
            "ServiceNamespace": "ecs",
            "ScalableDimension": "ecs:service:DesiredCount",
            "ResourceId": {"Fn::Sub": "service/${Cluster}/${Service.Name}"},
            "MinCapacity": Explained(deployment.replicas, words.explain_replicas(deployment)),
            "MaxCapacity": Explained(2 * deployment.replicas, words.explain_most_replicas(deployment)),
        },
    }


def _build_policy(deployment: Deployment, sold: Limits) -> Node:
    """Return the policy that keeps the CPU at the use from which on a further task is due."""
    configuration: dict[str, Node] = {
        "PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"},
        "TargetValue": Explained(
            _compute_percent(deployment, sold),
            f"per cent of the task's CPU, {words.explain_scaling(deployment, _ALARM_S)}",
        ),
    }
    if deployment.ready_after_s is not None:
        wait_s = max(1, math.ceil(deployment.ready_after_s))
        configuration["ScaleOutCooldown"] = Explained(wait_s, "s until a further task is ready, as measured")
    return {
        "Type": "AWS::ApplicationAutoScaling::ScalingPolicy",
        "Properties": {
            "PolicyName": f"{to_label(deployment.service.name)}-cpu",
            "PolicyType": "TargetTrackingScaling",
            "ScalingTargetId": {"Ref": "Scaling"},
            "TargetTrackingScalingPolicyConfiguration": configuration,
        },
    }


def _compute_percent(deployment: Deployment, sold: Limits) -> int | float:
    """Return the use of the task's CPU from which on a further task is due, in per cent, rounded down.

    Below 10 % it has a decimal: of 1.7 %, 1 % would be far too early. It is at most 99 %, because no use
    exceeds 100 %.
    """
    use = deployment.use
    used_cores = (use.cpu_cores or 0.0) * use.scale_at_users / use.users
    percent = round(100 * used_cores / sold.cpu_cores, 6)
    if percent < _WHOLE_FROM_PERCENT:
        return max(1, math.floor(round(10 * percent, 6))) / 10
    return min(_MOST_PERCENT, math.floor(percent))
