"""Describe a container to the engine: exactly its limits, and few rights."""

import os
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from docker.api import APIClient
from docker.types import LogConfig
from docker.types import Ulimit as EngineUlimit

from harness.errors import UsageError
from harness.measure.docker.container_files import build_mounts, split_tmpfs
from harness.measure.docker.port_access import LOCAL, PortAccess
from harness.measure.host.cpu_affinity import Cores, format_cpuset
from harness.measure.protocols import Image
from harness.model import MOST_PIDS, Limits, Target, Ulimit
from harness.plan import resolve_variables

_NO_LABELS = "label=disable"
"""SELinux, where the engine uses it, would keep a container from files of the host."""

_CPU_PERIOD_US = 100_000
_CPU_QUOTA_AT_LEAST_US = 1_000


@dataclass(frozen=True, slots=True)
class ContainerSpec:
    """A container to create: its name and limits, the target that it runs, and the target's image.

    `cores` are the host's cores that it may use (None: all). `network` is the private network that it joins
    (None: the engine's default network). `group` is the beginning of the names of the companions and named
    volumes that belong to the same run. `network_owner` is the name of the container whose network it uses
    instead of one of its own. `shared_folders` has the volumes of folders that several containers of the run
    see a copy of. `archive` is a tar archive that is unpacked in it before it starts. `trusts_open_port`: a
    port that is open is ready, whatever an HTTP server behind it says.
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
    group: str = ""
    network_owner: str | None = None
    trusts_open_port: bool = False
    shared_folders: Mapping[Path, str] = field(default_factory=dict)

    @property
    def publishes_port(self) -> bool:
        """True if the container has a port and a network of its own."""
        return bool(self.target.port) and not self.target.host_network and self.network_owner is None


def build_networking_config(client: APIClient, spec: ContainerSpec) -> Any:
    """Build the engine's networking options: in a private network a container is reached by its names."""
    if spec.network is None or spec.network_owner is not None:
        return None
    names = (spec.target.name, *spec.target.options.aliases)
    endpoint = client.create_endpoint_config(aliases=list(dict.fromkeys(names)))
    return {"EndpointsConfig": {spec.network: endpoint}}


def build_host_options(spec: ContainerSpec) -> dict[str, Any]:
    """Build the engine's host options: limits, no swap beyond the memory, the published port, few rights."""
    limits, target, options = spec.limits, spec.target, spec.target.options
    bindings = {target.port: (spec.port_access.address, target.host_port)} if spec.publishes_port else None
    binds = _list_binds(spec)
    return {
        "cpuset_cpus": format_cpuset(spec.cores) if spec.cores else None,
        "cpu_period": _CPU_PERIOD_US,
        "cpu_quota": _compute_quota_us(limits),
        "mem_limit": limits.memory_bytes,
        "memswap_limit": limits.memory_bytes,
        "port_bindings": bindings,
        "network_mode": _choose_network_mode(spec),
        "binds": binds or None,
        "mounts": build_mounts(target, spec.group, spec.shared_folders) or None,
        "tmpfs": dict(split_tmpfs(entry) for entry in target.tmpfs) or None,
        "ulimits": [_build_ulimit(name, most) for name, most in target.ulimits.items()] or None,
        "pids_limit": min(options.pids_limit, MOST_PIDS),
        "cap_drop": list(options.dropped_capabilities) or None,
        "cap_add": list(target.capabilities) or None,
        "group_add": list(options.group_add) or None,
        "read_only": options.is_read_only or None,
        "init": options.has_init or None,
        "shm_size": options.shm_bytes,
        "sysctls": dict(options.sysctls) or None,
        "extra_hosts": list(options.extra_hosts) or None,
        "dns": list(options.dns) or None,
        "dns_search": list(options.dns_search) or None,
        "dns_opt": list(options.dns_opt) or None,
        "security_opt": ["no-new-privileges:true", *([_NO_LABELS] if binds else [])],
        "log_config": LogConfig(type=LogConfig.types.JSON, config={"max-size": "8m", "max-file": "2"}),
    }


def _list_binds(spec: ContainerSpec) -> list[str]:
    files = sorted(spec.target.files.items())
    return [f"{path}:{inside}:ro" for inside, path in files if path not in spec.shared_folders]


def _choose_network_mode(spec: ContainerSpec) -> str | None:
    if spec.network_owner is not None:
        return f"container:{spec.network_owner}"
    return "host" if spec.target.host_network else spec.network


def _build_ulimit(name: str, most: int | Ulimit) -> EngineUlimit:
    soft, hard = (most, most) if isinstance(most, int) else (most.soft, most.hard)
    return EngineUlimit(name=name, soft=soft, hard=hard)


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
            f"export {missing[0]}=… before the run: the target's `environment` or `contents` refers to it",
        )
    return {key: resolve_variables(value, os.environ) for key, value in target.environment.items()}


def find_unset_variables(target: Target) -> list[str]:
    """Return the names of unset variables that the target or a companion refers to, sorted."""
    known = defaultdict(str, os.environ)  # a look-up of a name that is not set adds the name
    for service in (target, *(companion.service for companion in target.companions)):
        contents = (content.text for content in service.options.contents.values())
        for value in (*service.environment.values(), *contents):
            resolve_variables(value, known)
    return sorted(known.keys() - os.environ.keys())
