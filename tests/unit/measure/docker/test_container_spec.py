"""The options with which the engine creates a container."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.measure.docker.container_spec import (
    ContainerSpec,
    build_host_options,
    find_unmet_limits,
    find_unset_variables,
    resolve_environment,
)
from harness.measure.docker.port_access import PortAccess
from harness.measure.protocols import Image
from harness.model import (
    MIB,
    Companion,
    ContainerOptions,
    FileContent,
    ImageSource,
    Limits,
    Target,
    Ulimit,
)

LIMITS = Limits(0.25, 256 * MIB)
SOURCE = ImageSource("web:1")


def build_spec(target: Target, limits: Limits = LIMITS) -> ContainerSpec:
    return ContainerSpec("harness-x-1", "x", "web-c0.25-m256", limits, target, Image("web:1", "sha256:1"))


def test_the_limits_are_a_cpu_quota_per_period_and_memory_without_swap() -> None:
    options = build_host_options(build_spec(Target("web", 8000, SOURCE)))
    assert (options["cpu_quota"], options["cpu_period"]) == (25_000, 100_000)
    assert options["mem_limit"] == options["memswap_limit"] == 256 * MIB


@pytest.mark.parametrize(("cores", "quota"), [(0.01, 1_000), (0.001, 1_000), (1 / 3, 33_333), (2.0, 200_000)])
def test_a_quota_is_a_whole_number_and_at_least_the_kernels_minimum(cores: float, quota: int) -> None:
    assert (
        build_host_options(build_spec(Target("web", 8000, SOURCE), Limits(cores, MIB)))["cpu_quota"] == quota
    )


@pytest.mark.parametrize("host_port", [None, 8080])
def test_the_port_is_published_on_the_loopback_only(host_port: int | None) -> None:
    options = build_host_options(build_spec(Target("web", 8000, SOURCE, host_port=host_port)))
    assert options["port_bindings"] == {8000: ("127.0.0.1", host_port)}


def test_a_port_is_published_only_on_the_address_by_which_it_is_reached() -> None:
    addressed = replace(build_spec(Target("web", 8000, SOURCE)), port_access=PortAccess("10.0.0.7"))
    assert build_host_options(addressed)["port_bindings"] == {8000: ("10.0.0.7", None)}
    tunnelled = replace(build_spec(Target("web", 8000, SOURCE)), port_access=PortAccess(ssh="ssh://big"))
    assert build_host_options(tunnelled)["port_bindings"] == {8000: ("127.0.0.1", None)}


def test_a_limit_that_the_engine_discarded_is_named() -> None:
    applied = {"CpuPeriod": 100_000, "CpuQuota": 25_000, "Memory": 256 * MIB}
    assert find_unmet_limits(applied, LIMITS) == []
    assert find_unmet_limits(applied | {"Memory": 0}, LIMITS) == [f"Memory={256 * MIB}"]


def test_variables_in_the_environment_are_filled_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOST_NAME", "db")
    target = Target(
        "web", 8000, SOURCE, environment={"URL": "sql://${HOST_NAME}/shop", "COST": "$5", "AS_IT_IS": "$${A}"}
    )
    assert resolve_environment(target) == {"URL": "sql://db/shop", "COST": "$5", "AS_IT_IS": "${A}"}


def test_all_variables_that_are_not_set_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOT_SET", raising=False)
    monkeypatch.delenv("NOR_THIS", raising=False)
    target = Target(
        "web", 8000, SOURCE, environment={"A": "${NOT_SET} ${NOR_THIS}", "B": "${NOT_SET} $${PLAIN}"}
    )
    assert find_unset_variables(target) == ["NOR_THIS", "NOT_SET"]
    with pytest.raises(UsageError, match="NOR_THIS"):
        resolve_environment(target)


def test_a_target_gets_its_options_and_its_files_read_only() -> None:
    target = Target(
        "web",
        8000,
        SOURCE,
        files={"/etc/web.conf": Path("/home/me/web.conf")},
        tmpfs=("/run",),
        ulimits={"nofile": 4096},
        capabilities=("SYS_NICE",),
    )
    options = build_host_options(build_spec(target))
    assert options["binds"] == ["/home/me/web.conf:/etc/web.conf:ro"]
    assert options["tmpfs"] == {"/run": ""}
    assert [(each.name, each.soft, each.hard) for each in options["ulimits"]] == [("nofile", 4096, 4096)]
    assert (options["cap_drop"], options["cap_add"]) == (None, ["SYS_NICE"])


def test_labels_of_selinux_keep_a_container_from_no_file_that_it_is_given() -> None:
    """A container without files of the host keeps its labels."""
    alone = Target("web", 8000, SOURCE)
    assert build_host_options(build_spec(alone))["security_opt"] == ["no-new-privileges:true"]
    given = replace(alone, files={"/etc/web.conf": Path("/home/me/web.conf")})
    options = build_host_options(build_spec(given))
    assert options["security_opt"] == ["no-new-privileges:true", "label=disable"]


def test_in_the_hosts_network_no_port_is_published() -> None:
    options = build_host_options(build_spec(Target("web", 8000, SOURCE, host_port=8000, host_network=True)))
    assert (options["network_mode"], options["port_bindings"]) == ("host", None)


def test_a_companion_publishes_no_port_and_its_variables_are_checked_too() -> None:
    database = Target("database", 0, SOURCE, environment={"PASSWORD": "${NO_SUCH_SECRET}"})
    assert build_host_options(build_spec(database))["port_bindings"] is None
    web = Target("web", 8000, SOURCE, companions=(Companion(database, LIMITS),))
    assert find_unset_variables(web) == ["NO_SUCH_SECRET"]


def test_options_of_a_container_reach_the_engine() -> None:
    options = ContainerOptions(
        extra_hosts=("db:10.0.0.5", "here:host-gateway"),
        dns=("10.0.0.2",),
        shm_bytes=MIB,
        pids_limit=7,
        sysctls={"net.core.somaxconn": "9"},
        group_add=("5",),
        is_read_only=True,
        has_init=True,
    )
    target = Target(
        "web",
        8000,
        SOURCE,
        tmpfs=("/run:size=64m,mode=1777", "/tmp"),
        ulimits={"memlock": -1, "nproc": Ulimit(10, 20)},
        options=options,
    )
    found = build_host_options(build_spec(target))
    assert found["tmpfs"] == {"/run": "size=64m,mode=1777", "/tmp": ""}
    limits = {each.name: (each.soft, each.hard) for each in found["ulimits"]}
    assert limits == {"memlock": (-1, -1), "nproc": (10, 20)}
    assert found["extra_hosts"] == ["db:10.0.0.5", "here:host-gateway"]
    assert (found["dns"], found["shm_size"], found["pids_limit"]) == (["10.0.0.2"], MIB, 7)
    assert (found["sysctls"], found["group_add"]) == ({"net.core.somaxconn": "9"}, ["5"])
    assert (found["read_only"], found["init"]) == (True, True)


def test_a_container_has_the_engines_capabilities_less_the_dropped_and_more_the_asked_ones() -> None:
    options = ContainerOptions(dropped_capabilities=("ALL",))
    target = Target("web", 80, SOURCE, capabilities=("NET_BIND_SERVICE",), options=options)
    found = build_host_options(build_spec(target))
    assert (found["cap_drop"], found["cap_add"]) == (["ALL"], ["NET_BIND_SERVICE"])
    found = build_host_options(build_spec(Target("web", 80, SOURCE)))
    assert (found["cap_drop"], found["cap_add"]) == (None, None)


def test_in_anothers_network_no_port_is_published() -> None:
    spec = replace(build_spec(Target("web", 8000, SOURCE)), network="n", network_owner="harness-x-1-vpn")
    options = build_host_options(spec)
    assert (options["network_mode"], options["port_bindings"]) == ("container:harness-x-1-vpn", None)


def test_variables_that_contents_refer_to_are_checked_too() -> None:
    contents = {"/run/secrets/token": FileContent("${NO_SUCH_SECRET} $${PLAIN}")}
    web = Target("web", 8000, SOURCE, options=ContainerOptions(contents=contents))
    assert find_unset_variables(web) == ["NO_SUCH_SECRET"]
