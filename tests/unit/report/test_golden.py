"""Compare every report with its golden text, so that no wording and no column changes by mistake."""

import pytest

from tests.unit.report.golden import FOLDER, render_texts

TEXTS = render_texts()


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_a_report_equals_its_golden_text(name: str) -> None:
    assert TEXTS[name] == (FOLDER / name).read_bytes().decode()


def test_no_golden_file_is_left_without_a_test() -> None:
    assert {file.name for file in FOLDER.iterdir()} == set(TEXTS)
