"""Split a command that is written as one text into words, as Docker Compose does.

It is not what a shell does: a backslash takes the meaning from any character, also within double quotes, and
nothing is replaced. The command ends at the first operator, such as `&&`.
"""

_WHITE_SPACE = " \t\r\n"
_OPERATORS = ";&|<>"
_QUOTES = "\"'"


def split_command(text: str) -> list[str]:
    """Return the words of a command.

    Raises:
        ValueError: a quotation has no end, or a bracket of a shell stands outside of quotations.
    """
    words: list[str] = []
    word: str | None = None
    quote, is_escaped = "", False
    for character in text:
        if is_escaped:
            word, is_escaped = (word or "") + character, False
        elif character == "\\" and quote != "'":
            is_escaped = True
        elif quote:
            is_kept = character not in _QUOTES or quote == ")" or (quote != "`" and character != quote)
            quote = "" if character == quote else quote
            word = (word or "") + (character if is_kept else "")
        elif character in _WHITE_SPACE:
            words += [] if word is None else [word]
            word = None
        elif character in _OPERATORS:
            if character == ">" and word and word[0].isdigit():
                word = None  # the number of what is redirected
            break
        elif character == "(" and (word or "").endswith("$"):
            quote, word = ")", f"{word}("
        elif character in "()":
            raise ValueError(f'"{text[:60]}" has a bracket, which only a shell knows; write [sh, -c, …]')
        else:
            quote = character if character in f"{_QUOTES}`" else ""
            word = (word or "") + ("" if character in _QUOTES else character)
    if quote or is_escaped:
        raise ValueError(f'"{text[:60]}" ends within a quotation')
    return words if word is None else [*words, word]
