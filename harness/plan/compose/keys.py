"""Say for every key of the official schema of compose files what becomes of it: a table.

A key is honoured; or has no effect on a fresh container that is measured; or is named in a note that says
what its loss means; or is refused, because the number would be that of another service.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any


class Fate(Enum):
    """What becomes of a key."""

    HONOURED = "honoured"
    NO_EFFECT = "no effect"
    NOTE = "note"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Treatment:
    """The fate of a key and of all keys within it; for a honoured key these have entries of their own.

    `text` says what the loss means, or why it is refused. `harmless` are values that change nothing.
    """

    fate: Fate
    text: str = ""
    harmless: tuple[str, ...] = ()


def _honour(section: str, keys: str) -> dict[str, Treatment]:
    return {f"{section}.{key}": Treatment(Fate.HONOURED) for key in keys.split()}


def _ignore(section: str, keys: str) -> dict[str, Treatment]:
    return {f"{section}.{key}": Treatment(Fate.NO_EFFECT) for key in keys.split()}


def _note(section: str, key: str, text: str, *harmless: str) -> dict[str, Treatment]:
    return {f"{section}.{key}": Treatment(Fate.NOTE, text, harmless)}


def _refuse(section: str, key: str, text: str, *harmless: str) -> dict[str, Treatment]:
    return {f"{section}.{key}": Treatment(Fate.REFUSED, text, harmless)}


_S, _B, _D = "services.*", "services.*.build", "services.*.deploy"
_FROM_OUTSIDE = "build it with `docker compose build`, and name the result by image: in target.yaml"

_SERVICE = {
    **_honour(
        _S,
        "build cap_add cap_drop command configs container_name cpu_period cpu_quota cpus depends_on "
        "deploy dns dns_opt dns_search domainname entrypoint env_file environment expose extends "
        "extra_hosts group_add healthcheck hostname image init links mem_limit network_mode networks "
        "pids_limit platform ports profiles read_only restart scale secrets shm_size stdin_open sysctls "
        "tmpfs tty ulimits user volumes volumes_from working_dir",
    ),
    **_honour(f"{_S}.depends_on", "* *.condition *.required"),
    **_ignore(f"{_S}.depends_on", "*.restart"),
    **_honour(f"{_S}.env_file", "path required format"),
    **_honour(f"{_S}.extends", "service file"),
    **_honour(f"{_S}.ports", "target protocol published host_ip mode name app_protocol"),
    **_honour(f"{_S}.ulimits", "* *.hard *.soft"),
    **_honour(f"{_S}.secrets", "source target uid gid mode"),
    **_honour(f"{_S}.configs", "source target uid gid mode"),
    **_honour(f"{_S}.healthcheck", "test disable retries start_period interval timeout"),
    **_ignore(f"{_S}.healthcheck", "start_interval"),
    **_ignore(
        _S,
        "annotations attach develop label_file labels logging mem_reservation oom_score_adj pre_stop "
        "pull_refresh_after stop_grace_period stop_signal",
    ),
    **_note(_S, "blkio_config", "its reads and writes are not throttled"),
    **_note(_S, "cpu_count", "has no effect on Linux"),
    **_note(_S, "cpu_percent", "has no effect on Linux"),
    **_note(_S, "cpu_rt_period", "it gets no CPU time in real time"),
    **_note(_S, "cpu_rt_runtime", "it gets no CPU time in real time"),
    **_note(_S, "cpu_shares", "containers share CPU time by their limits alone"),
    **_note(_S, "cpuset", "it may use every core that the harness gives to targets"),
    **_note(_S, "isolation", "it runs isolated as the engine does it", "default"),
    **_note(_S, "mac_address", "the engine chooses its address"),
    **_note(_S, "mem_swappiness", "it has no swap"),
    **_note(_S, "memswap_limit", "it has no swap beyond its memory"),
    **_note(_S, "oom_kill_disable", "the kernel kills a process that needs more than its memory"),
    **_note(
        _S,
        "security_opt",
        "the engine's own profiles hold, and no process gains rights",
        "no-new-privileges",
        "no-new-privileges:true",
        "no-new-privileges=true",
    ),
    **_note(
        _S,
        "pull_policy",
        "the image that the engine has is run, also if there is a newer one",
        *("missing", "if_not_present", "never", "build"),
    ),
    **_note(_S, "storage_opt", "its disk has the engine's own size"),
    **_refuse(_S, "cgroup", "it would see the groups of the host's processes", "private"),
    **_refuse(_S, "cgroup_parent", "its limits would not be those of the size"),
    **_refuse(_S, "credential_spec", "it needs an account of Windows"),
    **_refuse(_S, "device_cgroup_rules", "it would reach devices of the host"),
    **_refuse(_S, "devices", "it would reach devices of the host"),
    **_refuse(_S, "external_links", "it needs a container that the file does not describe"),
    **_refuse(_S, "gpus", "a graphics processor is no size that the harness measures"),
    **_refuse(_S, "ipc", "it shares memory with processes outside of it", "private", "shareable", "none"),
    **_refuse(_S, "models", "it needs a model that Docker runs outside of containers"),
    **_refuse(_S, "pid", "it would see processes outside of it"),
    **_refuse(_S, "post_start", "its commands would not run, and it would be another service without them"),
    **_refuse(_S, "pre_start", "its commands would not run, and it would be another service without them"),
    **_refuse(_S, "privileged", "it would have all rights on the host"),
    **_refuse(_S, "provider", "it is no container, and what it gives to others is missing"),
    **_refuse(_S, "runtime", "another runtime has another speed", "runc", "io.containerd.runc.v2"),
    **_refuse(_S, "use_api_socket", "it would command the engine that measures it"),
    **_note(_S, "userns_mode", "its users are those that the engine gives every container"),
    **_note(_S, "uts", "it has a name of its own, not that of the host"),
}

_MOUNTS = {
    **_honour(f"{_S}.volumes", "type source target read_only bind volume tmpfs"),
    **_ignore(f"{_S}.volumes", "consistency"),
    **_honour(f"{_S}.volumes.bind", "create_host_path"),
    **_ignore(f"{_S}.volumes.bind", "selinux propagation recursive"),
    **_honour(f"{_S}.volumes.volume", "nocopy"),
    **_ignore(f"{_S}.volumes.volume", "labels"),
    **_refuse(f"{_S}.volumes.volume", "subpath", "a part of a volume holds nothing in a fresh one"),
    **_honour(f"{_S}.volumes.tmpfs", "size mode"),
    **_refuse(f"{_S}.volumes", "image", "files of another image would be missing"),
}

_NETWORKS_OF_SERVICE = {
    **_honour(f"{_S}.networks", "* *.aliases *.ipv4_address *.ipv6_address"),
    **_ignore(f"{_S}.networks", "*.priority *.gw_priority *.link_local_ips *.mac_address"),
    **_note(f"{_S}.networks", "*.driver_opts", "its connection has the engine's own options"),
    **_note(f"{_S}.networks", "*.interface_name", "the engine names its network interface", "eth0"),
}

_BUILD = {
    **_honour(
        _B,
        "context dockerfile dockerfile_inline additional_contexts args target network extra_hosts secrets "
        "ssh platforms",
    ),
    **_honour(f"{_B}.secrets", "source target"),
    **_ignore(f"{_B}.secrets", "uid gid mode"),
    **_ignore(_B, "cache_from cache_to labels provenance sbom tags shm_size ulimits"),
    **_note(_B, "pull", "it is built upon the images that the engine has, also if there are newer ones"),
    **_note(_B, "no_cache", "steps that have not changed come from the engine's cache"),
    **_note(_B, "no_cache_filter", "steps that have not changed come from the engine's cache"),
    **_refuse(_B, "entitlements", f"the image is built with more rights; {_FROM_OUTSIDE}"),
    **_refuse(_B, "privileged", f"the image is built with more rights; {_FROM_OUTSIDE}"),
    **_note(_B, "isolation", "it is built as the engine does it", "default"),
}

_DEPLOY = {
    **_honour(_D, "replicas resources resources.limits"),
    **_honour(f"{_D}.resources.limits", "cpus memory pids"),
    **_honour(_D, "resources.reservations"),
    **_ignore(f"{_D}.resources.reservations", "cpus memory"),
    **_refuse(f"{_D}.resources.reservations", "devices", "a device such as a graphics processor is no size"),
    **_refuse(f"{_D}.resources.reservations", "generic_resources", "a device is no size"),
    **_honour(_D, "restart_policy restart_policy.condition"),
    **_ignore(f"{_D}.restart_policy", "delay max_attempts window"),
    **_ignore(_D, "endpoint_mode labels mode placement rollback_config update_config"),
}

_TOP = {
    **{
        key: Treatment(Fate.HONOURED)
        for key in "include services networks volumes secrets configs name".split()
    },
    **{f"include.{key}": Treatment(Fate.HONOURED) for key in "path env_file project_directory".split()},
    "version": Treatment(Fate.NO_EFFECT),
    "models": Treatment(Fate.NO_EFFECT),
    "services.*": Treatment(Fate.HONOURED),
    "networks.*": Treatment(Fate.HONOURED),
    "volumes.*": Treatment(Fate.HONOURED),
    "secrets.*": Treatment(Fate.HONOURED),
    "configs.*": Treatment(Fate.HONOURED),
    **_honour("networks.*", "name"),
    **_ignore("networks.*", "attachable labels"),
    **_note("networks.*", "driver_opts", "the network has the engine's own options, such as its packet size"),
    **_note("networks.*", "enable_ipv4", "the network has addresses of IPv4", "true"),
    **_note(
        "networks.*", "driver", "one network of the driver bridge joins all containers", "bridge", "default"
    ),
    **_note("networks.*", "enable_ipv6", "the network has addresses of IPv4 only"),
    **_note("networks.*", "external", "the network is a fresh one, and nobody else is in it"),
    **_note("networks.*", "internal", "from the measured network the outside can be reached"),
    **_note("networks.*", "ipam", "the engine chooses the addresses"),
    **_honour("volumes.*", "name driver_opts external external.name"),
    **_ignore("volumes.*", "labels"),
    **_note("volumes.*", "driver", "it begins empty, on the engine's own disk", "local"),
    **_honour("secrets.*", "name environment file external external.name"),
    **_ignore("secrets.*", "labels"),
    **_refuse("secrets.*", "driver", "its content is known to that driver only"),
    **_ignore("secrets.*", "driver_opts"),
    **_refuse("secrets.*", "template_driver", "its content is made by that driver only"),
    **_honour("configs.*", "name content environment file external external.name"),
    **_ignore("configs.*", "labels"),
    **_refuse("configs.*", "template_driver", "its content is made by that driver only"),
}

TREATMENTS: Mapping[str, Treatment] = {
    **_TOP,
    **_SERVICE,
    **_MOUNTS,
    **_NETWORKS_OF_SERVICE,
    **_BUILD,
    **_DEPLOY,
}
"""The treatment of each key. `*` stands for a name that the user chose; positions in lists are left out."""

_PARENTS = frozenset(path.rpartition(".")[0] for path in TREATMENTS)


@dataclass(frozen=True, slots=True)
class LostKey:
    """A key that is not honoured: its path below the service or the section's entry, and its treatment."""

    path: str
    treatment: Treatment


