"""Read the answers of all campaigns in a results folder from their summary.json."""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.store.folder import SAFE_NAME

_FORMAT = 1
_MOST_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class SizeSummary:
    """The answer for one size, as summary.json has it."""

    cpu_cores: float
    memory_bytes: int
    replicas: int
    status: str
    sustained_users: int | None
    broken_users: int | None
    variant: str | None = None


@dataclass(frozen=True, slots=True)
class Summary:
    """The answer of a campaign. `damage` says why summary.json can't be read; the rest is then empty."""

    campaign: str
    target: str = ""
    state: str = ""
    users_limit: int = 0
    sizes: tuple[SizeSummary, ...] = ()
    damage: str = ""


def read_summaries(results: Path) -> list[Summary]:
    """Return the answers of all campaigns by name, which is the order of their starts.

    Links and folders without a summary.json are left out. An answer that cannot be read has its `damage`. If
    the folder `results` does not exist, the list is empty.
    """
    if not results.is_dir():
        return []
    folders = sorted(path for path in results.iterdir() if path.is_dir() and not path.is_symlink())
    return [
        _read_summary(path)
        for path in folders
        if SAFE_NAME.fullmatch(path.name) and (path / "summary.json").is_file()
    ]


def _read_summary(folder: Path) -> Summary:
    path = folder / "summary.json"
    try:
        if path.is_symlink() or path.stat().st_size > _MOST_BYTES:
            raise ValueError("it is a link, or too large")
        document = json.loads(path.read_bytes())
        if document["format"] != _FORMAT:
            raise ValueError(f"format {document['format']!r}, this harness reads {_FORMAT}")
        return Summary(
            campaign=folder.name,
            target=_parse_text(document["target"]),
            state=_parse_text(document["state"]),
            users_limit=_parse_count(document["users_limit"]) or 0,
            sizes=tuple(_parse_sizes(document["cells"])),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        return Summary(folder.name, damage=f"summary.json can't be read: {type(error).__name__}: {error}")


def _parse_sizes(cells: list[Any]) -> Iterator[SizeSummary]:
    for cell in cells:
        cores = float(cell["cpu_cores"])
        if not math.isfinite(cores):
            raise ValueError("cpu_cores is not a number")
        yield SizeSummary(
            cpu_cores=cores,
            memory_bytes=_parse_count(cell["memory_bytes"]) or 0,
            replicas=_parse_count(cell.get("replicas", 1)) or 1,
            status=_parse_text(cell["status"]),
            sustained_users=_parse_count(cell["sustained_users"]),
            broken_users=_parse_count(cell["broken_users"]),
            variant=_parse_text(cell["variant"]) if cell.get("variant") is not None else None,
        )


def _parse_text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not a text")
    return value


def _parse_count(value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**62:
        raise TypeError(f"{value!r} is not a whole number")
    return value
