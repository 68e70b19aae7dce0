"""Cut a step into slices with the CPU time of the target and the requests that it served."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from harness.analyse.step.request_slices import measure_slices
from harness.model import ANSWERED, CpuReading, Requests, StepFacts, TargetSample
from tests.unit.analyse.synthetic import (
    always,
    make_closed_step,
    make_generator_samples,
    make_target_samples,
)

Row = tuple[float, float, int, bool]
SHORT: list[Row] = [(10.1 + number / 100, 0.02, 0, False) for number in range(40)]


def make_facts(rows: Sequence[Row], **changed: Any) -> StepFacts:
    """Return a step of 20 s of (start, latency, name, failed); its target uses half a core."""
    start_s, latency_s, name, failed = (np.array(column) for column in zip(*rows, strict=True))
    requests = Requests(
        names=("GET /a", "GET /b", "GET /c"),
        errors=("503",),
        start_s=start_s.astype(np.float64),
        latency_s=latency_s.astype(np.float64),
        name=name.astype(np.int32),
        error=np.where(failed, 0, ANSWERED).astype(np.int32),
    )
    return replace(make_closed_step(window_s=8.0, requests=requests), **changed)


def test_a_request_counts_in_each_slice_by_the_time_that_it_spent_there() -> None:
    """Slices are 1 s long. A request of 0.4 s lies across 2 s; 40 short ones come after 10 s."""
    slices = measure_slices(make_facts([*SHORT, (1.9, 0.4, 1, False)]))
    assert slices is not None
    assert slices.names == ("GET /a", "GET /b")
    assert slices.length_s == (1.0,) * 20
    assert slices.cpu_s == (0.5,) * 20
    counts = np.array(slices.counts)
    assert counts[:, 0].tolist() == [0.0] * 10 + [40.0] + [0.0] * 9
    assert counts[:5, 1] == pytest.approx([0, 0.25, 0.75, 0, 0])
    assert np.array(slices.starts)[:5, 1].tolist() == [0, 1, 0, 0, 0]


def test_requests_that_wait_for_each_other_count_when_they_are_served() -> None:
    """Ten requests start together and are served one after the other, 0.1 s each: all wait for 0.19 s.

    That is between the first one's 0.1 s and the second one's 0.2 s. Seven end before 3 s. The others end at
    3.05, 3.15 and 3.25 s, and are served from 2.25 + 0.19 = 2.44 s on.
    """
    queue: list[Row] = [(2.25, 0.1 * number, 1, False) for number in range(1, 11)]
    slices = measure_slices(make_facts([*SHORT, *queue]))
    assert slices is not None
    ninth, tenth = (3 - 2.44) / (3.15 - 2.44), (3 - 2.44) / (3.25 - 2.44)
    eighth = (3 - 2.44) / (3.05 - 2.44)
    served = 7 + eighth + ninth + tenth
    assert np.array(slices.counts)[2:4, 1] == pytest.approx([served, 10 - served])
    assert np.array(slices.starts)[2, 1] == 10


def test_a_request_that_ends_or_starts_at_a_border_counts_on_one_side_of_it() -> None:
    slices = measure_slices(make_facts([*SHORT, (1.0, 1.0, 1, False), (2.0, 0.5, 1, False)]))
    assert slices is not None
    assert np.array(slices.counts)[:4, 1].tolist() == [0, 1, 1, 0]
    assert np.array(slices.starts)[:4, 1].tolist() == [0, 1, 1, 0]


@pytest.mark.parametrize(("slow", "overlaps"), [(1, False), (2, True)])
def test_requests_overlap_slices_if_three_per_cent_of_their_time_lies_beyond(
    slow: int, overlaps: bool
) -> None:
    """Of 0.02 s, 0.02² / 2 lie beyond a slice of 1 s on average, and of 0.2 s 0.2² / 2.

    40 short ones and one of 0.2 s: 0.028 of 1 s. With two of them: 0.048 of 1.2 s, or 4 %.
    """
    slices = measure_slices(make_facts([*SHORT, *[(3.0 + number, 0.2, 0, False) for number in range(slow)]]))
    assert slices is not None
    assert slices.overlaps is overlaps


def test_failed_requests_of_all_names_have_one_name() -> None:
    slices = measure_slices(make_facts([*SHORT, (3.1, 0.02, 1, True), (5.1, 0.02, 0, True)]))
    assert slices is not None
    assert slices.names == ("GET /a", None)
    assert [sum(column) for column in zip(*slices.counts, strict=True)] == pytest.approx([40, 2])


def test_slices_are_so_long_that_hardly_anything_lies_beyond_the_next_one() -> None:
    """Of 3 s, 0.56² / (2 · 2.44) lie beyond two slices of 2.44 s: 2.1 %. With 1.95 s it would be 9 %.

    Counters come once a second, so slices take 3 s; the 2 s until the window's end are one more.
    """
    slices = measure_slices(make_closed_step(users=10, think_s=0.5, latency=always(3.0)))
    assert slices is not None
    assert slices.length_s == (*[3.0] * 10, 2.0)
    assert slices.overlaps


def test_counters_that_come_a_little_early_do_not_make_slices_longer() -> None:
    facts = make_facts(SHORT, target=make_target_samples([0.0, 0.97, 1.96, 2.98, 3.95, 4.99]))
    slices = measure_slices(facts)
    assert slices is not None
    assert slices.length_s == pytest.approx((0.97, 0.99, 1.02, 0.97, 1.04))


def test_the_users_of_a_slice_are_their_mean() -> None:
    users = [
        *make_generator_samples([0.25], 1),
        *make_generator_samples([0.75], 3),
        *make_generator_samples([1.5], 8),
    ]
    slices = measure_slices(make_facts(SHORT, generator=tuple(users)))
    assert slices is not None
    assert slices.users[:3] == (2.0, 8.0, 10.0)


def test_slices_are_as_short_as_the_kernels_own_file_was_read() -> None:
    """Ten readings a second; requests of 0.02 s leave 0.02² / (2 · 0.1) / 0.02 = 10 % beyond a slice.

    That of 0.05 s from 3.18 s on spends 0.02 s in one slice, and 0.03
    in the next. The users between two samples, 4 at 1 s and 8 at 1.5 s, are 5.2 from 1.1 to 1.2 s.
    """
    readings = tuple(CpuReading(number / 10, number / 20) for number in range(400))
    users = [*make_generator_samples([1.0], 4), *make_generator_samples([1.5], 8)]
    slices = measure_slices(
        make_facts([*SHORT, (3.18, 0.05, 1, False)], cpu=readings, generator=tuple(users))
    )
    assert slices is not None
    assert slices.length_s == pytest.approx((0.1,) * 200)
    assert slices.cpu_s == pytest.approx((0.05,) * 200)
    assert slices.overlaps
    assert np.array(slices.counts)[30:34, 1] == pytest.approx([0, 0.4, 0.6, 0])
    assert slices.users[11] == pytest.approx(5.2)


@pytest.mark.parametrize(("latency_s", "length_s"), [(0.03, 0.2), (0.041, 1.0)])
def test_slices_are_short_only_where_requests_are_quick(latency_s: float, length_s: float) -> None:
    """Five times 0.03 s are 0.15 s, or two readings; five times 0.041 s are more than 0.2 s."""
    readings = tuple(CpuReading(number / 10, number / 20) for number in range(400))
    rows: list[Row] = [(1.05 + number / 4, latency_s, 0, False) for number in range(60)]
    slices = measure_slices(make_facts(rows, cpu=readings))
    assert slices is not None
    assert slices.length_s == pytest.approx((length_s,) * round(20 / length_s))


def test_readings_of_a_part_of_the_step_only_do_not_count() -> None:
    """Twelve readings in 1.2 s are fewer than the engine's 21 samples in 20 s."""
    readings = tuple(CpuReading(number / 10, number / 20) for number in range(12))
    slices = measure_slices(make_facts(SHORT, cpu=readings))
    assert slices is not None
    assert slices.length_s == (1.0,) * 20


@pytest.mark.parametrize(
    "samples", [make_target_samples([0.0]), make_target_samples([0.0, 1.0, 2.0], -0.5), ()]
)
def test_without_counters_that_rise_there_are_no_slices(samples: tuple[TargetSample, ...]) -> None:
    assert measure_slices(make_facts(SHORT, target=samples)) is None


def test_a_step_without_requests_has_no_slices() -> None:
    assert measure_slices(make_closed_step(requests=Requests())) is None
