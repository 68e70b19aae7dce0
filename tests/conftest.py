"""What every test needs: Hypothesis without deadlines, a folder of temporary files, the mark `slow`."""

import gc

import pytest
from hypothesis import settings

from tests.examples import count_examples
from tests.slow import is_slow

# A shared machine may stall for longer than any deadline that would mean something.
settings.register_profile("no-deadline", deadline=None, max_examples=count_examples(100))
settings.load_profile("no-deadline")


@pytest.fixture(scope="session", autouse=True)
def create_temporary_folder(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Create the folder that `tmp_path` is in before a test changes where temporary files are."""
    tmp_path_factory.getbasetemp()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the slow tests, before tests are selected by their marks."""
    for item in items:
        if is_slow(item.nodeid):
            item.add_marker("slow")


def pytest_collection_finish() -> None:
    """Collect garbage seldom, and without all modules and tests: each collection would take half a second.

    By default every 700 new objects would start one, which took a sixth of the CPU time of fake campaigns.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 10, 10)
