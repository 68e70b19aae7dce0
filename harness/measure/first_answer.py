"""Hold the first step of a container run again while the target is up, but answers no request yet.

A port may accept connections long before the service behind it works: a proxy that answers 503 until its
application has started, or a server that loads its data first. This says nothing about the load.
"""

import numpy as np

from harness.measure.session import ContainerSession
from harness.measure.step import StepSpec, hold_step
from harness.model import ANSWERED, EndReason, StepFacts

_PAUSE_S = 1.0
_EARLY_ENDS = (EndReason.ALL_FAILED, EndReason.STALLED, EndReason.USERS_MISSING, EndReason.GENERATOR_DIED)


def hold_first_step(session: ContainerSession, spec: StepSpec, within_s: float) -> StepFacts:
    """Hold a step as `hold_step` does, and again with new users as long as no request at all was answered.

    `within_s` counts from the start of the target's container. The facts are those of the last time that the
    step was held, which began before `within_s` was over.
    """
    deadline_s = session.started_s + within_s - session.target.ready_after_s
    facts = hold_step(session, spec)
    while lacks_answers(facts) and session.clock.now_s() + _PAUSE_S < deadline_s:
        session.clock.sleep(_PAUSE_S)
        session.restart_generator()
        facts = hold_step(session, spec)
    return facts


def lacks_answers(facts: StepFacts) -> bool:
    """Return True if requests were made, none was answered, and the step ended early."""
    requests = facts.requests
    has_asked = len(requests.error) > 0 or len(requests.unfinished_start_s) > 0
    return facts.end_reason in _EARLY_ENDS and has_asked and not bool(np.any(requests.error == ANSWERED))
