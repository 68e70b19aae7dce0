"""Describe a container to the engine: exactly its limits, and few rights."""

import os
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from docker.api import APIClient
from docker.types import LogConfig, Ulimit

from harness.errors import UsageError
from harness.measure.docker.port_access import LOCAL, PortAccess
from harness.measure.host.cpu_affinity import Cores, format_cpuset
from harness.measure.protocols import Image
from harness.model import Limits, Target
from harness.plan import resolve_variables

_CPU_PERIOD_US = 100_000
_CPU_QUOTA_AT_LEAST_US = 1_000
_PIDS_AT_MOST = 4096
_CAPABILITIES = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "KILL", "NET_BIND_SERVICE", "SETGID", "SETUID"]
"""Only what a server needs to start as root, prepare its folders and become another user."""


@dataclass(frozen=True, slots=True)
class ContainerSpec:
    """A container to create: its name and limits, the target that it runs, and the target's image.

    `cores` are the host's cores that it may use (None: all). `network` is the private network that it joins
    (None: the engine's default network). `archive` is a tar archive that is unpacked in it before it starts.
    """

    name: str
    campaign: str
    cell_id: str
    limits: Limits
    target: Target
    image: Image
    cores: Cores | None = None
    network: str | None = None
    port_access: PortAccess = LOCAL
    archive: bytes = b""


def build_networking_config(client: APIClient, spec: ContainerSpec) -> Any:
    """Build the engine's networking options: in a private network a container is reached by its name."""
    if spec.network is None:
        return None
    endpoint = client.create_endpoint_config(aliases=[spec.target.name])
    return {"EndpointsConfig": {spec.network: endpoint}}


def build_host_options(spec: ContainerSpec) -> dict[str, Any]:
    """Build the engine's host options: limits, no swap beyond the memory, the published port, few rights."""
    limits, target = spec.limits, spec.target
    is_published = target.port and not target.host_network
    bindings = {target.port: (spec.port_access.address, target.host_port)} if is_published else None
    return {
        "cpuset_cpus": format_cpuset(spec.cores) if spec.cores else None,
        "cpu_period": _CPU_PERIOD_US,
        "cpu_quota": _compute_quota_us(limits),
        "mem_limit": limits.memory_bytes,
        "memswap_limit": limits.memory_bytes,
        "port_bindings": bindings,
        "network_mode": "host" if target.host_network else spec.network,
        "binds": [f"{path}:{inside}:ro" for inside, path in sorted(target.files.items())] or None,
        "tmpfs": dict.fromkeys(target.tmpfs, "") or None,
        "ulimits": [Ulimit(name=name, soft=most, hard=most) for name, most in target.ulimits.items()] or None,
        "pids_limit": _PIDS_AT_MOST,
        "cap_drop": ["ALL"],
        "cap_add": [*_CAPABILITIES, *target.capabilities],
        "security_opt": ["no-new-privileges:true"],
        "log_config": LogConfig(type=LogConfig.types.JSON, config={"max-size": "8m", "max-file": "2"}),
    }


def find_unmet_limits(host_config: Mapping[str, Any], limits: Limits) -> list[str]:
    """Return the limits that the engine discarded, as "key=value".

    A missing swap limit is not returned: a note of the fingerprint names it.
    """
    expected = {
        "CpuPeriod": _CPU_PERIOD_US,
        "CpuQuota": _compute_quota_us(limits),
        "Memory": limits.memory_bytes,
    }
    return [f"{name}={value}" for name, value in expected.items() if host_config.get(name) != value]


def _compute_quota_us(limits: Limits) -> int:
    return max(_CPU_QUOTA_AT_LEAST_US, round(limits.cpu_cores * _CPU_PERIOD_US))


def resolve_environment(target: Target) -> dict[str, str]:
    """Return the target's environment, with each `${NAME}` replaced by this process's variable NAME.

    Raises UsageError if a variable is not set.
    """
    if missing := find_unset_variables(target):
        raise UsageError(
            f"target {target.name}: the environment variable {missing[0]} is not set",
            f"export {missing[0]}=… before the run: the target's `environment` refers to it",
        )
    return {key: resolve_variables(value, os.environ) for key, value in target.environment.items()}


def find_unset_variables(target: Target) -> list[str]:
    """Return the names of unset variables that the target or a companion refers to, sorted."""
    known = defaultdict(str, os.environ)  # a look-up of a name that is not set adds the name
    for service in (target, *(companion.service for companion in target.companions)):
        for value in service.environment.values():
            resolve_variables(value, known)
    return sorted(known.keys() - os.environ.keys())
