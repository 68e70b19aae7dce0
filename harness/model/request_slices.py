"""The CPU time that a target used in parts of a step, and the requests that it served in them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RequestSlices:
    """A step from the begin of its ramp to the end of its window, cut into slices.

    The columns `length_s`, `users` (their mean number) and `cpu_s` have a value for each slice. `counts` and
    `starts` have a row for each slice, with the requests of each of `names`: in `starts` a request counts
    where it started, in `counts` in each slice by the share of its time that it spent there. All requests
    that failed have one name, None. `overlaps` is True if many requests that start in a slice are served in
    the next one too.
    """

    names: tuple[str | None, ...]
    length_s: tuple[float, ...]
    users: tuple[float, ...]
    cpu_s: tuple[float, ...]
    counts: tuple[tuple[float, ...], ...]
    starts: tuple[tuple[float, ...], ...]
    overlaps: bool = False