_OFF = ("false", "no", "n", "off")
"""How Compose may write that something is off, which is usual unless a key says that `true` is harmless."""

_UNKNOWN = Treatment(Fate.NOTE, "is not known to the harness, and has no effect here")


def find_lost_keys(values: Mapping[str, Any], section: str) -> Iterator[LostKey]:
    """Yield the keys of a service (`services.*`), or of an entry of another section, that are not honoured.

    Keys without a value, keys that begin with `x-`, and values that change nothing are left out.
    """
    yield from _walk(values, section, "")


def _walk(values: Mapping[str, Any], path: str, shown: str) -> Iterator[LostKey]:
    for key, value in sorted(values.items()):
        is_nothing = value in (None, "", [], {}) or (value == 0 and value is not False)
        if is_nothing or str(key).startswith("x-"):
            continue
        inner = f"{path}.*" if f"{path}.*" in TREATMENTS else f"{path}.{key}"
        inner_shown = f"{shown}.{key}" if shown else str(key)
        treatment = TREATMENTS.get(inner, _UNKNOWN)
        if treatment.fate is not Fate.HONOURED:
            if not _is_harmless(value, treatment):
                yield LostKey(inner_shown, treatment)
        elif inner in _PARENTS:
            for each in value if isinstance(value, list) else [value]:
                if isinstance(each, Mapping):
                    yield from _walk(each, inner, inner_shown)


def _is_harmless(value: Any, treatment: Treatment) -> bool:
    """Return True for a value that changes nothing; for a list, if that is true of all its items."""
    items = value if isinstance(value, list) else [value]
    harmless = treatment.harmless if "true" in treatment.harmless else (*treatment.harmless, *_OFF)
    return all(str(each).lower() in harmless for each in items)
