"""What the doctor makes of what it sees."""

from collections import namedtuple

import pytest

from harness.measure import doctor
from harness.measure.doctor import Finding
from harness.model import GIB

Times = namedtuple("Times", "user system idle iowait steal guest")
START = Times(100.0, 50.0, 1000.0, 5.0, 0.0, 7.0)


def levels(found: list[Finding]) -> list[str]:
    return [finding.level for finding in found]


@pytest.mark.parametrize(
    ("later", "expected"),
    [
        (Times(100.02, 50.0, 1003.98, 5.0, 0.0, 7.0), ["ok"]),
        (Times(101.0, 50.5, 1002.5, 5.0, 0.0, 7.0), ["beware"]),
        (Times(100.0, 50.0, 1003.8, 5.0, 0.2, 7.0), ["ok", "beware"]),
        (START, []),
    ],
)
def test_other_load_and_steal_are_told_apart(later: Times, expected: list[str]) -> None:
    assert levels(list(doctor.check_load(START, later))) == expected


def test_an_engine_that_can_not_limit_is_broken_and_one_without_swap_limit_is_not() -> None:
    able = {"ServerVersion": "27", "CpuCfsQuota": True, "MemoryLimit": True, "SwapLimit": True}
    assert levels(list(doctor.check_limits(able))) == ["ok"]
    assert levels(list(doctor.check_limits(able | {"SwapLimit": False}))) == ["ok", "beware"]
    (found,) = doctor.check_limits(able | {"CpuCfsQuota": False})
    assert found.level == "broken"
    assert "can't limit CPU" in found.what


@pytest.mark.parametrize(
    ("finding", "level"),
    [
        (doctor.check_python((3, 10, 1)), "broken"),
        (doctor.check_python((3, 12, 0)), "ok"),
        (doctor.check_locust("2.31.0"), "broken"),
        (doctor.check_locust("2.46.3"), "ok"),
        (doctor.check_locust("3.0.0.dev1"), "ok"),
        (doctor.check_cores(1), "beware"),
        (doctor.check_cores(8), "ok"),
        (doctor.check_location(False, {}), "broken"),
        (doctor.check_location(True, {"OperatingSystem": "Docker Desktop"}), "beware"),
        (doctor.check_location(True, {"OperatingSystem": "Debian"}), "ok"),
        (doctor.check_proxy(["dockerd", "docker-proxy"]), "beware"),
        (doctor.check_proxy(["dockerd"]), "ok"),
        (doctor.check_memory(GIB // 2), "beware"),
        (doctor.check_memory(8 * GIB), "ok"),
    ],
)
def test_each_finding_has_its_level_and_every_bad_one_a_mend(finding: Finding, level: str) -> None:
    assert finding.level == level
    assert bool(finding.fix) is (level != "ok")
