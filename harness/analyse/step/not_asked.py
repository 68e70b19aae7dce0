"""Find steps whose load goes elsewhere: the scenario asks another address than the target's.

A client of the scenario's own may have an address of its own, such as `localhost:50051`. Whatever listens
there answers, or refuses, in place of the target.
"""

from harness.analyse.step.window import select_around
from harness.model import ANSWERED, Judgement, Rule, StepFacts
from harness.model.failures import TargetNotAsked, count_failures

_FEWEST_REQUESTS = 5

_PACKET_BYTES = 20
"""Half of the shortest packet. Requests that come one by one make a packet each way."""

_CONTENT_BYTES = 4
"""Less than any request or answer has. Many that come at once share packets, as in a pipeline of Redis."""

_CHATTER_BYTES = 1000
"""What a container receives in its first seconds although nobody asks it: its neighbours look for it."""


def check_target_asked(facts: StepFacts, from_s: float, to_s: float) -> Judgement | None:
    """Return that requests ended in [from_s, to_s] that the target never saw; None if it was asked.

    None also if its network was not counted, or if too few requests or samples tell.
    """
    inside = select_around(facts.target, from_s, to_s) if facts.target else ()
    if len(inside) < 2 or inside[0].at_s >= inside[-1].at_s or inside[-1].received_bytes <= 0:
        return None
    requests = facts.requests
    ended_s = requests.start_s + requests.latency_s
    between = (requests.start_s >= inside[0].at_s) & (ended_s <= inside[-1].at_s)
    count = int(between.sum())
    received = inside[-1].received_bytes - inside[0].received_bytes
    sent = inside[-1].sent_bytes - inside[0].sent_bytes
    least = min(_PACKET_BYTES * count, max(_CHATTER_BYTES, _CONTENT_BYTES * count))
    if count < _FEWEST_REQUESTS or not (0 <= sent < least and 0 <= received < least + _CHATTER_BYTES):
        return None
    has_answers = bool((requests.error[between] == ANSWERED).any())
    failure = None if has_answers else next(iter(count_failures(requests, between)), None)
    return Judgement(Rule.NOT_ASKED, TargetNotAsked(count, sent, failure))
