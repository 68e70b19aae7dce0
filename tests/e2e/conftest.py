"""Fixtures of the tests on a real engine."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.project import Project, create_project, run_docker


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return create_project(tmp_path)


@pytest.fixture
def leftovers() -> Callable[[], str]:
    """List the harness's containers and networks that still exist, running or not."""

    def list_leftovers() -> str:
        label = "label=harness.campaign"
        containers = run_docker("ps", "--all", "--quiet", "--filter", label)
        return containers + run_docker("network", "ls", "--quiet", "--filter", label)

    return list_leftovers
