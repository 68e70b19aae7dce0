"""Read the answers of all campaigns in a results folder from their summary.json or ab.json."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.model import CampaignState, Limits
from harness.model.summaries import ComparisonSummary, SizeSummary, Summary
from harness.store.folder import SAFE_NAME
from harness.store.folder_lock import is_held
from harness.store.json_values import (
    parse_count,
    parse_number,
    parse_optional_count,
    parse_optional_text,
    parse_text,
)

SUMMARY_FILE, COMPARISON_FILE = "summary.json", "ab.json"
_FORMAT = 1
_MOST_BYTES = 16 * 1024 * 1024


def read_summaries(results: Path) -> list[Summary]:
    """Return the answers of all campaigns by name, which is the order of their starts.

    Links and folders without a summary.json are left out. An answer that cannot be read has its `damage`. If
    the folder `results` does not exist, the list is empty.
    """
    return [read_summary(path) for path in _list_folders(results, SUMMARY_FILE)]


def read_comparisons(results: Path) -> list[ComparisonSummary]:
    """Return the answers of all comparisons of two versions, as `read_summaries` does those of campaigns."""
    return [read_comparison_summary(path) for path in _list_folders(results, COMPARISON_FILE)]


def _list_folders(results: Path, file: str) -> list[Path]:
    """Return the campaigns' folders that have this file, by name."""
    if not results.is_dir():
        return []
    folders = sorted(path for path in results.iterdir() if path.is_dir() and not path.is_symlink())
    return [path for path in folders if SAFE_NAME.fullmatch(path.name) and os.path.isfile(path / file)]


def read_summary(folder: Path) -> Summary:
    """Return the answer of the campaign in this folder; with its `damage` if it can't be read."""
    try:
        document = load_document(folder / SUMMARY_FILE)
        return Summary(
            campaign=folder.name,
            target=parse_text(document["target"]),
            state=_find_state(folder, parse_text(document["state"])),
            users_limit=parse_optional_count(document["users_limit"]) or 0,
            sizes=tuple(_parse_sizes(document["cells"])),
            take=parse_text(document["take"]["cell"]) if document.get("take") else None,
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        return Summary(folder.name, damage=_describe_damage(SUMMARY_FILE, error))


def _find_state(folder: Path, stored: str) -> str:
    """Return the state of a campaign; a harness that was killed has left its campaign as running."""
    is_over = stored == CampaignState.RUNNING and not is_held(folder)
    return CampaignState.INTERRUPTED.value if is_over else stored


def read_comparison_summary(folder: Path) -> ComparisonSummary:
    """Return the answer of the comparison in this folder; with its `damage` if it can't be read."""
    try:
        document = load_document(folder / COMPARISON_FILE)
        return ComparisonSummary(
            campaign=folder.name,
            target=parse_text(document.get("target", "")),
            base=parse_text(document["base"]),
            head=parse_text(document["head"]),
            limits=Limits(
                parse_number(document["cpu_cores"]),
                parse_count(document["memory_bytes"]),
                parse_count(document["replicas"]),
            ),
            users=parse_count(document["users"]),
            is_over=document["over"] is True,
            sentence=parse_text(document["sentence"]),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        return ComparisonSummary(folder.name, damage=_describe_damage(COMPARISON_FILE, error))


def _describe_damage(file: str, error: Exception) -> str:
    return f"{file} can't be read: {type(error).__name__}: {error}"


def load_document(path: Path) -> Any:
    """Return the document of a summary.json or ab.json in our format, whose values are not checked.

    Raises OSError, ValueError, KeyError, TypeError or RecursionError if it is damaged.
    """
    if path.is_symlink() or path.stat().st_size > _MOST_BYTES:
        raise ValueError("it is a link, or too large")
    document = json.loads(path.read_bytes())
    if document["format"] != _FORMAT:
        raise ValueError(f"format {document['format']!r}, this harness reads {_FORMAT}")
    return document


def _parse_sizes(cells: list[Any]) -> Iterator[SizeSummary]:
    for cell in cells:
        yield SizeSummary(
            limits=Limits(
                parse_number(cell["cpu_cores"]),
                parse_optional_count(cell["memory_bytes"]) or 0,
                parse_optional_count(cell.get("replicas", 1)) or 1,
                parse_optional_text(cell.get("variant")),
            ),
            status=parse_text(cell["status"]),
            sustained_users=parse_optional_count(cell["sustained_users"]),
            broken_users=parse_optional_count(cell["broken_users"]),
            id=parse_text(cell.get("id", "")),
            evidence=parse_text(cell.get("evidence", "")),
        )
