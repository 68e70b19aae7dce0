"""What people and programs read changes only where somebody means it to."""

import pytest

from tests.unit.report.golden import FOLDER, texts

TEXTS = texts()


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_a_report_reads_as_it_did(name: str) -> None:
    assert TEXTS[name] == (FOLDER / name).read_bytes().decode()


def test_no_golden_file_is_left_without_a_test() -> None:
    assert {file.name for file in FOLDER.iterdir()} == set(TEXTS)
