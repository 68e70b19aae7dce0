"""A command that is written as one text is split as Docker Compose splits it."""

import pytest

from harness.plan.compose.command_words import split_command


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("serve --name 'two words' \"\" ''", ["serve", "--name", "two words", "", ""]),
        (r"""a\ b c\\d "e\\f" 'g\h'""", ["a b", r"c\d", r"e\f", r"g\h"]),
        (r'printf "a\nb" \t', ["printf", "anb", "t"]),
        ("one && two", ["one"]),
        ("one 2>&1", ["one"]),
        ("one 2 > file", ["one", "2"]),
        ("'a;b' \"c|d\"", ["a;b", "c|d"]),
        ("a#b # c", ["a#b", "#", "c"]),
        ("$(a 'b c') d", ["$(a 'b c')", "d"]),
        ('`a "b" c` d', ["`a b c`", "d"]),
        ("'(a)'b", ["(a)b"]),
        ("  \t ", []),
    ],
)
def test_a_text_becomes_these_words(text: str, words: list[str]) -> None:
    assert split_command(text) == words


@pytest.mark.parametrize("text", ["'a", 'a "b', "a\\", "a `b", "$(a", "(a)", "a )"])
def test_what_docker_compose_cannot_split_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"ends within a quotation|has a bracket"):
        split_command(text)
