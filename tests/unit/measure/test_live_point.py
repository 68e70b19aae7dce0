"""What is shown of a running step follows from the polls of its last seconds."""

import numpy as np

from harness.measure.live_point import measure_point
from harness.measure.protocols import GeneratorFacts
from harness.measure.step import ProgressSample
from harness.model import MIB, GeneratorSample, Requests, TargetSample, ThinkTimes
from harness.model.live import LivePoint


def make_facts(
    from_s: float, to_s: float, latencies_s: list[float], errors: list[int] | None = None
) -> GeneratorFacts:
    """Make the facts of one poll; `errors` has the number of each request's error, or -1."""
    count = len(latencies_s)
    error = np.array(errors or [-1] * count, dtype=np.int32)
    requests = Requests(
        ("GET /",),
        ("HTTP 500",),
        np.full(count, from_s),
        np.array(latencies_s),
        np.zeros(count, np.int32),
        error,
    )
    samples = tuple(GeneratorSample(at_s, 0.0, 0, 0.0, 180, 7) for at_s in (from_s, to_s))
    return GeneratorFacts(requests, ThinkTimes(), samples)


def make_target_sample(at_s: float, cpu_s: float, memory_mib: int) -> TargetSample:
    return TargetSample(at_s, cpu_s, 0, 0, 0.0, memory_mib * MIB, None, 0, 0)


def test_the_rates_and_response_times_are_those_of_good_answers() -> None:
    """Within 10 s there are 20 good answers, the slowest two of which take 0.8 s and 0.9 s, and 5 errors.

    The 95th percentile of twenty is the nineteenth, the median the tenth.
    """
    good_s = [0.1] * 10 + [0.2] * 8 + [0.8, 0.9]
    facts = (make_facts(0, 4, good_s), make_facts(4, 10, [9.0] * 5, [0] * 5))
    target = tuple(make_target_sample(at_s, 3 + 0.25 * at_s, 60 + int(at_s)) for at_s in (5.0, 6.0, 9.0))
    point = measure_point(ProgressSample("window", 182, 34.0, facts, target))
    assert point == LivePoint(34.0, "window", 180, 7, 2.0, 0.5, 0.1, 0.8, 0.25, 69 * MIB)


def test_without_answers_and_counters_nothing_is_made_up() -> None:
    point = measure_point(ProgressSample("ramp", 182, 0.25, (), ()))
    assert point == LivePoint(0.25, "ramp", 0, 0)


def test_one_sample_is_no_span_of_time() -> None:
    facts = GeneratorFacts(Requests(), ThinkTimes(), (GeneratorSample(1.0, 0.0, 0, 0.0, 3, 3),))
    point = measure_point(ProgressSample("ramp", 182, 0.5, (facts,), (make_target_sample(1.0, 0.5, 60),)))
    assert point == LivePoint(0.5, "ramp", 3, 3, memory_bytes=60 * MIB)


def test_users_who_all_wait_have_no_response_time_and_answer_nothing() -> None:
    point = measure_point(ProgressSample("ramp", 182, 9.0, (make_facts(0, 8, []),), ()))
    assert point == LivePoint(9.0, "ramp", 180, 7, rps=0.0, errors_ps=0.0)
