"""Fixtures: the minimal project, and its plan with more lines in the matrix."""

from pathlib import Path

import pytest

from harness.model import Plan
from tests.unit.plan.project import FILES, LoadWith, Project


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(tmp_path)
    minimal = Project(tmp_path)
    minimal.write(FILES)
    return minimal


@pytest.fixture
def load_with(project: Project) -> LoadWith:
    def load(lines: str) -> Plan:
        project.write({"matrix.yaml": FILES["matrix.yaml"] + lines})
        return project.load()

    return load
