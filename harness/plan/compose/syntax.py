"""Parse the several notations that a compose file allows for one thing."""

import re
from collections.abc import Sequence
from pathlib import Path


def read_dotenv(path: Path) -> dict[str, str]:
    """Return the variables of the NAME=VALUE lines of a file; nothing if the file can't be read."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return {}
    pairs = (line.strip().removeprefix("export ").partition("=") for line in lines)
    return {
        name.strip(): value.strip().strip("\"'")
        for name, equals, value in pairs
        if equals and re.fullmatch(r"\w+", name.strip())
    }


def split_pair(text: str) -> tuple[str, str | None]:
    """Split NAME=VALUE; the value is None without an equals sign."""
    name, equals, value = text.partition("=")
    return name, value if equals else None


def to_target_name(text: str) -> str:
    """Turn a text into lower case, with `-` for the characters that a target's name can't have."""
    return re.sub(r"[^a-z0-9_.-]+", "-", text.lower())


def parse_port(value: object) -> int | None:
    """Return the container's port in `8080:80`, `127.0.0.1::80/tcp`, 80 or the long form, or None."""
    text = str(value.get("target", "") if isinstance(value, dict) else value)
    number = text.rpartition(":")[2].partition("/")[0].partition("-")[0]
    return int(number) if number.isdigit() else None


def find_hard_limit(ulimit: object) -> object:
    """Return the hard limit of a ulimit in its short or its long form."""
    return ulimit.get("hard", ulimit.get("soft")) if isinstance(ulimit, dict) else ulimit


def parse_mount(volume: object) -> tuple[str, str, bool]:
    """Return a volume's source on the host ("" if none), its path in the container, and if it is writable."""
    if isinstance(volume, dict):
        source = str(volume.get("source", "")) if volume.get("type") == "bind" else ""
        return source, str(volume.get("target", "")), not volume.get("read_only")
    parts: Sequence[str] = str(volume).split(":")
    if len(parts) == 1:
        return "", parts[0], True
    return parts[0], parts[1], "ro" not in parts[2:]
