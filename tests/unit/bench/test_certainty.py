"""How sure a size is said to be, beside whether it sustains its users once more."""

import pytest

from bench.search.certainty import Held, list_rows, main, try_size
from bench.simulation.model import USUAL


def test_the_table_has_what_was_stated_and_what_held() -> None:
    held = [Held(0.55, True), Held(0.57, False), Held(1.0, True)]
    assert list_rows(held) == [["50% - 60%", "2", "56%", "50%"], ["99% - 100%", "1", "100%", "100%"]]


def test_the_same_seed_tries_the_same_size() -> None:
    tried = [try_size(seed, USUAL) for seed in (1, 2, 1, 2)]
    assert tried[:2] == tried[2:]
    assert any(tried)


def test_the_tables_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--campaigns", "2", "--processes", "1", "--hosts", "usual"]) == 0
    assert "| stated, host usual" in capsys.readouterr().out
