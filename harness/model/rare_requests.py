"""What a window lacks if it holds too few requests, or too few answers, for an SLO."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from harness.model.failures import RequestFailure
from harness.model.plan import Slo


@dataclass(frozen=True, slots=True)
class TooFewRequests:
    """An SLO that cannot be judged, because the window holds too few requests.

    `requests` of the SLO's name, made by `users` in `window_s`, were answered; it needs at least `needed`.
    `failed` more of its name failed.
    `names` are the request names of the window if none of its `all_requests` had the SLO's name. `users_at`
    is the number of users for which a remedy is to be named, such as the users limit.
    """

    slo: Slo
    requests: int = 0
    needed: int = 0
    users: int = 0
    window_s: float = 0.0
    all_requests: int = 0
    names: tuple[str, ...] = ()
    users_at: int | None = None
    failed: int = 0


@dataclass(frozen=True, slots=True)
class NameFailed:
    """An SLO on a request name of which all `requests` of the window failed, most often with `failure`."""

    slo: Slo
    requests: int
    failure: RequestFailure


def find_nearest_name(request_name: str, names: Sequence[str]) -> str | None:
    """Return the request name of `names` that somebody who wrote `request_name` may mean; None without one.

    A name may be written without its method, so paths are compared: the same one with another method first,
    then a similar one, whatever its case, its query and its last slash.
    """
    by_path: dict[str, str] = {}
    for name in sorted(names):
        by_path.setdefault(_read_path(name), name)
    wanted = _read_path(request_name)
    near = [wanted] if wanted in by_path else get_close_matches(wanted[:200], by_path, n=1)
    return by_path[near[0]] if near else None


def _read_path(name: str) -> str:
    """Return the part of a request name that is compared: without method, query and last slash."""
    method, _, path = name.strip().partition(" ")
    path = path if method.isalpha() and path else name.strip()
    return path.partition("?")[0].lower().rstrip("/") or "/"
