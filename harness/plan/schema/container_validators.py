"""Check the values of target.yaml that reach the container engine.

Each function returns the value, converted if need be, or raises ValueError with what to write instead.
"""

import ipaddress
import re
from typing import Any

from harness.plan.schema.quoting import quote, require_match

_ULIMITS = (
    "core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack".split()
)
_REFUSED_CAPABILITIES = frozenset(
    "ALL SYS_ADMIN SYS_MODULE SYS_RAWIO SYS_BOOT SYS_TIME DAC_READ_SEARCH MAC_ADMIN MAC_OVERRIDE SYSLOG BPF "
    "PERFMON AUDIT_CONTROL AUDIT_READ BLOCK_SUSPEND WAKE_ALARM SYS_PACCT LINUX_IMMUTABLE".split()
)
"""Capabilities that reach beyond the container: to the kernel, its clock, its log, its devices, its files."""

_SYSCTL = re.compile(r"(net\.[\w.-]+|fs\.mqueue\.\w+|kernel\.(msg\w+|shm\w+|sem))", re.ASCII)
_TMPFS_OPTION = re.compile(
    r"(size=[0-9]+[kmgKMG%]?|mode=0?[0-7]{3,4}|uid=[0-9]+|gid=[0-9]+|nr_inodes=[0-9]+[kmgKMG]?|"
    r"nr_blocks=[0-9]+[kmgKMG]?|(no)?(exec|suid|dev|atime|diratime)|rw|ro|relatime|strictatime|a?sync|dirsync)",
    re.ASCII,
)
_NAME = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,252}"
_HOST_NAME_FAULT = "can't be a host's name; write one such as database"


def check_container_path(value: str) -> str:
    if not re.fullmatch(r"/[^:\s/][^:\r\n\t]*", value) or ".." in value.split("/"):
        raise ValueError(f"{quote(value)} is not a path inside the container; write one such as /data")
    return value.rstrip("/")


def check_working_dir(value: str) -> str:
    return require_match(
        value, r"/[^\r\n\t]*", "is not a whole path inside the container; write one such as /srv"
    )


def check_tmpfs(value: str) -> str:
    """Check a folder in memory: its path and, behind a colon, Docker's options."""
    path, colon, options = value.partition(":")
    checked = check_container_path(path)
    for option in options.split(",") if colon else ():
        if not _TMPFS_OPTION.fullmatch(option):
            raise ValueError(
                f"{quote(option)} is not an option of a tmpfs; write one such as size=64m or mode=1777"
            )
    return checked + colon + options


def check_user(value: str) -> str:
    """Check a user with its group; each may be missing, as in `":1000"`, and is then root, as for Docker."""
    pattern = r"([A-Za-z0-9_.-]{1,32}\$?)?(:[A-Za-z0-9_.-]{0,32})?"
    return require_match(value, pattern, 'is not a user; write one such as www-data or "1000:1000"')


def check_group(value: str) -> str:
    pattern = r"[A-Za-z0-9_.-]{1,32}"
    return require_match(value, pattern, 'is not a group; write one such as video or "1000"')


def check_ulimit(value: str) -> str:
    if value not in _ULIMITS:
        raise ValueError(f"{quote(value)} is not a limit of the kernel; write one of {', '.join(_ULIMITS)}")
    return value


def check_capability(value: str) -> str:
    name = value.upper().removeprefix("CAP_")
    if not re.fullmatch(r"[A-Z_]{3,40}", name) or name in _REFUSED_CAPABILITIES:
        raise ValueError(
            f"{quote(value)} is not a capability that a container may have; leave it out, or write one such "
            "as SYS_NICE"
        )
    return name


def check_dropped_capability(value: str) -> str:
    name = value.upper().removeprefix("CAP_")
    if not re.fullmatch(r"[A-Z_]{3,40}", name):
        raise ValueError(f"{quote(value)} is not a capability; write ALL, or one such as CHOWN")
    return name


def parse_health_test(value: Any) -> Any:
    """Parse a healthcheck's command into the form of an image: `CMD` or `CMD-SHELL`, then the command."""
    if isinstance(value, str):
        return ("CMD-SHELL", value)
    if isinstance(value, list) and value and value[0] in ("CMD", "CMD-SHELL"):
        return tuple(value)
    raise ValueError(f"{quote(value)} is not a check; write a command, or a list that begins with CMD")


def check_companion_name(value: str) -> str:
    """Check the name of a companion: it is the name of a host, and part of the container's name."""
    return require_match(value, r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}", _HOST_NAME_FAULT)


def check_host_name(value: str) -> str:
    return require_match(value, _NAME, _HOST_NAME_FAULT)


def check_own_host_name(value: str) -> str:
    """Check the name that a container has for itself; the kernel allows 64 characters."""
    if len(value) > 64:
        raise ValueError(f"{quote(value)} is longer than the 64 characters that a host's name may have")
    return check_host_name(value)


def parse_extra_host(value: str) -> str:
    """Parse `name:address` or `name=address` into the first form, without brackets about the address."""
    match = re.fullmatch(rf"({_NAME})[:=](\S+)", value)
    if match is None:
        raise ValueError(f'{quote(value)} is not a host with its address; write one such as "db:10.0.0.5"')
    name, address = match[1], match[2].removeprefix("[").removesuffix("]")
    return f"{name}:{address if address == 'host-gateway' else check_address(address)}"


def check_address(value: str) -> str:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        raise ValueError(f"{quote(value)} is not an IP address; write one such as 10.0.0.5") from None
    return value


def check_sysctl(value: str) -> str:
    """Check the name of a kernel setting: only those that each container has for itself are allowed."""
    return require_match(
        value,
        _SYSCTL,
        "is a setting of the whole machine; a container can have its own net.…, "
        "kernel.shm…, kernel.msg…, kernel.sem and fs.mqueue.… only",
    )


def parse_sysctl_value(value: Any) -> Any:
    """Return a number as its text."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def parse_mode(value: Any) -> Any:
    """Parse the rights of a file, a text of octal digits such as `"0444"`."""
    if not isinstance(value, str) or not re.fullmatch(r"0?[0-7]{3}", value):
        raise ValueError(
            f'{quote(value)} is not the mode of a file; write octal digits in quotes, such as "0444"'
        )
    return int(value, 8)


def check_volume_name(value: str) -> str:
    if value and not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", value):
        raise ValueError(f'{quote(value)} can\'t name a volume; write one such as data, or "" without a name')
    return value
