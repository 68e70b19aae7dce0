"""`DockerHost` on a real engine: limits, rights, interruptions, lost connections."""

import contextlib
import dataclasses
import http.client
import json
import os
import socket
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from docker.api import APIClient

from harness.errors import EngineError, EngineUnavailableError, UsageError
from harness.measure.docker import container
from harness.measure.docker.cleanup import remove_old_images
from harness.measure.docker.client import connect
from harness.measure.docker.container_spec import ContainerSpec
from harness.measure.docker.creation import create_container
from harness.measure.docker.host import DockerHost
from harness.measure.docker.port_access import is_port_free
from harness.measure.docker.stats import DockerProbe
from harness.measure.locust.generator import LocustGenerator
from harness.model import MIB, BuildSource, ContainerOptions, Scenario, Target
from tests.contract.backends import Backend, make_cell, open_real_backend
from tests.e2e.engine_proxy import EngineProxy, run_engine_proxy
from tests.e2e.project import BASE

pytestmark = [pytest.mark.e2e, pytest.mark.side_by_side, pytest.mark.xdist_group("images")]

SCENARIO = Scenario((Path(__file__).parents[1] / "contract" / "locustfile.py",))


@pytest.fixture
def backend() -> Iterator[Backend]:
    with open_real_backend() as opened:
        yield opened
        assert opened.list_containers() == []


@pytest.fixture
def client() -> Iterator[APIClient]:
    with contextlib.closing(connect()) as connected:
        yield connected


def test_a_container_has_exactly_its_limits_and_few_rights(backend: Backend, client: APIClient) -> None:
    with backend.run(backend.build_target(), cores=0.25) as running:
        assert isinstance(running, container.DockerTarget)
        facts = client.inspect_container(running.container_id)
    host_config = facts["HostConfig"]
    assert (host_config["CpuQuota"], host_config["CpuPeriod"]) == (25_000, 100_000)
    assert host_config["Memory"] == host_config["MemorySwap"] == 64 * MIB
    assert not host_config["CapDrop"]
    assert not host_config["CapAdd"]
    assert host_config["SecurityOpt"] == ["no-new-privileges:true"]
    assert (host_config["PidsLimit"], host_config["Privileged"]) == (4096, False)
    assert not host_config["Binds"]
    assert facts["Mounts"] == []
    assert host_config["RestartPolicy"]["Name"] in ("", "no")
    assert {bound["HostIp"] for bound in facts["NetworkSettings"]["Ports"]["8000/tcp"]} == {"127.0.0.1"}
    assert facts["Config"]["Labels"]["harness.campaign"] == backend.campaign
    assert facts["Config"]["Labels"]["harness.cell"] == "answer-c0.25-m64"


def test_target_and_generator_run_only_on_the_cores_given_to_each(
    backend: Backend, client: APIClient
) -> None:
    first, *_, last = sorted(os.sched_getaffinity(0))
    with contextlib.closing(DockerHost(backend.campaign, backend.clock)) as host:
        host.pin_to_cores(frozenset([first]))
        target = backend.build_target()
        with (
            host.run(make_cell(target), target, host.prepare(target)) as running,
            LocustGenerator(frozenset([last])).start(SCENARIO, running.url) as generator,
        ):
            assert isinstance(running, container.DockerTarget)
            assert os.sched_getaffinity(generator.process.pid) == {last}
            facts = client.inspect_container(running.container_id)
    assert facts["HostConfig"]["CpusetCpus"] == str(first)


