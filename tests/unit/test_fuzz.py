"""A few hundred of the fuzzer's inputs at every check; `make soak` throws all of them."""

from pathlib import Path

from tests.soak.fuzz import fuzz, readers


def test_no_broken_file_makes_a_reader_do_anything_but_take_or_refuse_it(tmp_path: Path) -> None:
    counts, faults = fuzz(tmp_path, inputs=420, seed=7)
    assert faults == []
    assert sum(counted["refused"] for counted in counts.values()) > 100


def test_the_files_that_are_mutated_are_sound(tmp_path: Path) -> None:
    for reader in readers(tmp_path):
        reader.read(tmp_path / reader.file)
