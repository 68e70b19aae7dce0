"""Pages of several processes become the facts of one generator."""

import base64
from array import array
from typing import Any

import numpy as np
import pytest

from harness.measure.locust.pages import PageBuffer, concat_facts, concat_unreported, merge_facts
from harness.measure.locust.task_pages import concat_tasks

FLOATS = ("start", "latency", "think_start", "think", "unfinished_start", "unreported_start")
NUMBERS = ("name", "error", "owner", "unfinished_name", "unfinished_owner", "think_owner", "unreported_name")


def build_page(at: float, **more: Any) -> dict[str, Any]:
    """Build a page in the plugin's format, with an empty column for each one that `more` lacks."""
    page: dict[str, Any] = {"names": [], "errors": [], "closing": False, "reached": 0}
    page |= {"at": at, "cpu": 1.0, "rss": 100, "lag": 0.001, "users": 0, "in_flight": 0} | more
    page |= {key: encode_column(array("d", more.get(key, []))) for key in FLOATS}
    return page | {key: encode_column(array("i", more.get(key, []))) for key in NUMBERS}


def encode_column(column: "array[Any]") -> str:
    return base64.b64encode(column).decode()


def build_remote_clock(offset: float, error: float = 0.001) -> dict[str, Any]:
    return {"here": False, "offset": offset, "error": error}


def test_facts_of_workers_are_returned_with_the_next_page_of_their_master() -> None:
    pages = PageBuffer(workers=2)
    pages.add(build_page(1.0, start=[0.5], latency=[0.1], name=[0], error=[-1], names=["GET /"], users=3), 1)
    assert pages.take().samples == ()
    pages.add(build_page(1.2, users=4, cpu=2.0), 2)
    pages.add(build_page(1.3, workers=2, reached=7, users=99, cpu=0.5))
    facts = pages.take()
    assert facts.requests.start_s.tolist() == [0.5]
    (sample,) = facts.samples
    assert (sample.at_s, sample.users, sample.cpu_s, facts.reached_users) == (1.3, 7, 3.5, 7)
    assert [(each.worker, each.users) for each in facts.workers] == [(1, 3), (2, 4), (0, 0)]


def test_each_process_has_numbers_of_its_own_for_names_and_errors() -> None:
    pages = PageBuffer(workers=2)
    row = {"latency": [0.1], "name": [0], "error": [0]}
    pages.add(build_page(1.0, start=[0.1], names=["GET /"], errors=["refused"], **row), 1)
    pages.add(build_page(1.0, start=[0.2], names=["GET /item"], errors=["reset"], **row), 2)
    pages.add(build_page(1.1))
    pages.add(build_page(1.5, start=[1.2], latency=[0.1], name=[0], error=[-1]), 2)
    pages.add(build_page(1.6))
    facts = pages.take()
    names = [facts.requests.names[number] for number in facts.requests.name]
    assert names == ["GET /", "GET /item", "GET /item"]
    assert [facts.requests.errors[n] if n >= 0 else None for n in facts.requests.error] == [
        "refused",
        "reset",
        None,
    ]


def test_instants_of_another_clock_are_converted_to_the_local_one() -> None:
    pages = PageBuffer(workers=1)
    remote = build_page(
        5001.0,
        start=[5000.5],
        latency=[0.1],
        name=[0],
        error=[-1],
        names=["GET /"],
        think_start=[5000.6],
        think=[2.0],
        unfinished_start=[5000.9],
        unfinished_name=[0],
    )
    pages.add(remote, 1, build_remote_clock(5000.0))
    pages.add(build_page(1.1))
    facts = pages.take()
    assert facts.requests.start_s.tolist() == pytest.approx([0.5])
    assert facts.requests.latency_s.tolist() == [0.1]
    assert facts.thinks.start_s.tolist() == pytest.approx([0.6])
    assert facts.requests.unfinished_start_s.tolist() == pytest.approx([0.9])
    assert facts.workers[0].at_s == pytest.approx(1.0)
    assert (facts.workers[0].here, facts.workers[0].clock_offset_s) == (False, 5000.0)


def test_a_step_is_closed_when_every_process_has_closed_it() -> None:
    pages = PageBuffer(workers=2)
    pages.add(build_page(1.0, closing=True))
    pages.add(build_page(1.01, closing=True), 1)
    assert not pages.is_closed
    pages.add(
        build_page(1.02, closing=True, unfinished_start=[1.01], unfinished_name=[0], names=["GET /"]), 2
    )
    assert pages.is_closed
    facts = pages.take()
    assert not pages.is_closed
    assert facts.samples[-1].at_s == 1.0
    assert np.all(facts.requests.unfinished_start_s <= facts.samples[-1].at_s)


def test_the_requests_in_flight_in_all_workers_are_known_while_a_step_runs() -> None:
    """Worker 1 sent two pages: the request in flight of its first page has ended."""
    pages = PageBuffer(workers=2)
    pages.add(build_page(1.0, unfinished_start=[0.2], unfinished_name=[0], names=["GET /"]), 1)
    pages.add(build_page(1.1, unfinished_start=[0.4, 1.0], unfinished_name=[0, 0], names=["GET /"]), 2)
    pages.add(build_page(1.4, unfinished_start=[1.3], unfinished_name=[0]), 1)
    pages.add(build_page(1.5))
    assert sorted(pages.take().requests.unfinished_start_s.tolist()) == [0.4, 1.0, 1.3]


