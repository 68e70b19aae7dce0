"""What the engine is asked for: a container with exactly its limits, and few rights."""

import os
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from docker.api import APIClient
from docker.types import LogConfig, Ulimit

from harness.errors import UsageError
from harness.measure.docker.port_access import HERE, Reach
from harness.measure.host.cpu_affinity import Cores, listed
from harness.measure.protocols import Image
from harness.model import Limits, Target
from harness.plan import resolved

CPU_PERIOD_US = 100_000
CPU_QUOTA_AT_LEAST_US = 1_000
PIDS_AT_MOST = 4096
CAPABILITIES = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "KILL", "NET_BIND_SERVICE", "SETGID", "SETUID"]
"""What a server needs that starts as root, prepares its folders and becomes another user; nothing more."""


@dataclass(frozen=True, slots=True)
class Order:
    """What to run, under which name and limits, on which cores (None: on any) and in which private network
    (None: the engine's default one); how its port is reached; and a tar archive to unpack in it before it
    starts.
    """

    name: str
    campaign: str
    cell_id: str
    limits: Limits
    target: Target
    image: Image
    cores: Cores | None = None
    network: str | None = None
    reach: Reach = HERE
    content: bytes = b""


def networking(client: APIClient, order: Order) -> Any:
    """In a private network a container is reached by its service's name."""
    if order.network is None:
        return None
    endpoint = client.create_endpoint_config(aliases=[order.target.name])
    return {"EndpointsConfig": {order.network: endpoint}}


def host_options(order: Order) -> dict[str, Any]:
    """Exactly the limits, no swap beside the memory, a port on the loopback, the rights that servers need."""
    limits, target = order.limits, order.target
    is_published = target.port and not target.host_network
    return {
        "cpuset_cpus": listed(order.cores) if order.cores else None,
        "cpu_period": CPU_PERIOD_US,
        "cpu_quota": _cpu_quota_us(limits),
        "mem_limit": limits.memory_bytes,
        "memswap_limit": limits.memory_bytes,
        "port_bindings": {target.port: (order.reach.address, target.host_port)} if is_published else None,
        "network_mode": "host" if target.host_network else order.network,
        "binds": [f"{path}:{inside}:ro" for inside, path in sorted(target.files.items())] or None,
        "tmpfs": dict.fromkeys(target.tmpfs, "") or None,
        "ulimits": [Ulimit(name=name, soft=most, hard=most) for name, most in target.ulimits.items()] or None,
        "pids_limit": PIDS_AT_MOST,
        "cap_drop": ["ALL"],
        "cap_add": [*CAPABILITIES, *target.capabilities],
        "security_opt": ["no-new-privileges:true"],
        "log_config": LogConfig(type=LogConfig.types.JSON, config={"max-size": "8m", "max-file": "2"}),
    }


def unmet_limits(host_config: Mapping[str, Any], limits: Limits) -> list[str]:
    """What the engine discarded. A missing swap limit is not among them: the fingerprint says so."""
    asked = {"CpuPeriod": CPU_PERIOD_US, "CpuQuota": _cpu_quota_us(limits), "Memory": limits.memory_bytes}
    return [f"{name}={value}" for name, value in asked.items() if host_config.get(name) != value]


def _cpu_quota_us(limits: Limits) -> int:
    return max(CPU_QUOTA_AT_LEAST_US, round(limits.cpu_cores * CPU_PERIOD_US))


def environment_of(target: Target) -> dict[str, str]:
    """The target's environment with each `${NAME}` taken from ours. Raises UsageError if one isn't set."""
    if missing := unset_variables(target):
        raise UsageError(
            f"target {target.name}: the environment variable {missing[0]} is not set",
            f"export {missing[0]}=… before the run: the target's `environment` asks for it",
        )
    return {key: resolved(value, os.environ) for key, value in target.environment.items()}


def unset_variables(target: Target) -> list[str]:
    """Every NAME that is asked for and not set: those that a mapping with a default had to make up."""
    known = defaultdict(str, os.environ)
    for service in (target, *(companion.service for companion in target.companions)):
        for value in service.environment.values():
            resolved(value, known)
    return sorted(known.keys() - os.environ.keys())
