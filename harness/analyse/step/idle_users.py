"""Find users that go on without asking for anything, because a request of theirs had failed.

Some scenarios log in at first, and skip all requests of users that could not. Such users load nothing, so a
number of users that holds them is too high.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from harness.analyse.intervals import compute_wilson_interval
from harness.analyse.step.window import Window
from harness.model import ANSWERED, IndicatorKind, Judgement, Rule, Slo, StepFacts
from harness.model.evidence import SloBroken, SloEvaluation
from harness.model.failures import count_failures
from harness.model.task_evidence import UsersIdle

_IDLE_BELOW = 0.05
"""From this share of the users on, a step is no PASS: the number of users may be wrong by as much."""

_FEWEST_USERS = 2
_FEWEST_PAUSES = 3
"""A user that has paused so often in the window went through its tasks, and asked for nothing."""


def check_idle_users(facts: StepFacts, window: Window, slos: Sequence[Slo]) -> Judgement | None:
    """Return that too many users asked for nothing in the window after a failed request; None if not.

    It is a FAIL if the requests before the window broke an SLO on errors, and INVALID otherwise. None also if
    it is not known which user did what.
    """
    requests, thinks = facts.requests, facts.thinks
    if len(requests.owner) != len(requests.start_s) or len(thinks.owner) != len(thinks.start_s):
        return None
    idle = _find_idle_users(facts, window)
    if len(idle) < max(_FEWEST_USERS, _IDLE_BELOW * window.users):
        return None
    is_before = requests.start_s < window.from_s
    failure = count_failures(requests, is_before & np.isin(requests.owner // 2, idle))[0]
    broken = _find_broken_slo(facts, is_before & (requests.start_s >= facts.ramp_from_s), slos)
    return broken or Judgement(Rule.USERS, UsersIdle(len(idle), window.users, failure))


def _find_idle_users(facts: StepFacts, window: Window) -> NDArray[np.int32]:
    """Return the numbers of the users that paused in the window, asked for nothing, and had failed before."""
    requests, thinks = facts.requests, facts.thinks
    has_paused = (thinks.start_s >= window.from_s) & (thinks.start_s < window.to_s) & (thinks.owner >= 0)
    users, counts = np.unique(thinks.owner[has_paused] // 2, return_counts=True)
    users = users[counts >= _FEWEST_PAUSES]
    ended_s = requests.start_s + requests.latency_s
    asked = requests.owner[(ended_s >= window.from_s) & (requests.start_s < window.to_s)]
    waiting = requests.unfinished_owner[requests.unfinished_start_s < window.to_s]
    users = users[~np.isin(users, np.concatenate([asked, waiting]) // 2)]
    return users[np.isin(users, _find_last_failed(facts, window.from_s))]


def _find_last_failed(facts: StepFacts, before_s: float) -> NDArray[np.int32]:
    """Return the numbers of the users whose last request before an instant has failed."""
    requests = facts.requests
    is_before = (requests.start_s < before_s) & (requests.owner >= 0)
    user, error = requests.owner[is_before] // 2, requests.error[is_before]
    order = np.argsort(requests.start_s[is_before], kind="stable")[::-1]
    users, last = np.unique(user[order], return_index=True)
    failed: NDArray[np.int32] = users[error[order][last] != ANSWERED]
    return failed


def _find_broken_slo(facts: StepFacts, is_before: NDArray[np.bool_], slos: Sequence[Slo]) -> Judgement | None:
    """Return that the requests before the window surely broke an SLO on the errors of all requests."""
    failed = facts.requests.error[is_before] != ANSWERED
    share = float(failed.mean()) if len(failed) else 0.0
    for slo in slos:
        is_about_all = slo.kind is IndicatorKind.ERRORS and slo.request_name is None
        if is_about_all and share and compute_wilson_interval(share, len(failed))[0] > slo.at_most:
            return Judgement(
                Rule.SLO_BROKEN, SloBroken(SloEvaluation(slo, share, holds=False, is_settled=True))
            )
    return None
