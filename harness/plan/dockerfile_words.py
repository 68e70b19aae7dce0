"""Split the text of a Dockerfile's instructions into words, and replace the variables in them.

https://docs.docker.com/reference/dockerfile/#environment-replacement
"""

import re
from collections.abc import Mapping

_BUILDKIT_PATTERN = re.compile(r"(?<!\\)\$\{\w+(?:#|%|/)", re.ASCII)


def split_words(text: str, escape: str) -> list[str]:
    """Split a text at white space that is not quoted. Quotes are kept."""
    return re.findall(build_word_pattern(escape), text)


def build_word_pattern(escape: str) -> str:
    """Return the regular expression of one word."""
    mark = re.escape(escape)
    return rf"""(?:[^\s"'{mark}]|{mark}.|"(?:[^"{mark}]|{mark}.)*"|'[^']*')+"""


def has_pattern_of_buildkit(text: str) -> bool:
    """Return True if a variable is cut or changed in a way that only BuildKit knows, as in `${A%%-*}`."""
    return _BUILDKIT_PATTERN.search(text) is not None


def expand(text: str, values: Mapping[str, str], escape: str) -> str:
    """Return the text without quotes, with variables replaced; one that is not set counts as empty."""
    mark = re.escape(escape)
    pattern = (
        rf"'(?P<raw>[^']*)'|{mark}(?P<escaped>.)|\"|\$(?P<plain>\w+)"
        r"|\$\{(?P<braced>\w+)(?:(?P<how>:?[-+?]|##?|%%?|//?)(?P<other>(?:[^{}]|\{[^{}]*\})*))?\}"
    )

    def replace(match: re.Match[str]) -> str:
        for kind in ("raw", "escaped"):
            if match[kind] is not None:
                return str(match[kind])
        name = match["plain"] or match["braced"]
        if name is None:
            return ""
        value, how, other = values.get(name), match["how"] or "", match["other"] or ""
        if how[:1] in ("#", "%", "/"):
            return _change(value or "", how, expand(other, values, escape))
        is_set = value is not None and (value != "" or not how.startswith(":"))
        if how.endswith("+"):
            return expand(other, values, escape) if is_set else ""
        if how.endswith("-") and not is_set:
            return expand(other, values, escape)
        return value or ""

    return re.sub(pattern, replace, text)


def _change(value: str, how: str, pattern: str) -> str:
    """Return the value without a part that a shell pattern describes, or with another text in its place.

    `#` and `%` take the shortest such part from the beginning and from the end, `##` and `%%` the longest.
    `/` replaces the first such part, `//` all.
    """
    if how.startswith("/"):
        wanted, _, other = pattern.partition("/")
        return re.sub(_translate(wanted), lambda _: other, value, count=0 if how == "//" else 1)
    parts = [value[:end] for end in range(len(value) + 1)]
    rests = [value[end:] for end in range(len(value) + 1)]
    pairs = list(zip(parts, rests, strict=True))
    if how.startswith("%"):
        pairs = [(rest, part) for part, rest in reversed(pairs)]
    if len(how) == 2:
        pairs.reverse()
    return next((rest for part, rest in pairs if re.fullmatch(_translate(pattern), part)), value)


def _translate(pattern: str) -> str:
    """Return the regular expression of a shell pattern, in which `*` and `?` stand for other characters."""
    return "".join({"*": ".*", "?": "."}.get(each, re.escape(each)) for each in pattern)
