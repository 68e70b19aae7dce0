"""Every slow test that is named exists: a test that is renamed would else be left out of nothing."""

import re
from pathlib import Path

import pytest

from tests.slow import FUNCTIONS, MODULES, is_slow

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("module", [*MODULES, *FUNCTIONS])
def test_the_slow_tests_exist(module: str) -> None:
    tests = re.findall(r"def test_(\w+)\(", (ROOT / module).read_text())
    assert set(FUNCTIONS.get(module, tests)) <= set(tests)


def test_a_function_is_slow_with_all_of_its_examples() -> None:
    slow, quick = (
        "tests/unit/bench/test_search.py::test_every_class_can_be_measured",
        "tests/unit/x.py::test_y",
    )
    assert [is_slow(slow), is_slow(f"{slow}[a::b]"), is_slow(f"{MODULES[0]}::test_x[1]")] == [True] * 3
    assert [is_slow(quick), is_slow(f"{slow}_twice")] == [False, False]
