"""What the engine's refusal to start a container says: of the size, or of the engine."""

from typing import Any

import pytest
from docker.errors import APIError, NotFound
from requests import ConnectionError as LostConnection
from requests import ReadTimeout

from harness.errors import EngineError, EngineUnavailableError, HarnessError, TargetStartError
from harness.measure.docker.container_spec import ContainerSpec
from harness.measure.docker.creation import start_container
from harness.measure.protocols import Image
from harness.model import MIB, ImageSource, Limits, Target

OF_THE_SIZE = (
    "failed to create task for container: failed to create shim task: OCI runtime create failed: runc create "
    'failed: unable to start container process: exec: "shop": executable file not found in $PATH: unknown',
    "failed to create shim task: OCI runtime create failed: runc create failed: unable to start container "
    "process: container init was OOM-killed (memory limit too low?): unknown",
    "OCI runtime create failed: container_linux.go:380: starting container process caused: "
    "process_linux.go:402: getting the final child's pid from pipe caused: EOF: unknown",
    "crun: cannot set memory limit: could not join or create a network namespace: OCI runtime error",
    "something that no engine has said yet",
)
OF_THE_ENGINE = (
    "network harness-20261126-web-c0.50-m256-1 not found",
    "No such container: 4f2a",
    "No such image: harness-target-web:4f2a",
    "failed to set up container networking: driver failed programming external connectivity on endpoint web: "
    " (iptables failed: iptables --wait -t nat -A DOCKER: iptables: No chain/target/match by that name.)",
    "cannot join network of a non running container: 4f2a",
    "error creating overlay mount to /var/lib/docker/overlay2/a/merged: no space left on device",
    "failed to create shim task: OCI runtime create failed: runc create failed: write cgroup.procs: no space "
    "left on device: unknown",
    'connection error: desc = "transport: Error while dialing: dial unix containerd.sock: connect: '
    'connection refused": unavailable',
    "failed to create task for container: ttrpc: closed: unknown",
    "Bind for 127.0.0.1:32768 failed: port is already allocated",
)


class RefusingClient:
    """An engine on another machine, which refuses to start a container."""

    base_url = "https://10.0.0.5:2376"

    def __init__(self, error: Exception) -> None:
        self.error = error

    def start(self, _container: str) -> None:
        raise self.error


def start(error: Exception, **options: Any) -> HarnessError:
    """Return the error that starting a container ends with."""
    target = Target("web", 8000, ImageSource("web:1"), **options)
    spec = ContainerSpec("harness-x-1", "x", "web", Limits(0.5, 64 * MIB), target, Image("web:1", "sha256:1"))
    with pytest.raises(HarnessError) as raised:
        start_container(RefusingClient(error), "4f2a", spec)  # type: ignore[arg-type]
    return raised.value


@pytest.mark.parametrize("message", OF_THE_SIZE)
def test_what_the_runtime_can_not_start_is_a_fact_about_the_size(message: str) -> None:
    error = start(APIError("500 Server Error", explanation=message))
    assert isinstance(error, TargetStartError)
    assert error.what == message


@pytest.mark.parametrize("message", OF_THE_ENGINE)
def test_a_failure_of_the_engine_says_nothing_about_the_size_and_is_worth_another_try(message: str) -> None:
    error = start(NotFound("404 Client Error", explanation=message))
    assert isinstance(error, EngineUnavailableError)
    assert message in error.what


@pytest.mark.parametrize("lost", [LostConnection("Connection aborted."), ReadTimeout("Read timed out.")])
def test_an_engine_that_goes_away_while_a_container_starts_is_waited_for(lost: Exception) -> None:
    error = start(lost)
    assert isinstance(error, EngineUnavailableError)
    assert "Docker could not start the container" in error.what


def test_a_port_that_the_user_chose_and_that_is_in_use_is_named() -> None:
    taken = APIError("500", explanation="Bind for 127.0.0.1:80 failed: port is already allocated")
    error = start(taken, host_port=80)
    assert type(error) is EngineError
    assert error.what == "port 80 of 127.0.0.1 is already in use"
