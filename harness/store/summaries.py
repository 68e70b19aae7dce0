"""The answers of all campaigns in a results folder, as their summary.json tells them."""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.store.folder import SAFE_NAME

FORMAT = 1
MOST_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class SizeSummary:
    """One cell of a stored answer."""

    cpu_cores: float
    memory_bytes: int
    replicas: int
    status: str
    sustained_users: int | None
    broken_users: int | None


@dataclass(frozen=True, slots=True)
class Summary:
    """A stored answer; `damage` says why it can't be read, where it can't."""

    campaign: str
    target: str = ""
    state: str = ""
    users_limit: int = 0
    sizes: tuple[SizeSummary, ...] = ()
    damage: str = ""


def read_summaries(results: Path) -> list[Summary]:
    """Every campaign's, in the order of their names, which is that of their beginnings.

    A damaged one is among them, with what is wrong; links and other folders are not.
    """
    if not results.is_dir():
        return []
    folders = sorted(path for path in results.iterdir() if path.is_dir() and not path.is_symlink())
    return [
        _summary(path)
        for path in folders
        if SAFE_NAME.fullmatch(path.name) and (path / "summary.json").is_file()
    ]


def _summary(folder: Path) -> Summary:
    path = folder / "summary.json"
    try:
        if path.is_symlink() or path.stat().st_size > MOST_BYTES:
            raise ValueError("a link, or too large")
        document = json.loads(path.read_bytes())
        if document["format"] != FORMAT:
            raise ValueError(f"format {document['format']!r}, this harness reads {FORMAT}")
        return Summary(
            campaign=folder.name,
            target=_text(document["target"]),
            state=_text(document["state"]),
            users_limit=_whole(document["users_limit"]) or 0,
            sizes=tuple(_sizes(document["cells"])),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        return Summary(folder.name, damage=f"summary.json can't be read: {type(error).__name__}: {error}")


def _sizes(cells: list[Any]) -> Iterator[SizeSummary]:
    for cell in cells:
        cores = float(cell["cpu_cores"])
        if not math.isfinite(cores):
            raise ValueError("cpu_cores is not a number")
        yield SizeSummary(
            cpu_cores=cores,
            memory_bytes=_whole(cell["memory_bytes"]) or 0,
            replicas=_whole(cell.get("replicas", 1)) or 1,
            status=_text(cell["status"]),
            sustained_users=_whole(cell["sustained_users"]),
            broken_users=_whole(cell["broken_users"]),
        )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not a text")
    return value


def _whole(value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**62:
        raise TypeError(f"{value!r} is not a whole number")
    return value
