"""Which processes belong to the engine and to the proxy, by name and arguments."""

import os

import pytest

from harness.measure.host.cpu_speed import probe_work_s
from harness.measure.host.process_cpu import ProcessCpu, is_proxy_of, is_shim_of

ID = "d12d413540a2308ff818fec038af265d6019cf407deaac78fe64772c0bb2c955"
SHIM = ["/usr/bin/containerd-shim-runc-v2", "-namespace", "moby", "-id", ID]
PROXY = ["/usr/sbin/docker-proxy", "-proto", "tcp", "-host-port", "32768", "-container-port", "8000"]


@pytest.mark.parametrize(
    ("container_id", "name", "expected"),
    [(ID, "containerd-shim-runc-v2", True), ("0" * 64, "containerd-shim-runc-v2", False), (ID, "cat", False)],
)
def test_a_shim_is_recognized_by_its_name_and_its_containers_id(
    container_id: str, name: str, expected: bool
) -> None:
    assert is_shim_of(container_id, name, SHIM) is expected


@pytest.mark.parametrize(("port", "expected"), [(32768, True), (3276, False), (8000, False)])
def test_a_proxy_is_recognized_by_its_whole_host_port(port: int, expected: bool) -> None:
    assert is_proxy_of(port, "docker-proxy", PROXY) is expected


def test_a_process_that_only_mentions_the_port_is_no_proxy() -> None:
    assert not is_proxy_of(32768, "python3", PROXY)


def test_without_the_containers_shim_the_engines_time_is_unknown_and_not_zero() -> None:
    cpu = ProcessCpu("0" * 64, 1).read()
    assert (cpu.engine_cpu_s, cpu.proxy_cpu_s) == (None, None)
    assert cpu.harness_cpu_s is not None
    assert 0 < cpu.harness_cpu_s <= sum(os.times()[:2]) + 0.1


def test_the_probe_of_the_cpu_speed_uses_cpu_time() -> None:
    assert probe_work_s() > 0
