"""A few hundred of the fuzzer's inputs; `make soak` tries 20,000."""

from pathlib import Path

from tests.soak.fuzz import create_readers, fuzz


def test_every_reader_accepts_or_refuses_a_broken_file(tmp_path: Path) -> None:
    counts, faults = fuzz(tmp_path, inputs=420, seed=7)
    assert faults == []
    assert sum(counted["refused"] for counted in counts.values()) > 100


def test_the_files_that_are_mutated_are_valid(tmp_path: Path) -> None:
    for reader in create_readers(tmp_path):
        reader.read(tmp_path / reader.file)
