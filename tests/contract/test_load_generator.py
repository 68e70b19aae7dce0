"""The contract of every `LoadGenerator`."""

from pathlib import Path

import numpy as np
import pytest

from harness.errors import UsageError
from harness.measure.protocols import GeneratorFacts, RunningGenerator
from harness.model import ANSWERED, Scenario
from tests.contract.backends import Backend

pytestmark = pytest.mark.side_by_side

SCENARIO = Scenario((Path(__file__).with_name("locustfile.py"),), ("Visitor",))


def collect_facts(load_backend: Backend, generator: RunningGenerator, seconds: float) -> list[GeneratorFacts]:
    until_s, facts = load_backend.clock.now_s() + seconds, []
    while load_backend.clock.now_s() < until_s:
        facts.append(generator.poll(0.25))
    return [part for part in facts if part.samples]


def ramp_to_users(load_backend: Backend, generator: RunningGenerator, users: int) -> None:
    deadline = load_backend.clock.now_s() + 20
    generator.hold(users, spawn_rate=5)
    while generator.poll(0.25).reached_users != users:
        assert load_backend.clock.now_s() < deadline


def write_scenario(folder: Path, text: str) -> Scenario:
    path = folder / "locustfile.py"
    path.write_text(text)
    return Scenario((path,))


def test_the_user_classes_are_found(load_backend: Backend) -> None:
    assert sorted(load_backend.generator.find_user_classes(Scenario(SCENARIO.locustfiles))) == [
        "Robot",
        "Visitor",
    ]


@pytest.mark.parametrize(
    "text", ["class Visitor(HttpUser:\n", "import os\n"], ids=["a syntax error", "no user class"]
)
def test_a_scenario_that_can_make_no_load_is_a_usage_error(
    load_backend: Backend, tmp_path: Path, text: str
) -> None:
    with pytest.raises(UsageError, match=r"locustfile\.py"):
        load_backend.generator.find_user_classes(write_scenario(tmp_path, text))


def test_a_missing_user_class_is_a_usage_error(load_backend: Backend) -> None:
    with pytest.raises(UsageError, match="Nobody"):
        load_backend.generator.find_user_classes(Scenario(SCENARIO.locustfiles, ("Nobody",)))


def test_users_are_reached_and_held(load_backend: Backend) -> None:
    with (
        load_backend.run(load_backend.build_target()) as running,
        load_backend.generator.start(SCENARIO, running.url) as generator,
    ):
        ramp_to_users(load_backend, generator, 4)
        held = collect_facts(load_backend, generator, 2.0)
        assert {sample.users for part in held for sample in part.samples} == {4}
        assert {part.reached_users for part in held} == {4}


def test_every_answer_is_a_row_on_the_shared_clock(load_backend: Backend) -> None:
    with (
        load_backend.run(load_backend.build_target()) as running,
        load_backend.generator.start(SCENARIO, running.url) as generator,
    ):
        began_s = load_backend.clock.now_s()
        ramp_to_users(load_backend, generator, 4)
        held = collect_facts(load_backend, generator, 3.0)
        now_s = load_backend.clock.now_s()
    last = held[-1].requests
    assert set(last.names) == {"GET /", "GET /?q=[term]"}
    for requests in (part.requests for part in held):
        rows = {
            len(column) for column in (requests.start_s, requests.latency_s, requests.name, requests.error)
        }
        assert len(rows) == 1
        assert np.all(requests.start_s >= began_s)
        assert np.all(requests.start_s + requests.latency_s <= now_s + 0.01)
        assert np.all(requests.latency_s > 0)
        assert np.all(requests.error == ANSWERED)
        assert np.all(requests.name < len(last.names))
    assert sum(len(part.requests.start_s) for part in held) > 20


def test_think_times_are_reported_as_the_scenario_plans_them(load_backend: Backend) -> None:
    with (
        load_backend.run(load_backend.build_target()) as running,
        load_backend.generator.start(SCENARIO, running.url) as generator,
    ):
        ramp_to_users(load_backend, generator, 4)
        planned_s = np.concatenate(
            [part.thinks.planned_s for part in collect_facts(load_backend, generator, 3.0)]
        )
    assert len(planned_s) > 20
    assert 0.1 <= planned_s.min() <= planned_s.max() <= 0.3


def test_closing_a_step_returns_the_remaining_facts_and_keeps_the_users(load_backend: Backend) -> None:
    with (
        load_backend.run(load_backend.build_target()) as running,
        load_backend.generator.start(SCENARIO, running.url) as generator,
    ):
        ramp_to_users(load_backend, generator, 3)
        load_backend.clock.sleep(1.2)
        closing = generator.close_step()
        assert closing.samples[-1].at_s == pytest.approx(load_backend.clock.now_s(), abs=0.2)
        assert len(closing.requests.start_s) > 3
        assert collect_facts(load_backend, generator, 1.0)[-1].samples[-1].users == 3


def test_the_number_of_users_can_be_reduced(load_backend: Backend) -> None:
    with (
        load_backend.run(load_backend.build_target()) as running,
        load_backend.generator.start(SCENARIO, running.url) as generator,
    ):
        ramp_to_users(load_backend, generator, 4)
        ramp_to_users(load_backend, generator, 2)
        assert collect_facts(load_backend, generator, 1.0)[-1].samples[-1].users == 2


def test_a_target_that_is_gone_causes_errors_and_does_not_end_the_generator(load_backend: Backend) -> None:
    with (
        load_backend.run(load_backend.build_target()) as running,
        load_backend.generator.start(SCENARIO, running.url) as generator,
    ):
        ramp_to_users(load_backend, generator, 3)
        load_backend.provoke(running, "exit", 7)
        requests = [part.requests for part in collect_facts(load_backend, generator, 2.0)]
    assert any(np.any(part.error != ANSWERED) for part in requests)
    assert requests[-1].errors