def test_variables_in_a_targets_environment_are_those_of_this_process(
    backend: Backend, client: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_TOKEN", "s3cret")
    target = backend.build_target(environment={"TOKEN": "${SHOP_TOKEN}", "PLAIN": "x"})
    with backend.run(target) as running:
        assert isinstance(running, container.DockerTarget)
        environment = client.inspect_container(running.container_id)["Config"]["Env"]
    assert {"TOKEN=s3cret", "PLAIN=x"} <= set(environment)


def test_a_variable_that_is_not_set_starts_nothing(backend: Backend) -> None:
    target = backend.build_target(environment={"TOKEN": "${SURELY_NOT_SET}"})
    with pytest.raises(UsageError, match="SURELY_NOT_SET"), backend.run(target):
        pass


def test_an_interruption_between_create_and_start_leaves_nothing(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(container, "start_container", interrupt)
    with pytest.raises(KeyboardInterrupt), backend.run(backend.build_target()):
        pass
    assert backend.list_containers() == []


def test_a_create_that_is_interrupted_before_it_answers_leaves_nothing(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = APIClient.create_container

    def interrupt(self: APIClient, *args: object, **options: object) -> None:
        create(self, *args, **options)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    monkeypatch.setattr(APIClient, "create_container", interrupt)
    with pytest.raises(KeyboardInterrupt), backend.run(backend.build_target()):
        pass
    assert backend.list_containers() == []


def test_a_port_in_use_is_named_before_and_while_starting(backend: Backend) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        target = backend.build_target(host_port=port)
        assert not is_port_free(port)
        assert backend.host.find_problems(target) == [f"port {port} is already in use"]
        with pytest.raises(EngineError, match=f"port {port}"), backend.run(target):
            pass


def test_an_end_by_removal_through_the_engine_has_no_exit_code(backend: Backend, client: APIClient) -> None:
    with backend.run(backend.build_target()) as running:
        assert isinstance(running, container.DockerTarget)
        client.remove_container(running.container_id, force=True)
        backend.clock.sleep(0.3)
        end = running.poll_end()
    assert end is not None
    assert end.exit_code is None
    assert "removed by someone else" in end.log_tail


def test_a_container_that_somebody_connects_to_the_targets_network_keeps_it_from_no_removal(
    backend: Backend, client: APIClient
) -> None:
    target = backend.build_target(options=ContainerOptions(aliases=("shop",)))
    image = backend.host.prepare(target).reference
    name = f"harness-debugger-{os.getpid()}"
    created = client.create_container(image, entrypoint=["sleep", "60"], name=name)
    try:
        client.start(created["Id"])
        with backend.run(target) as running:
            assert isinstance(running, container.DockerTarget)
            networks = client.inspect_container(running.container_id)["NetworkSettings"]["Networks"]
            (network,) = networks
            client.connect_container_to_network(created["Id"], network)
        assert client.networks(names=[network]) == []
        assert client.inspect_container(created["Id"])["State"]["Running"]
    finally:
        client.remove_container(created["Id"], force=True)


@pytest.mark.parametrize("lost", ["network", "container"])
def test_what_is_removed_by_hand_before_the_start_is_no_fact_about_the_size(
    backend: Backend, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    def create_and_remove(
        client: APIClient, spec: ContainerSpec, environment: Mapping[str, str]
    ) -> tuple[str, int]:
        created = create_container(client, spec, environment)
        if lost == "network":
            client.remove_network(spec.network or "")
        else:
            client.remove_container(created[0])
        return created

    monkeypatch.setattr(container, "create_container", create_and_remove)
    target = backend.build_target(options=ContainerOptions(aliases=("shop",)))
    with pytest.raises(EngineUnavailableError, match="could not start"), backend.run(target):
        pass


def test_an_image_is_not_built_again_if_its_content_did_not_change(backend: Backend) -> None:
    target = backend.build_target()
    assert isinstance(target.source, BuildSource)
    first = backend.host.prepare(target)
    before_s = backend.clock.now_s()
    assert backend.host.prepare(target) == first
    assert backend.clock.now_s() - before_s < 1.0


def test_replaced_images_are_removed(backend: Backend, client: APIClient, tmp_path: Path) -> None:
    """Keep the newest image, and an image that a container still uses."""
    references = []
    for number in range(3):
        (tmp_path / "Dockerfile").write_text(f"FROM {BASE}\nENV NUMBER={number}\n")
        target = Target("replaced", 80, source=BuildSource(tmp_path))
        references.append(backend.host.prepare(target).reference)
        time.sleep(1.1)  # the engine dates images to the second
    old_container = client.create_container(references[0], name="harness-of-an-old-image")
    try:
        assert references[1] in remove_old_images(client)
        remaining = [tag for image in client.images("harness-target-replaced") for tag in image["RepoTags"]]
        assert sorted(remaining) == sorted([references[0], references[2]])
    finally:
        client.remove_container(old_container["Id"])
        for reference in (references[0], references[2]):
            client.remove_image(reference)


def test_the_error_about_a_missing_base_image_says_how_to_make_it(backend: Backend) -> None:
    target = backend.build_target()
    assert isinstance(target.source, BuildSource)
    source = dataclasses.replace(target.source, args={"BASE": "harness-base:surely-not-here"})
    with pytest.raises(EngineError) as raised:
        backend.host.prepare(dataclasses.replace(target, source=source))
    assert "make base" in raised.value.hint


def test_a_failing_build_shows_its_last_lines(backend: Backend, tmp_path: Path) -> None:
    base = backend.build_target().source
    assert isinstance(base, BuildSource)
    (tmp_path / "Dockerfile").write_text("ARG BASE\nFROM ${BASE}\nRUN echo nearly there && exit 7\n")
    broken = Target("broken", 8000, source=BuildSource(tmp_path, args=base.args))
    with pytest.raises(EngineError, match=r"(?s)nearly there.*code: 7"):
        backend.host.prepare(broken)


def test_an_engine_lost_within_a_step_is_reported_and_leaves_no_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    threads = threading.active_count()
    with open_real_backend() as backend:
        with run_engine_proxy() as proxy:
            monkeypatch.setenv("DOCKER_HOST", proxy.address)
            with contextlib.closing(DockerHost(backend.campaign, backend.clock)) as host:
                with pytest.raises(EngineError) as raised:
                    lose_engine(backend, host, proxy)
                assert "may still be there" in raised.value.__notes__[0]
        assert len(backend.host.remove_leftovers(backend.campaign)) == 1
    assert threading.active_count() == threads


def lose_engine(backend: Backend, host: DockerHost, proxy: EngineProxy) -> None:
    target = backend.build_target()
    with (
        host.run(make_cell(target), target, host.prepare(target)) as running,
        DockerProbe(backend.clock).watch(running) as watch,
    ):
        backend.clock.sleep(1.5)
        assert watch.take().target
        proxy.cut()
        backend.clock.sleep(1.0)
        watch.take()


def test_a_targets_log_has_what_the_target_wrote(backend: Backend) -> None:
    with backend.run(backend.build_target()) as running:
        with (
            contextlib.suppress(http.client.HTTPException, OSError),
            urllib.request.urlopen(f"{running.url}/hello"),
        ):
            pass
        backend.clock.sleep(0.2)
        assert "GET /hello" in running.read_logs()


def test_the_fingerprint_names_engine_machine_and_software(backend: Backend) -> None:
    fingerprint = backend.host.read_fingerprint()
    assert fingerprint.engine.api_version is not None
    assert fingerprint.engine.api_version.count(".") == 1
    assert fingerprint.engine.cgroup_version in ("1", "2")
    assert {"python", "locust", "docker_py"} <= fingerprint.software.keys()
    assert os.path.expanduser("~") not in json.dumps(fingerprint.to_json())


def test_the_cpu_time_of_a_local_engine_and_of_its_proxy_is_known() -> None:
    """Check that the proxy's time grows with requests: the proxy copies the answers of the target."""
    with open_real_backend() as backend:
        target = backend.build_target()
        with backend.run(target) as running, backend.probe.watch(running) as watch:
            for _ in range(400):
                backend.provoke(running, "burn", 0.0)
            backend.clock.sleep(1.5)
            host = watch.take().host
    first, last = host[0], host[-1]
    assert first.engine_cpu_s is not None
    assert first.proxy_cpu_s is not None
    assert first.harness_cpu_s is not None
    assert (last.proxy_cpu_s or 0) - first.proxy_cpu_s > 0
    assert (last.harness_cpu_s or 0) - first.harness_cpu_s > 0