def test_a_worker_that_reports_no_more_does_not_prepare_the_test() -> None:
    pages = PageBuffer(workers=1)
    pages.add(build_page(1.0, preparing=True), 1)
    pages.add(build_page(1.1))
    assert pages.take().is_preparing
    pages.add(build_page(3.1))
    assert not pages.take().is_preparing


def test_a_worker_that_reports_no_more_is_silent_with_its_requests() -> None:
    """Worker 2 reported at 1.1 s, and worker 1 has nothing in flight."""
    pages = PageBuffer(workers=2)
    pages.add(build_page(1.1, unfinished_start=[0.4], unfinished_name=[0], names=["GET /"]), 2)
    pages.add(build_page(7.0), 1)
    pages.add(build_page(7.1))
    assert pages.take().silent_s == pytest.approx(6.0)


def test_a_single_process_has_no_rows_for_workers() -> None:
    pages = PageBuffer()
    pages.add(build_page(1.0, users=3, reached=3, in_flight=1))
    facts = pages.take()
    assert (facts.samples[0].users, facts.samples[0].in_flight, facts.workers) == (3, 1, ())
    assert concat_facts([facts])[2] == facts.samples


def test_users_of_different_workers_have_different_numbers() -> None:
    """With three processes user n of worker w gets number 3·n + w; odd owners stay odd, and -1 stays -1."""
    pages = PageBuffer(workers=2)
    row = {"start": [0.1] * 3, "latency": [0.1] * 3, "name": [0] * 3, "error": [-1] * 3, "names": ["GET /"]}
    pages.add(build_page(1.0, owner=[0, 3, -1], **row), 1)
    pages.add(
        build_page(1.0, owner=[0, 3, -1], think_start=[0.5], think=[1.0], think_owner=[2], **row)
        | {"unfinished_start": encode_column(array("d", [0.9]))}
        | {
            "unfinished_name": encode_column(array("i", [0])),
            "unfinished_owner": encode_column(array("i", [4])),
        },
        2,
    )
    pages.add(build_page(1.1))
    facts = pages.take()
    assert facts.requests.owner.tolist() == [2, 9, -1, 4, 11, -1]
    assert facts.thinks.owner.tolist() == [10]
    assert facts.requests.unfinished_owner.tolist() == [16]


def test_the_owners_of_a_single_process_are_kept() -> None:
    pages = PageBuffer()
    row = {"start": [0.1] * 2, "latency": [0.1] * 2, "name": [0] * 2, "error": [-1] * 2, "names": ["GET /"]}
    pages.add(build_page(1.0, owner=[6, 7], **row))
    assert pages.take().requests.owner.tolist() == [6, 7]


def test_requests_that_were_never_reported_are_named_by_their_start_and_name() -> None:
    pages = PageBuffer()
    pages.add(build_page(1.0, names=["GET /a", "GET /b"], unreported_start=[0.5], unreported_name=[1]))
    first = pages.take()
    pages.add(build_page(2.0, names=["GET /c"], unreported_start=[1.5], unreported_name=[2]))
    unreported = concat_unreported([first, pages.take()], 0.25)
    assert unreported.start_s.tolist() == [0.25, 1.25]
    assert unreported.name.tolist() == [1, 2]
    assert len(concat_unreported([], 0.0).start_s) == 0


def test_parts_that_were_merged_are_concatenated_as_they_are() -> None:
    """The second poll has nothing new. The last one knows one more name and has another request in flight."""
    pages, polls = PageBuffer(), []
    for number, names in enumerate((["GET /a"], None, ["GET /b"])):
        if names is not None:
            row = {"start": [number + 0.1], "latency": [0.2], "name": [number // 2], "error": [-1]}
            flying = {"unfinished_start": [number + 0.4], "unfinished_name": [number // 2]}
            lost = {"unreported_start": [number + 0.3], "unreported_name": [number // 2]}
            page = build_page(number + 0.5, names=names, owner=[number], **row, **flying, **lost)
            pages.add(page | {"tasks": 3, "task_errors": [], "task_error_kinds": []})
        polls.append(pages.take())
    merged = [merge_facts(polls[:2]), polls[2]]
    for one, other in zip(concat_facts(polls)[:2], concat_facts(merged)[:2], strict=True):
        assert repr(one) == repr(other)
    requests, _, samples = concat_facts(merged)
    assert requests.start_s.tolist() == pytest.approx([0.1, 2.1])
    assert requests.unfinished_start_s.tolist() == pytest.approx([2.4])
    assert [sample.at_s for sample in samples] == [0.5, 2.5]
    assert concat_unreported(merged, 0.0).start_s.tolist() == pytest.approx([0.3, 2.3])
    assert concat_tasks((part.tasks for part in merged), 0.0) == concat_tasks(
        (part.tasks for part in polls), 0.0
    )
