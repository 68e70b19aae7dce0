"""The findings of the doctor, from given readings."""

from collections import namedtuple
from collections.abc import Iterable
from pathlib import Path

import pytest

from harness.measure import doctor
from harness.measure.docker.file_pages import OWN_FILE_PAGES
from harness.measure.docker.port_access import PortAccess
from harness.measure.doctor import Finding, Level
from harness.model import GIB, Engine

Times = namedtuple("Times", "user system idle iowait steal guest")
START = Times(100.0, 50.0, 1000.0, 5.0, 0.0, 7.0)


def levels(findings: Iterable[Finding]) -> list[Level]:
    return [finding.level for finding in findings]


@pytest.mark.parametrize(
    ("later", "expected"),
    [
        (Times(100.02, 50.0, 1003.98, 5.0, 0.0, 7.0), [Level.OK]),
        (Times(101.0, 50.5, 1002.5, 5.0, 0.0, 7.0), [Level.WARNING]),
        (Times(100.0, 50.0, 1003.8, 5.0, 0.2, 7.0), [Level.OK, Level.WARNING]),
        (START, []),
    ],
)
def test_load_of_other_programs_and_steal_are_separate_warnings(later: Times, expected: list[Level]) -> None:
    assert levels(doctor.check_load(START, later)) == expected


def test_an_engine_whose_containers_share_pages_of_files_is_a_warning() -> None:
    shared = list(doctor.check_file_pages({"Driver": "overlay2", "DockerRootDir": "/nowhere"}, is_local=True))
    assert [(finding.level, finding.fix) for finding in shared] == [(Level.WARNING, OWN_FILE_PAGES)]
    assert list(doctor.check_file_pages({"Driver": "btrfs"}, is_local=True)) == []


def test_an_engine_without_limits_is_an_error_and_one_without_a_swap_limit_a_warning() -> None:
    capable = {"ServerVersion": "27", "CpuCfsQuota": True, "MemoryLimit": True, "SwapLimit": True}
    assert levels(doctor.check_limits(capable)) == [Level.OK]
    assert levels(doctor.check_limits(capable | {"SwapLimit": False})) == [Level.OK, Level.WARNING]
    (finding,) = doctor.check_limits(capable | {"CpuCfsQuota": False})
    assert finding.level == Level.ERROR
    assert "can't limit CPU" in finding.what


@pytest.mark.parametrize(
    ("finding", "level"),
    [
        (doctor.check_python((3, 10, 1)), Level.ERROR),
        (doctor.check_python((3, 12, 0)), Level.OK),
        (doctor.check_locust("2.31.0"), Level.ERROR),
        (doctor.check_locust("2.46.3"), Level.OK),
        (doctor.check_locust("3.0.0.dev1"), Level.OK),
        (doctor.check_cores(1), Level.WARNING),
        (doctor.check_cores(8), Level.OK),
        (doctor.check_cores(1, is_local=False), Level.OK),
        (doctor.check_cores(4, 10), Level.OK),
        (doctor.check_cores(4, 1), Level.WARNING),
        (doctor.check_remote_engine(None), Level.WARNING),
        (doctor.check_remote_engine(PortAccess("10.0.0.5")), Level.OK),
        (doctor.check_remote_engine(PortAccess(ssh="ssh://big")), Level.OK),
        (doctor.check_proxy(["dockerd", "docker-proxy"]), Level.WARNING),
        (doctor.check_proxy(["dockerd"]), Level.OK),
        (doctor.check_memory(GIB // 2), Level.WARNING),
        (doctor.check_memory(8 * GIB), Level.OK),
    ],
)
def test_each_finding_has_its_level_and_each_warning_or_error_a_fix(finding: Finding, level: Level) -> None:
    assert finding.level == level
    assert bool(finding.fix) is (level != Level.OK)


def test_the_finding_on_a_remote_engine_says_how_its_ports_are_reached_and_what_it_lacks() -> None:
    tunnelled = doctor.check_remote_engine(PortAccess(ssh="ssh://big"))
    assert "through an SSH tunnel" in tunnelled.what
    assert "`files` can't be mounted" in tunnelled.what
    assert "at 10.0.0.5" in doctor.check_remote_engine(PortAccess("10.0.0.5")).what
    assert "address:" in doctor.check_remote_engine(None).fix


def test_a_kernel_that_does_not_count_for_what_work_waits_is_a_warning(tmp_path: Path) -> None:
    assert list(doctor.check_pressure(tmp_path)) == []
    (finding,) = doctor.check_pressure(tmp_path / "pressure")
    assert (finding.level, "psi=1" in finding.fix) == (Level.WARNING, True)


def test_findings_begin_with_the_engines_name_and_an_engine_that_does_not_answer_is_an_error() -> None:
    unknown = Engine(context="no-such-context-anywhere")
    named, unnamed = doctor.examine_engines({"big": unknown, None: unknown})
    assert (named.level, unnamed.level) == (Level.ERROR, Level.ERROR)
    assert named.what == f"big: {unnamed.what}"
    assert "no-such-context-anywhere" in unnamed.what


def test_a_helper_for_passwords_that_is_not_installed_is_a_warning(tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    assert levels(doctor.check_credentials(None)) == []
    for text in ("{}", '{"auths": {}}', '{"credsStore": ""}'):
        config.write_text(text)
        assert levels(doctor.check_credentials(str(config))) == []
    for text in ('{"auths": {', "[]", "7"):
        config.write_text(text)
        assert levels(doctor.check_credentials(str(config))) == [Level.WARNING]
    config.write_text('{"credsStore": "gone-1", "credHelpers": {"r.example": "gone-2"}}')
    first, second = doctor.check_credentials(str(config))
    assert "docker-credential-gone-1, which is not installed" in first.what
    assert "docker-credential-gone-2" in second.what


def test_results_that_can_not_be_stored_are_an_error(tmp_path: Path) -> None:
    assert levels(doctor.check_results(tmp_path / "new/results")) == []
    (tmp_path / "file").touch()
    (finding,) = doctor.check_results(tmp_path / "file/results")
    assert finding.level == Level.ERROR
    assert f"{tmp_path}/file is no folder" in finding.what
    assert "--results" in finding.fix
