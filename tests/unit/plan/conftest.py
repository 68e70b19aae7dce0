"""The minimal project, for each test."""

from pathlib import Path

import pytest

from harness.model import Plan
from tests.unit.plan.project import FILES, LoadWith, Project


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(tmp_path)
    made = Project(tmp_path)
    made.write(dict(FILES))
    return made


@pytest.fixture
def load_with(project: Project) -> LoadWith:
    def load(more: str) -> Plan:
        project.write({"matrix.yaml": FILES["matrix.yaml"] + more})
        return project.load()

    return load
