"""Single values of matrix.yaml and target.yaml: returned as meant, or refused with what to write."""

import ipaddress
import re
import shlex
from typing import Any

from harness.plan.schema import units

NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,62}", re.ASCII)
ENVIRONMENT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
MOST_USERS = 1_000_000
MOST_WORKERS = 1000
MOST_REPLICAS = 100
OURS = frozenset(
    "--locustfile --host --users --spawn-rate --run-time --headless --autostart --autoquit --web-host "
    "--web-port --master --worker --processes --expect-workers --tags --exclude-tags --config --list --csv "
    "--html".split()
)
"""Options of Locust that the harness sets, or that would change what it measures."""

ULIMITS = ("core", "fsize", "memlock", "nofile", "nproc", "stack")


def name(text: str) -> str:
    """A name that is safe as a folder, a label and part of an image's name."""
    if not NAME.fullmatch(text):
        allowed = "lower-case letters, digits, _ . and -, a letter or a digit first, at most 63"
        raise ValueError(f"{units.quoted(text)} can't be a name; write {allowed}")
    return text


def environment_name(text: str) -> str:
    if not ENVIRONMENT_NAME.fullmatch(text):
        raise ValueError(f"{units.quoted(text)} can't name a variable; write letters, digits and _ only")
    return text


def one_or_many(value: Any) -> Any:
    """A single value counts as a list of one."""
    return tuple(value) if isinstance(value, list) else (value,)


def listed(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def words(value: Any) -> Any:
    """A command as a list; a single text is refused with the list that a shell would make of it."""
    if isinstance(value, str):
        try:
            parts = shlex.split(value)
        except ValueError:
            parts = [value]
        raise ValueError(
            f"a command is a list, no shell reads it; write [{', '.join(map(units.quoted, parts))}]"
        )
    return listed(value)


def path_text(value: str) -> str:
    if not value.strip():
        raise ValueError("is an empty path; write one, relative to this file")
    return value


def image_name(value: str) -> str:
    if not re.fullmatch(r"[^\s]{1,255}", value):
        raise ValueError(f"{units.quoted(value)} is not an image; write one such as nginx:1.27")
    return value


def http_path(value: str) -> str:
    if not re.fullmatch(r"/[^\s]*", value):
        raise ValueError(f'{units.quoted(value)} is not a path on the target; write one such as "/healthz"')
    return value


def inside_path(value: str) -> str:
    if not re.fullmatch(r"/[^\s:]+", value):
        raise ValueError(f"{units.quoted(value)} is not a path inside the container; write one such as /data")
    return value


def pattern(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"{units.quoted(value)} is not a regular expression ({error})") from None
    return value


def user_name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,32}(:[A-Za-z0-9_.-]{1,32})?", value):
        raise ValueError(f'{units.quoted(value)} is not a user; write one such as www-data or "1000:1000"')
    return value


def ulimit_name(value: str) -> str:
    if value not in ULIMITS:
        raise ValueError(
            f"{units.quoted(value)} is not a limit of the kernel; write one of {', '.join(ULIMITS)}"
        )
    return value


def capability(value: str) -> str:
    if not re.fullmatch(r"[A-Z_]{3,40}", value) or value in ("ALL", "SYS_ADMIN"):
        raise ValueError(f"{units.quoted(value)} can't be given; write one such as SYS_NICE")
    return value


def host_name(value: str) -> str:
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", value):
        raise ValueError(f"{units.quoted(value)} can't be a host's name; write one such as database")
    return value


def one_word(value: str) -> str:
    if not re.fullmatch(r"[^\s-]\S*", value):
        raise ValueError(f"{units.quoted(value)} is not one word; write one such as checkout")
    return value


def locust_arguments(value: tuple[str, ...]) -> tuple[str, ...]:
    """Refuses what the harness itself says to Locust."""
    for text in value:
        option = text.partition("=")[0]
        if option in OURS or (option.startswith("-") and not option.startswith("--")):
            raise ValueError(
                f"{units.quoted(option)} is for the harness to say; write options of the scenario's own, "
                "and matrix keys for users, tags and files"
            )
    return value


def engine_host(value: str) -> str:
    """As DOCKER_HOST has it."""
    if not re.fullmatch(
        r"(ssh://([A-Za-z0-9][\w.-]*@)?[A-Za-z0-9][\w.-]*(:\d+)?|tcp://[\w.:\[\]-]+:\d+|unix:///\S+)", value
    ):
        raise ValueError(
            f"{units.quoted(value)} is no engine's address; write ssh://user@host, tcp://host:2376 or unix:///path"
        )
    return value


def ip_address(value: str) -> str:
    """An address to publish on, not a name: it says how widely. 0.0.0.0 would be everywhere."""
    try:
        found = ipaddress.ip_address(value)
    except ValueError:
        raise ValueError(f"{units.quoted(value)} is no IP address; write one such as 10.0.0.5") from None
    if found.is_unspecified:
        raise ValueError(f"{value} publishes on every network; write the one address where it is reached")
    return value


def address(value: Any) -> Any:
    """A host or an address with a port, such as 10.0.0.5:5557."""
    host, _, port = str(value).rpartition(":")
    if (
        not re.fullmatch(r"[A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\]", host)
        or not port.isdecimal()
        or int(port) > 65535
    ):
        raise ValueError(f"{units.quoted(value)} is no address; write one such as 10.0.0.5:5557")
    return host.strip("[]"), int(port)


def currency(value: str) -> str:
    if not re.fullmatch(r"[^\s\d<>&]{1,8}", value):
        raise ValueError(f"{units.quoted(value)} is not a currency; write one such as EUR")
    return value


def precision(value: float) -> float:
    if not 0.005 <= value <= 0.5:
        raise ValueError(f'{units.percent(value)} is out of range; write a precision from "0.5%" to "50%"')
    return value
