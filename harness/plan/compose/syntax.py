"""The many ways in which a compose file may write one thing."""

import re
from collections.abc import Sequence
from pathlib import Path


def dotenv(path: Path) -> dict[str, str]:
    """NAME=VALUE lines; nothing where there is no such file."""
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


def pair(text: str) -> tuple[str, str | None]:
    name, equals, value = text.partition("=")
    return name, value if equals else None


def slug(name: str) -> str:
    return re.sub(r"[^a-z0-9_.-]+", "-", name.lower())


def port_of(value: object) -> int | None:
    """The one inside, of `8080:80`, `127.0.0.1::80/tcp`, 80, or the long form."""
    text = str(value.get("target", "") if isinstance(value, dict) else value)
    number = text.rpartition(":")[2].partition("/")[0].partition("-")[0]
    return int(number) if number.isdigit() else None


def hard(most: object) -> object:
    return most.get("hard", most.get("soft")) if isinstance(most, dict) else most


def mount(volume: object) -> tuple[str, str, bool]:
    """Source (empty: none), place inside, and whether it may be written."""
    if isinstance(volume, dict):
        source = str(volume.get("source", "")) if volume.get("type") == "bind" else ""
        return source, str(volume.get("target", "")), not volume.get("read_only")
    parts: Sequence[str] = str(volume).split(":")
    if len(parts) == 1:
        return "", parts[0], True
    return parts[0], parts[1], "ro" not in parts[2:]
