"""End a step at once whose target answers nothing: it stalls, or every request fails."""

import re

import numpy as np

from harness.measure.protocols import GeneratorFacts
from harness.measure.step_end import StopStep, compute_oldest_wait_s
from harness.model import ANSWERED, EndReason, Requests

_STALL_AT_LEAST_S = 5.0
_STALL_DRAINS = 5
"""A step stalls if its oldest open request has waited for this many times the drain and for at least the
seconds above, and no request has ended meanwhile.
"""

_FIRST_REQUESTS = 10
_FAILING_FOR_S = 3.0
"""The first requests of users may all be meant to fail, such as a registration of somebody who is known
already. So they get this long for a request that is answered, unless the target has not started.
"""

NOT_STARTED = re.compile(r"\b50[234]\b|Connection|RemoteDisconnected|ProtocolError")
"""What requests fail with while a part of the target has not started: it refuses them, or its proxy does."""


class AnswerWatch:
    """What is known of a step's answers so far. Instants are those of the step."""

    def __init__(self, drain_s: float) -> None:
        self._limit_s = max(_STALL_AT_LEAST_S, _STALL_DRAINS * drain_s)
        self._last_ended_s = 0.0
        self._failed_from_s: float | None = None
        self._failed_requests = 0
        self._has_answer = False
        self._may_be_meant = False

    def begin(self, now_s: float) -> None:
        """Begin with the ramp: before it no request is in flight."""
        self._last_ended_s = now_s

    def check(self, facts: GeneratorFacts, now_s: float) -> None:
        """Stop the step if a request waits and none ends for too long, or if the first requests all failed.

        If no request is in flight, or only new ones are, the users are thinking, which is no stall. A failed
        request has ended too. So it is no sign of a stall, but neither is it an answer. What the scenario
        asks before any user does, to prepare the test, tells nothing of the users' requests.
        """
        requests = facts.requests
        if len(requests.error):
            self._last_ended_s = now_s
            self._note(requests, now_s)
        if min(now_s - self._last_ended_s, compute_oldest_wait_s(facts)) > self._limit_s:
            waiting = facts.samples[-1].in_flight
            note = f"no request was answered for {self._limit_s:.0f} s while {waiting} waited"
            raise StopStep(EndReason.STALLED, note)
        if self._has_answer or self._failed_from_s is None or self._failed_requests < _FIRST_REQUESTS:
            return
        if not self._may_be_meant or now_s - self._failed_from_s >= _FAILING_FOR_S:
            raise StopStep(EndReason.ALL_FAILED, f"the first {self._failed_requests} requests all failed")

    def _note(self, requests: Requests, now_s: float) -> None:
        error, owner = requests.error, requests.owner
        error = error[owner >= 0] if len(owner) == len(error) else error
        failed = error[error != ANSWERED]
        self._has_answer = self._has_answer or len(failed) < len(error)
        self._failed_requests += len(failed)
        texts = (requests.errors[number] for number in np.unique(failed))
        self._may_be_meant = self._may_be_meant or any(not NOT_STARTED.search(text) for text in texts)
        if len(failed) and self._failed_from_s is None:
            self._failed_from_s = now_s
