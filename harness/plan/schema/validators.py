"""Check single values of matrix.yaml and target.yaml.

Each function returns the value, converted if need be, or raises ValueError with what to write instead.
"""

import ipaddress
import re
import shlex
from typing import Any

from harness.model import HARNESS_OPTIONS
from harness.plan.schema.quoting import quote, require_match
from harness.plan.schema.units import format_percent

NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,62}", re.ASCII)
MOST_USERS = 1_000_000
MOST_WORKERS = 1000
MOST_REPLICAS = 100
_HARNESS_OPTIONS = frozenset(f"--{name}" for name in (*HARNESS_OPTIONS, "tags", "exclude-tags"))
"""Locust's options that the harness decides itself, and those that have keys of their own."""


def check_name(text: str) -> str:
    """Check a name that will be used for a folder, for a label and in an image's name."""
    allowed = "lower-case letters, digits, _ . and -, a letter or a digit first, at most 63"
    return require_match(text, NAME, f"can't be a name; write {allowed}")


def check_variable_name(text: str) -> str:
    return require_match(
        text, r"[^\s=]{1,255}", "can't name a variable; write it without = and spaces: LOG_LEVEL"
    )


def wrap_single(value: Any) -> Any:
    """Return a list as a tuple, and a single value as a tuple of one."""
    return tuple(value) if isinstance(value, list) else (value,)


def to_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def parse_command(value: Any) -> Any:
    """Return a command as a tuple; refuse a single text, and name the list that a shell would make of it."""
    if isinstance(value, str):
        try:
            parts = shlex.split(value)
        except ValueError:
            parts = [value]
        raise ValueError(f"a command is a list, no shell reads it; write [{', '.join(map(quote, parts))}]")
    return to_tuple(value)


def check_path(value: str) -> str:
    if not value.strip():
        raise ValueError("is an empty path; write one, relative to this file")
    return value


def check_image(value: str) -> str:
    return require_match(value, r"[^\s{}$]{1,255}", "is not an image; write one such as nginx:1.27")


def check_http_path(value: str) -> str:
    return require_match(value, r"/[^\s]*", 'is not a path on the target; write one such as "/healthz"')


def check_pattern(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"{quote(value)} is not a regular expression ({error})") from None
    return value


def check_word(value: str) -> str:
    return require_match(value, r"[^\s-]\S*", "is not one word; write one such as checkout")


def check_locust_arguments(value: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse Locust's options that the harness sets itself."""
    for text in value:
        option = text.partition("=")[0]
        if option in _HARNESS_OPTIONS or (option.startswith("-") and not option.startswith("--")):
            raise ValueError(
                f"{quote(option)} is set by the harness; write only options that the locustfile adds "
                "itself (users, tags and files have keys of their own)"
            )
    return value


def check_engine_host(value: str) -> str:
    """Check an engine's address, which has the form of DOCKER_HOST."""
    return require_match(
        value,
        r"(ssh://([A-Za-z0-9][\w.-]*@)?[A-Za-z0-9][\w.-]*(:\d+)?|tcp://[\w.:\[\]-]+:\d+|unix:///\S+)",
        "is not an engine's address; write ssh://user@host, tcp://host:2376 or unix:///path",
    )


def check_ip_address(value: str) -> str:
    """Check the address to publish ports on.

    Host names and 0.0.0.0 are refused: they don't limit who can connect.
    """
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        raise ValueError(f"{quote(value)} is not an IP address; write one such as 10.0.0.5") from None
    if address.is_unspecified:
        raise ValueError(
            f"{value} publishes on every network; write the one address at which the engine's host is reached"
        )
    return value


def parse_address(value: Any) -> Any:
    """Parse a text such as 10.0.0.5:5557 into the host or address and the port."""
    host, _, port = str(value).rpartition(":")
    if (
        not re.fullmatch(r"[A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\]", host)
        or not port.isdecimal()
        or int(port) > 65535
    ):
        raise ValueError(f"{quote(value)} is not an address; write one such as 10.0.0.5:5557")
    return host.strip("[]"), int(port)


def check_currency(value: str) -> str:
    return require_match(value, r"[^\s\d<>&]{1,8}", "is not a currency; write one such as EUR")


def check_precision(value: float) -> float:
    if not 0.005 <= value <= 0.5:
        raise ValueError(f'{format_percent(value)} is out of range; write a precision from "0.5%" to "50%"')
    return value
