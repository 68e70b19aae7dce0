"""Write the pairs of a comparison of two versions to a campaign's log, and read them back."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from harness.errors import StoreError
from harness.model.ab import AbTest, AbWindows, Side
from harness.model.resources import Limits
from harness.store.folder import CampaignFolder
from harness.store.json_values import parse_optional_text

STARTED, FINISHED = "comparison-started", "pair-finished"
"""The events of a comparison, beside those of every campaign."""


@dataclass(frozen=True, slots=True)
class StoredHeld:
    """A window of one side: the file of its step, or why the target did not come up; both None if neither."""

    file: str | None = None
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class StoredPair:
    """A pair of windows, one of each side."""

    number: int
    base: StoredHeld
    head: StoredHeld
    ended_s: float
    is_final: bool = False


@dataclass(frozen=True, slots=True)
class StoredComparison:
    """A comparison as its log has it.

    `digests` are those of the images. `users_asked` is None if the pilot chose the users. `windows` is None
    in the log of an older harness: such a comparison can't go on.
    """

    test: AbTest
    pairs: tuple[StoredPair, ...]
    digests: Mapping[Side, str]
    users_asked: int | None = None
    windows: AbWindows | None = None


def add_test(
    folder: CampaignFolder,
    test: AbTest,
    images: Mapping[Side, str],
    windows: AbWindows,
    users_asked: int | None,
) -> None:
    """Log what the comparison asks for, the digest of each side's image, and how the windows are held."""
    folder.event_log.append(
        STARTED,
        base=test.base,
        head=test.head,
        base_digest=images[Side.BASE],
        head_digest=images[Side.HEAD],
        cpu_cores=test.limits.cpu_cores,
        memory_bytes=test.limits.memory_bytes,
        replicas=test.limits.replicas,
        users=test.users,
        within_s=test.within_s,
        least_ratio=test.least_ratio,
        same=test.is_same_image,
        users_asked=users_asked,
        settle_s=windows.settle_s,
        window_s=windows.window_s,
        cycle_s=windows.cycle_s,
        cpu_ratio=windows.cpu_ratio,
    )


def add_pair(folder: CampaignFolder, pair: StoredPair) -> None:
    """Log that both windows of a pair were held."""
    folder.event_log.append(
        FINISHED,
        pair=pair.number,
        base=pair.base.file,
        base_failure=pair.base.failure,
        head=pair.head.file,
        head_failure=pair.head.failure,
        ended_s=pair.ended_s,
        final=pair.is_final,
    )


def read_comparison(folder: CampaignFolder) -> StoredComparison | None:
    """Read a comparison from a campaign's log; None if the campaign is none.

    Raises StoreError if the log is damaged.
    """
    started: StoredComparison | None = None
    pairs: list[StoredPair] = []
    for number, event in enumerate(folder.event_log.read(), 1):
        try:
            match event["event"]:
                case "comparison-started":
                    started = _parse_start(event)
                case "pair-finished":
                    pairs.append(_parse_pair(event))
        except (KeyError, TypeError, ValueError) as error:
            raise StoreError(
                f"{folder.event_log.path}:{number}: the event {event['event']} lacks a fact ({error})",
                "restore the file, or compare again",
            ) from None
    return None if started is None else replace(started, pairs=tuple(pairs))


def _parse_start(event: Mapping[str, Any]) -> StoredComparison:
    digests = {Side.BASE: str(event["base_digest"]), Side.HEAD: str(event["head_digest"])}
    asked = event.get("users_asked")
    users_asked = None if asked is None else int(asked)
    return StoredComparison(_parse_test(event), (), digests, users_asked, _parse_windows(event))


def _parse_windows(event: Mapping[str, Any]) -> AbWindows | None:
    if "window_s" not in event:
        return None
    settle_s, window_s, cycle_s = (float(event[key]) for key in ("settle_s", "window_s", "cycle_s"))
    if not all(math.isfinite(length_s) and length_s >= 0 for length_s in (settle_s, window_s, cycle_s)):
        raise ValueError("a length is out of range")
    ratio = event["cpu_ratio"]
    return AbWindows(settle_s, window_s, cycle_s, None if ratio is None else float(ratio))


def _parse_test(event: Mapping[str, Any]) -> AbTest:
    limits = Limits(float(event["cpu_cores"]), int(event["memory_bytes"]), int(event["replicas"]))
    within_s, least_ratio = float(event["within_s"]), float(event["least_ratio"])
    if not (within_s > 0 and 0 < least_ratio < 100):
        raise ValueError("a number is out of range")
    users, is_same = int(event["users"]), bool(event["same"])
    return AbTest(str(event["base"]), str(event["head"]), limits, users, within_s, least_ratio, is_same)


def _parse_pair(event: Mapping[str, Any]) -> StoredPair:
    base = StoredHeld(parse_optional_text(event["base"]), parse_optional_text(event["base_failure"]))
    head = StoredHeld(parse_optional_text(event["head"]), parse_optional_text(event["head_failure"]))
    return StoredPair(int(event["pair"]), base, head, float(event["ended_s"]), bool(event["final"]))
