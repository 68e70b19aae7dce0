"""tools/venv creates the environment with the locked versions, if it finds a suitable Python."""

import re
from pathlib import Path

from packaging.utils import canonicalize_name

from tests.bootstrap.machine import Machine
from tools.lock import LOCK, read_locked_versions, read_requirements

WITHOUT_ENSUREPIP = 'case "$*" in *version_info*) exit 0;; *ensurepip*) exit 1;; esac'


def test_a_python_that_is_too_old_is_refused_with_its_version(machine: Machine, tmp_path: Path) -> None:
    machine.add_stub("python3", 'case "$*" in --version) echo Python 3.9.2;; *) exit 1;; esac')
    outcome = machine.run_tool("venv", str(tmp_path / "venv"), PYTHON="python3")
    assert outcome.exit_code == 1
    assert "No Python 3.11 or newer" in outcome.output
    assert "Python 3.9.2" in outcome.output
    assert not (tmp_path / "venv").exists()


def test_if_python_lacks_ensurepip_the_missing_package_is_named(machine: Machine, tmp_path: Path) -> None:
    machine.add_stub("id", "echo 1000")
    machine.add_stub("python3", WITHOUT_ENSUREPIP)
    outcome = machine.run_tool("venv", str(tmp_path / "venv"), PYTHON="python3")
    assert outcome.exit_code == 1
    assert "apt-get install python3-venv" in outcome.output
    assert not any(c.startswith("apt-get") for c in outcome.commands)


def test_for_root_on_debian_the_missing_package_is_installed(machine: Machine, tmp_path: Path) -> None:
    machine.add_stub("python3", WITHOUT_ENSUREPIP)
    machine.add_stub("apt-get", "true")
    outcome = machine.run_tool("venv", str(tmp_path / "venv"), PYTHON="python3")
    assert any(c.startswith("apt-get") and c.endswith("python3-venv") for c in outcome.commands)
    assert "still lacks the module ensurepip" in outcome.output


def test_every_package_that_pyproject_names_is_locked() -> None:
    declared = {canonicalize_name(requirement.name) for requirement in read_requirements()}
    assert len(declared) > 20
    assert declared - read_locked_versions().keys() == set()


def test_every_locked_version_is_one_that_pyproject_allows() -> None:
    locked = read_locked_versions()
    wrong = [
        str(requirement)
        for requirement in read_requirements()
        if not requirement.specifier.contains(locked[canonicalize_name(requirement.name)])
    ]
    assert wrong == []


def test_the_lock_names_no_path_and_no_address() -> None:
    lines = [line for line in LOCK.read_text().splitlines() if not line.startswith("#")]
    assert [line for line in lines if not re.fullmatch(r"[a-z0-9-]+==[\w.]+", line)] == []


def test_the_environment_is_installed_with_the_locked_versions(machine: Machine, tmp_path: Path) -> None:
    machine.add_stub("python3", "exit 0")
    venv = tmp_path / "venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").write_text(f'#!/bin/sh\necho "$*" >>{tmp_path}/calls-of-python\n')
    (venv / "bin" / "python").chmod(0o755)
    outcome = machine.run_tool("venv", str(venv), PYTHON="python3")
    assert outcome.exit_code == 0, outcome.output
    assert "pip install -qq --constraint constraints.txt" in (tmp_path / "calls-of-python").read_text()
