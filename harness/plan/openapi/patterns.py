"""Make a short text that a `pattern` of an OpenAPI document describes, without ever matching it.

To match a stranger's regular expression can take for ever, so the text is put together while the expression
is read, once and from left to right: of alternatives the first, of repetitions the fewest, of a class one
character. Look-around, back references, Unicode properties and flags are not understood, and nothing is made
then.
"""

import re
from dataclasses import dataclass

_MOST_CHARACTERS = 200
"""Of a pattern, and of what is made of it."""

_MOST_LEVELS = 20
_MOST_MORE = 40
"""How many more times than needed something may be repeated, so that the text is long enough."""

_USUAL = "aA1-_. "
"""The characters that a class is represented by, if it has one of them."""

_SETS = {"d": "0-9", "w": "a-zA-Z0-9_", "s": " ", "D": "^0-9", "W": "^a-zA-Z0-9_", "S": "^ "}
_CONTROLS = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "v": "\v"}
_REPETITION = re.compile(r"(?:([?*+])|\{(\d{1,9})(?:(,)(\d{1,9})?)?\})[?+]?")
_GROUP = re.compile(r"\((?:\?:|\?P?<\w+>)?(?!\?)")
_CODE = re.compile(r"x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})")
_ENDLESS = 10**6


class _NoTextError(Exception):
    """No text can be made of the pattern."""


def make_matching_text(pattern: str, fewest: int = 0, most: int = _MOST_CHARACTERS) -> str | None:
    """Return a text of at least one character, and of `fewest` to `most`, that a pattern describes.

    None if the pattern is not understood, or no such text was found.
    """
    if len(pattern) > _MOST_CHARACTERS:
        return None
    for more in range(_MOST_MORE):
        reader = _Reader(pattern, more)
        try:
            text = reader.read_alternatives(0)
            if reader.peek():
                return None  # a bracket is closed that was never opened
        except (_NoTextError, IndexError):
            return None
        if len(text) >= max(fewest, 1):
            return text if len(text) <= most else None
    return None


@dataclass(slots=True)
class _Reader:
    """Reads a pattern from `position` on; what may be repeated is repeated `more` times than needed."""

    pattern: str
    more: int
    position: int = 0

    def peek(self) -> str:
        return self.pattern[self.position : self.position + 1]

    def _take(self) -> str:
        character = self.pattern[self.position]
        self.position += 1
        return character

    def read_alternatives(self, level: int) -> str:
        """Return a text for the first of alternatives, up to a closing bracket or the end."""
        if level > _MOST_LEVELS:
            raise _NoTextError
        first = self._read_sequence(level)
        while self.peek() == "|":
            self.position += 1
            self._read_sequence(level)
        return first

    def _read_sequence(self, level: int) -> str:
        text = ""
        while self.peek() not in ("", "|", ")"):
            part = self._read_part(level)
            count = self._read_count()
            if len(text) + len(part) * count > _MOST_CHARACTERS:
                raise _NoTextError
            text += part * count
        return text

    def _read_part(self, level: int) -> str:
        """Return a text for what a repetition may follow."""
        if group := _GROUP.match(self.pattern, self.position):
            self.position = group.end()
            text = self.read_alternatives(level + 1)
            if self._take() != ")":
                raise _NoTextError
            return text
        match self._take():
            case "^" | "$":
                return ""
            case ".":
                return _USUAL[0]
            case "[":
                return self._read_class()
            case "\\":
                return self._read_escape()
            case "(" | "*" | "+" | "?":
                raise _NoTextError
            case plain:
                return plain

    def _read_count(self) -> int:
        """Return how often the part before is repeated."""
        match = _REPETITION.match(self.pattern, self.position)
        if match is None:
            return 1
        self.position = match.end()
        if match[1]:
            low, high = {"?": (0, 1), "*": (0, _ENDLESS), "+": (1, _ENDLESS)}[match[1]]
        else:
            low = int(match[2])
            high = int(match[4]) if match[4] else _ENDLESS if match[3] else low
        return min(low + self.more, max(low, high))

    def _read_escape(self) -> str:
        if code := _CODE.match(self.pattern, self.position):
            self.position = code.end()
            return chr(int(code[1] or code[2], 16))
        character = self._take()
        if character in _SETS:
            return _choose_character([_SETS[character]])
        if character in _CONTROLS:
            return _CONTROLS[character]
        if character.isalnum():  # \b, \1, \p{…}
            raise _NoTextError
        return character

    def _read_class(self) -> str:
        """Return a character of a class such as `[a-z_]`, whose opening bracket has been read."""
        is_negated = self.peek() == "^"
        self.position += is_negated
        parts: list[str] = []
        while self.peek() != "]" or not parts:
            parts.append(self._read_range())
        self.position += 1
        if is_negated and any(part.startswith("^") for part in parts if len(part) > 1):
            raise _NoTextError
        return _choose_character(parts, is_negated=is_negated)

    def _read_range(self) -> str:
        """Return one character of a class, or a range such as `a-z`, or the set that an escape means."""
        escaped = self.pattern[self.position + 1 : self.position + 2] if self.peek() == "\\" else ""
        if escaped and escaped in _SETS:
            self.position += 2
            return _SETS[escaped]
        first = self._read_single()
        following = self.pattern[self.position + 1 : self.position + 2]
        if self.peek() != "-" or following in ("]", ""):
            return first
        self.position += 1
        return f"{first}-{self._read_single()}"

    def _read_single(self) -> str:
        character = self._take()
        return self._read_escape() if character == "\\" else character


def _choose_character(parts: list[str], *, is_negated: bool = False) -> str:
    """Return a character that one of the parts has; with `is_negated` one that none of them has."""
    for character in _USUAL:
        if any(_has(part, character) for part in parts) != is_negated:
            return character
    if is_negated:
        raise _NoTextError
    return parts[0][0]


def _has(part: str, character: str) -> bool:
    """Return True if `a`, `a-z`, `a-zA-Z_` or, with all but those, `^a-z` has the character."""
    if len(part) > 1 and part.startswith("^"):
        return not _has(part[1:], character)
    ranges = re.findall(r"(.)-(.)|(.)", part, re.DOTALL)
    return any(character == single or low <= character <= high != "" for low, high, single in ranges)
