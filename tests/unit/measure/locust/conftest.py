"""A Python with Locust, for the tests of what runs beside a scenario."""

from collections.abc import Iterator

import pytest

from tests.unit.measure.locust.prepared_python import PreparedPython, prepare_python


@pytest.fixture(scope="session")
def python() -> Iterator[PreparedPython]:
    with prepare_python() as python:
        yield python
