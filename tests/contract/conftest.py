"""Fixtures that run one contract on each backend."""

from collections.abc import Iterator
from typing import Any

import pytest

from harness.measure.locust.generator import LocustGenerator
from harness.model import SINGLE_PROCESS, Crowd, Load, LocalWorkers, Scenario
from tests.contract.backends import Backend, open_fake_backend, open_real_backend


class TwoWorkers(LocustGenerator):
    """The real generator, always with two workers under a master."""

    def start(
        self, scenario: Scenario, url: str, load: Load = SINGLE_PROCESS, crowd: Crowd | None = None
    ) -> Any:
        return super().start(scenario, url, LocalWorkers(2), crowd)


@pytest.fixture(params=[pytest.param("fake"), pytest.param("real", marks=pytest.mark.e2e)])
def backend(request: pytest.FixtureRequest) -> Iterator[Backend]:
    with open_fake_backend() if request.param == "fake" else open_real_backend() as backend:
        yield backend
        assert backend.list_containers() == []


@pytest.fixture(
    params=[
        pytest.param("fake"),
        pytest.param("real", marks=pytest.mark.e2e),
        pytest.param("two workers", marks=pytest.mark.e2e),
    ]
)
def load_backend(request: pytest.FixtureRequest) -> Iterator[Backend]:
    """Yield each backend with its load generator; the real generator also with two workers."""
    generator = TwoWorkers() if request.param == "two workers" else LocustGenerator()
    with open_fake_backend() if request.param == "fake" else open_real_backend(generator) as backend:
        yield backend
        assert backend.list_containers() == []
