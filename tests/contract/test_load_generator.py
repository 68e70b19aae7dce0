"""What every `LoadGenerator` promises."""

from pathlib import Path

import numpy as np
import pytest

from harness.errors import UsageError
from harness.measure.protocols import GeneratorFacts, RunningGenerator
from harness.model import ANSWERED, Scenario
from tests.contract.conftest import Ground

SCENARIO = Scenario((Path(__file__).with_name("locustfile.py"),), ("Visitor",))


def polled_for(loading: Ground, generator: RunningGenerator, seconds: float) -> list[GeneratorFacts]:
    until_s, facts = loading.clock.now_s() + seconds, []
    while loading.clock.now_s() < until_s:
        facts.append(generator.poll(0.25))
    return [part for part in facts if part.samples]


def reach(loading: Ground, generator: RunningGenerator, users: int) -> None:
    deadline = loading.clock.now_s() + 20
    generator.hold(users, spawn_rate=5)
    while generator.poll(0.25).reached_users != users:
        assert loading.clock.now_s() < deadline


def scenario(folder: Path, text: str) -> Scenario:
    path = folder / "locustfile.py"
    path.write_text(text)
    return Scenario((path,))


def test_the_users_classes_are_found(loading: Ground) -> None:
    assert sorted(loading.generator.find_user_classes(Scenario(SCENARIO.locustfiles))) == ["Robot", "Visitor"]


@pytest.mark.parametrize(
    "text", ["class Visitor(HttpUser:\n", "import os\n"], ids=["a syntax error", "no user class"]
)
def test_a_scenario_that_can_make_no_load_is_the_users_mistake(
    loading: Ground, tmp_path: Path, text: str
) -> None:
    with pytest.raises(UsageError, match=r"locustfile\.py"):
        loading.generator.find_user_classes(scenario(tmp_path, text))


def test_a_user_class_that_is_not_there_is_the_users_mistake(loading: Ground) -> None:
    with pytest.raises(UsageError, match="Nobody"):
        loading.generator.find_user_classes(Scenario(SCENARIO.locustfiles, ("Nobody",)))


def test_users_are_reached_and_held(loading: Ground) -> None:
    with (
        loading.run(loading.target()) as running,
        loading.generator.start(SCENARIO, running.url) as generator,
    ):
        reach(loading, generator, 4)
        held = polled_for(loading, generator, 2.0)
        assert {sample.users for part in held for sample in part.samples} == {4}
        assert {part.reached_users for part in held} == {4}


def test_every_answer_is_a_row_on_the_shared_clock(loading: Ground) -> None:
    with (
        loading.run(loading.target()) as running,
        loading.generator.start(SCENARIO, running.url) as generator,
    ):
        began_s = loading.clock.now_s()
        reach(loading, generator, 4)
        held = polled_for(loading, generator, 3.0)
        now_s = loading.clock.now_s()
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


def test_thinks_are_told_as_the_scenario_asked_for_them(loading: Ground) -> None:
    with (
        loading.run(loading.target()) as running,
        loading.generator.start(SCENARIO, running.url) as generator,
    ):
        reach(loading, generator, 4)
        planned_s = np.concatenate([part.thinks.planned_s for part in polled_for(loading, generator, 3.0)])
    assert len(planned_s) > 20
    assert 0.1 <= planned_s.min() <= planned_s.max() <= 0.3


def test_closing_a_step_gives_what_was_left_and_keeps_the_users(loading: Ground) -> None:
    with (
        loading.run(loading.target()) as running,
        loading.generator.start(SCENARIO, running.url) as generator,
    ):
        reach(loading, generator, 3)
        loading.clock.sleep(1.2)
        closing = generator.close_step()
        assert closing.samples[-1].at_s == pytest.approx(loading.clock.now_s(), abs=0.2)
        assert len(closing.requests.start_s) > 3
        assert polled_for(loading, generator, 1.0)[-1].samples[-1].users == 3


def test_users_can_be_fewer_again(loading: Ground) -> None:
    with (
        loading.run(loading.target()) as running,
        loading.generator.start(SCENARIO, running.url) as generator,
    ):
        reach(loading, generator, 4)
        reach(loading, generator, 2)
        assert polled_for(loading, generator, 1.0)[-1].samples[-1].users == 2


def test_a_target_that_is_gone_makes_errors_and_does_not_end_the_generator(loading: Ground) -> None:
    with (
        loading.run(loading.target()) as running,
        loading.generator.start(SCENARIO, running.url) as generator,
    ):
        reach(loading, generator, 3)
        loading.make(running, "exit", 7)
        requests = [part.requests for part in polled_for(loading, generator, 2.0)]
    assert any(np.any(part.error != ANSWERED) for part in requests)
    assert requests[-1].errors
