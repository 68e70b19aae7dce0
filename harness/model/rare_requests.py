"""What a window lacks if it holds too few requests for an SLO."""

from dataclasses import dataclass

from harness.model.plan import Slo


@dataclass(frozen=True, slots=True)
class TooFewRequests:
    """An SLO that cannot be judged, because the window holds too few requests.

    `requests` of the SLO's name were made by `users` in `window_s`, of which it needs at least `needed`.
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
