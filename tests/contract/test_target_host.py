"""What every `TargetHost` promises."""

import json
import socket
from dataclasses import replace

import pytest

from harness.errors import EngineError, TargetFailed, UsageError
from harness.model import HttpProbe, ImageSource, TcpProbe
from tests.contract.conftest import Ground


def test_a_running_target_answers_on_the_loopback(ground: Ground) -> None:
    with ground.run(ground.target()) as running:
        assert running.url.startswith("http://127.0.0.1:")
        assert 0 < running.ready_after_s < 20
        assert running.poll_end() is None
        assert isinstance(running.read_logs(), str)


def test_a_target_is_there_while_it_runs_and_gone_afterwards(ground: Ground) -> None:
    with ground.run(ground.target()):
        assert len(ground.containers()) == 1
    assert ground.containers() == []


@pytest.mark.parametrize("trouble", [RuntimeError, KeyboardInterrupt])
def test_a_failing_load_still_removes_the_target(ground: Ground, trouble: type[BaseException]) -> None:
    with pytest.raises(trouble), ground.run(ground.target()):
        raise trouble
    assert ground.containers() == []


def test_a_target_may_be_ready_when_it_accepts_connections(ground: Ground) -> None:
    with ground.run(ground.target(readiness=TcpProbe(within_s=20))) as running:
        assert running.poll_end() is None


def test_an_end_is_told_with_its_exit_code(ground: Ground) -> None:
    with ground.run(ground.target()) as running:
        ground.make(running, "exit", 7)
        ground.clock.sleep(0.5)
        end = running.poll_end()
        assert end is not None
        assert (end.exit_code, end.oom) == (7, False)
        assert end.log_tail
        assert running.poll_end() == end


def test_running_out_of_memory_is_told_apart_from_being_killed(ground: Ground) -> None:
    with ground.run(ground.target()) as running:
        ground.make(running, "eat", 200)
        ground.clock.sleep(0.5)
        end = running.poll_end()
        assert end is not None
        assert (end.exit_code, end.oom) == (137, True)


@pytest.mark.parametrize(
    ("behaviour", "kind", "evidence"), [("exit", "exited", "code 3"), ("eat", "oom", "memory")]
)
def test_an_end_before_it_is_ready_is_a_fact_about_the_target(
    ground: Ground, behaviour: str, kind: str, evidence: str
) -> None:
    with pytest.raises(TargetFailed) as failed, ground.run(ground.target(behaviour)):
        pass
    assert failed.value.kind == kind
    assert evidence in failed.value.what
    assert ground.containers() == []


@pytest.mark.parametrize("probe", [HttpProbe("/", within_s=1.5), TcpProbe(within_s=1.5)])
def test_a_target_that_never_listens_is_given_its_time_and_no_more(
    ground: Ground, probe: HttpProbe | TcpProbe
) -> None:
    target = ground.target("mute", readiness=probe)
    image = ground.host.prepare(target)
    before_s = ground.clock.now_s()
    with pytest.raises(TargetFailed) as failed, ground.run(target):
        pass
    assert failed.value.kind == "never-ready"
    assert "1.5 s" in failed.value.what
    assert 1.5 <= ground.clock.now_s() - before_s < 6
    assert image.reference
    assert ground.containers() == []


def test_preparing_twice_gives_the_same_image(ground: Ground) -> None:
    assert ground.host.prepare(ground.target()) == ground.host.prepare(ground.target())


def test_an_image_that_is_nowhere_is_the_engines_to_refuse(ground: Ground) -> None:
    target = replace(ground.target(), source=ImageSource("no-such-image:ever"))
    with pytest.raises(EngineError, match="no-such-image:ever"):
        ground.host.prepare(target)


def test_a_target_that_can_be_run_has_no_problems(ground: Ground) -> None:
    assert ground.host.find_problems(ground.target()) == []


def test_an_image_that_is_nowhere_is_found_before_anything_starts(ground: Ground) -> None:
    target = replace(ground.target(), source=ImageSource("no-such-image:ever"))
    (problem,) = ground.host.find_problems(target)
    assert "no-such-image:ever" in problem


def test_a_second_campaign_is_refused_while_one_holds_the_engine(ground: Ground) -> None:
    """The ground itself holds it, so that no test measures beside a campaign."""
    with pytest.raises(UsageError, match="another harness"), ground.host.reserve():
        pass


def test_leftovers_are_removed_by_name_once(ground: Ground) -> None:
    """Of this test's campaign only: others may be measuring on the same engine."""
    with ground.run(ground.target()):
        (left,) = ground.containers()
        assert ground.host.remove_leftovers(ground.campaign) == [left.lstrip("/")]
        assert ground.containers() == []
    assert ground.host.remove_leftovers(ground.campaign) == []


def test_the_environment_is_plain_json_and_names_no_host(ground: Ground) -> None:
    environment = json.dumps(dict(ground.host.read_fingerprint()))
    found = json.loads(environment)
    assert found["machine"]["cores"] > 0
    assert found["engine"]["memory_bytes"] > 0
    assert isinstance(found["notes"], list)
    assert f'"{socket.gethostname()}"' not in environment
