"""The contract of every `TargetHost`."""

import json
import socket
from dataclasses import replace

import pytest

from harness.errors import EngineError, TargetStartError, UsageError
from harness.measure.protocols import RunningTarget, TargetEnd
from harness.model import HttpProbe, ImageSource, TcpProbe
from tests.contract.backends import Backend

pytestmark = pytest.mark.side_by_side

ENDS_WITHIN_S = 5.0


def wait_for_end(backend: Backend, running: RunningTarget) -> TargetEnd:
    deadline_s = backend.clock.now_s() + ENDS_WITHIN_S
    while (end := running.poll_end()) is None:
        assert backend.clock.now_s() < deadline_s
        backend.clock.sleep(0.1)
    return end


def test_a_running_target_answers_on_the_loopback(backend: Backend) -> None:
    with backend.run(backend.build_target()) as running:
        assert running.url.startswith("http://127.0.0.1:")
        assert 0 < running.ready_after_s < 20
        assert running.poll_end() is None
        assert isinstance(running.read_logs(), str)


def test_a_targets_container_exists_only_while_the_target_runs(backend: Backend) -> None:
    with backend.run(backend.build_target()):
        assert len(backend.list_containers()) == 1
    assert backend.list_containers() == []


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_error_under_load_still_removes_the_target(backend: Backend, error: type[BaseException]) -> None:
    with pytest.raises(error), backend.run(backend.build_target()):
        raise error
    assert backend.list_containers() == []


def test_a_target_is_ready_when_its_tcp_probe_connects(backend: Backend) -> None:
    with backend.run(backend.build_target(readiness=TcpProbe(within_s=20))) as running:
        assert running.poll_end() is None


def test_an_end_is_reported_with_its_exit_code(backend: Backend) -> None:
    with backend.run(backend.build_target()) as running:
        backend.provoke(running, "exit", 7)
        end = wait_for_end(backend, running)
        assert (end.exit_code, end.oom) == (7, False)
        assert end.log_tail
        assert running.poll_end() == end


def test_running_out_of_memory_is_distinguished_from_being_killed(backend: Backend) -> None:
    with backend.run(backend.build_target()) as running:
        backend.provoke(running, "eat", 200)
        end = wait_for_end(backend, running)
        assert (end.exit_code, end.oom) == (137, True)


@pytest.mark.parametrize(
    ("behaviour", "kind", "evidence"), [("exit", "exited", "code 3"), ("eat", "oom", "memory")]
)
def test_a_target_that_ends_before_it_is_ready_has_failed(
    backend: Backend, behaviour: str, kind: str, evidence: str
) -> None:
    with pytest.raises(TargetStartError) as raised, backend.run(backend.build_target(behaviour)):
        pass
    assert raised.value.kind == kind
    assert evidence in raised.value.what
    assert backend.list_containers() == []


@pytest.mark.parametrize("probe", [HttpProbe("/", within_s=1.5), TcpProbe(within_s=1.5)])
def test_a_target_that_never_listens_fails_after_its_time_limit(
    backend: Backend, probe: HttpProbe | TcpProbe
) -> None:
    target = backend.build_target("mute", readiness=probe)
    image = backend.host.prepare(target)
    before_s = backend.clock.now_s()
    with pytest.raises(TargetStartError) as raised, backend.run(target):
        pass
    assert raised.value.kind == "never-ready"
    assert "1.5 s" in raised.value.what
    assert 1.5 <= backend.clock.now_s() - before_s < 6
    assert image.reference
    assert backend.list_containers() == []


def test_preparing_twice_gives_the_same_image(backend: Backend) -> None:
    assert backend.host.prepare(backend.build_target()) == backend.host.prepare(backend.build_target())


def test_an_image_that_does_not_exist_is_refused_by_the_engine(backend: Backend) -> None:
    target = replace(backend.build_target(), source=ImageSource("no-such-image:ever"))
    with pytest.raises(EngineError, match="no-such-image:ever"):
        backend.host.prepare(target)


def test_a_target_that_can_be_run_has_no_problems(backend: Backend) -> None:
    assert backend.host.find_problems(backend.build_target()) == []


def test_an_image_that_does_not_exist_is_reported_before_anything_starts(backend: Backend) -> None:
    target = replace(backend.build_target(), source=ImageSource("no-such-image:ever"))
    (problem,) = backend.host.find_problems(target)
    assert "no-such-image:ever" in problem


def test_a_second_campaign_is_refused_while_one_holds_the_engine(backend: Backend) -> None:
    """Reserve an engine twice: the backend of each test holds its reservation already."""
    with pytest.raises(UsageError, match="another harness"), backend.host.reserve():
        pass


def test_leftovers_are_removed_and_named_once(backend: Backend) -> None:
    """Remove only this test's leftovers: other campaigns may be measuring on the same engine."""
    with backend.run(backend.build_target()):
        (left,) = backend.list_containers()
        assert backend.host.remove_leftovers(backend.campaign) == [left.lstrip("/")]
        assert backend.list_containers() == []
    assert backend.host.remove_leftovers(backend.campaign) == []


def test_the_fingerprint_is_plain_json_and_names_no_host(backend: Backend) -> None:
    environment = json.dumps(backend.host.read_fingerprint().to_json())
    fingerprint = json.loads(environment)
    assert fingerprint["machine"]["cores"] > 0
    assert fingerprint["engine"]["memory_bytes"] > 0
    assert isinstance(fingerprint["notes"], list)
    assert f'"{socket.gethostname()}"' not in environment
