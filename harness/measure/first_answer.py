"""Hold the first step of a container run again while the target is up, but not all of it answers yet.

A port may accept connections long before the service behind it works: a proxy that answers 503 until its
application has started, or a server that loads its data first. This says nothing about the load.
"""

import numpy as np

from harness.measure.answer_watch import NOT_STARTED
from harness.measure.session import ContainerSession
from harness.measure.step import StepSpec, hold_step
from harness.model import ANSWERED, EndReason, StepFacts

_PAUSE_S = 1.0
_FEWEST_FAILURES = 3
_EARLY_ENDS = (EndReason.ALL_FAILED, EndReason.STALLED, EndReason.USERS_MISSING, EndReason.GENERATOR_DIED)


def hold_first_step(session: ContainerSession, spec: StepSpec, within_s: float) -> StepFacts:
    """Hold a step as `hold_step` does, and again with new users as long as the target was still starting.

    `within_s` counts from the start of the target's container. The facts are those of the last time that the
    step was held, which began before `within_s` was over.
    """
    deadline_s = session.started_s + within_s - session.target.ready_after_s
    facts = hold_step(session, spec)
    while (lacks_answers(facts) or lacks_part(facts)) and session.clock.now_s() + _PAUSE_S < deadline_s:
        session.clock.sleep(_PAUSE_S)
        session.restart_generator()
        facts = hold_step(session, spec)
    return facts


def lacks_answers(facts: StepFacts) -> bool:
    """Return True if requests were made, none was answered, and the step ended early."""
    requests = facts.requests
    has_asked = len(requests.error) > 0 or len(requests.unfinished_start_s) > 0
    return facts.end_reason in _EARLY_ENDS and has_asked and not bool(np.any(requests.error == ANSWERED))


def lacks_part(facts: StepFacts) -> bool:
    """Return True if a part of the target started only within the window, or not at all, while others worked.

    There is a request name whose requests failed as those of a missing part do, also within the window, until
    the first of them was answered, and none of which failed later. Load makes requests fail among answered
    ones.
    """
    requests = facts.requests
    not_started = [bool(NOT_STARTED.search(text)) for text in requests.errors]
    for name in np.unique(requests.name[requests.error != ANSWERED]):
        rows = requests.name == name
        start_s, error = requests.start_s[rows], requests.error[rows]
        failed = error != ANSWERED
        first_answer_s = float(np.min(start_s[~failed], initial=np.inf))
        last_failure_s = float(start_s[failed].max())
        is_late = facts.window_from_s is None or last_failure_s >= facts.window_from_s
        is_missing = failed.sum() >= _FEWEST_FAILURES and all(not_started[number] for number in error[failed])
        if is_late and is_missing and last_failure_s < first_answer_s:
            return True
    return False
