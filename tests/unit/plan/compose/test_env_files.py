"""Files of variables are read as Compose reads them."""

from pathlib import Path

import pytest

from harness.plan.compose.env_files import read_dotenv, read_env_file, read_raw_env_file
from harness.plan.compose.interpolation import Variables

VARIABLES = Variables({"SET": "value", "A": "of the caller"})


def read(folder: Path, text: str) -> dict[str, str | None]:
    (folder / "some.env").write_text(text, encoding="utf-8")
    return read_env_file(folder / "some.env", VARIABLES)


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("K=5 # light", "5"),
        ("K=a#b", "a#b"),
        ("K= # no comment", "# no comment"),
        ("K=#", "#"),
        ("K=a\t# b", "a\t# b"),
        ("K=a  # b # c", "a"),
        ("K:like yaml # c", "like yaml"),
        ("K:'quoted'", "quoted"),
        ("K=", ""),
        ('K="hello # not a comment" # one', "hello # not a comment"),
        ("K='single ${SET} \\n'", "single ${SET} \\n"),
        ('K="double ${SET} \\n\\$x"', "double value \n$x"),
        ("K=plain ${SET}", "plain value"),
        ("K=${NONE:-other}", "other"),
        ("export K=yes", "yes"),
        ("  K = spaced ", "spaced"),
        ("K: like yaml", "like yaml"),
        ('K="line one\nline two"', "line one\nline two"),
        ("K=a\r", "a"),
        ("K=$$HOME", "$HOME"),
    ],
)
def test_a_line_has_the_value_that_compose_reads(tmp_path: Path, line: str, value: str) -> None:
    assert read(tmp_path, line) == {"K": value}


def test_names_may_hold_dots_and_a_name_alone_takes_the_callers_value(tmp_path: Path) -> None:
    assert read(tmp_path, "# a\n\nDOTTED.NAME-1=1\nSET\nNONE\n") == {
        "DOTTED.NAME-1": "1",
        "SET": "value",
        "NONE": None,
    }


def test_a_value_refers_to_lines_above_it_but_the_caller_comes_first(tmp_path: Path) -> None:
    assert read(tmp_path, "A=mine\nB=1\nC=$A $B\n") == {"A": "mine", "B": "1", "C": "of the caller 1"}


def test_a_line_that_is_no_assignment_is_refused_with_its_number(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r'some.env, line 2: "what is this" is no NAME=value'):
        read(tmp_path, "A=1\nwhat is this\n")


def test_in_the_raw_format_quotes_and_dollars_are_plain(tmp_path: Path) -> None:
    (tmp_path / "raw.env").write_text("# no\nA='$SET' # x\nB=\n", encoding="utf-8")
    assert read_raw_env_file(tmp_path / "raw.env") == {"A": "'$SET' # x", "B": ""}


def test_the_caller_overrides_dotenv_and_no_file_means_no_variables(tmp_path: Path) -> None:
    assert read_dotenv(tmp_path, {}, VARIABLES) == {}
    (tmp_path / ".env").write_text("\ufeffA=mine\nB=2\n", encoding="utf-8")
    assert read_dotenv(tmp_path, {"A": "x"}, VARIABLES) == {"B": "2"}
