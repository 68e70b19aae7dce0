"""What .dockerignore leaves out of a build context, by Docker's rules: the last pattern that matches decides.

https://docs.docker.com/build/concepts/context/#dockerignore-files
"""

import re
from collections.abc import Callable, Sequence
from posixpath import normpath

Rule = tuple[re.Pattern[str], bool]

TOKEN = re.compile(r"\*\*/|\*\*|\*|\?|\[\^?\]?[^\]]*\]|\\.|.", re.DOTALL)


def ignoring(text: str) -> Callable[[str], bool]:
    """Whether a path (relative to the context, with /) is left out by the .dockerignore of this text."""
    rules = [rule for line in text.splitlines() if (rule := parsed(line)) is not None]

    def is_ignored(path: str) -> bool:
        left_out = False
        for pattern, leaves_out in rules:
            if pattern.fullmatch(path):
                left_out = leaves_out
        return left_out

    return is_ignored


def parsed(line: str) -> Rule | None:
    """A line as a pattern for a path or anything beneath it, and whether it leaves out or takes in again."""
    pattern = line.strip()
    if not pattern or pattern.startswith("#"):
        return None
    leaves_out = not pattern.startswith("!")
    relative = normpath(pattern.removeprefix("!").strip()).lstrip("/")
    if relative in ("", "."):
        return None
    try:
        return re.compile("".join(map(translated, tokens(relative))) + "(?:/.*)?", re.DOTALL), leaves_out
    except re.error:
        return None


def tokens(pattern: str) -> Sequence[str]:
    return TOKEN.findall(pattern)


def translated(token: str) -> str:
    match token:
        case "**/":
            return "(?:.*/)?"
        case "**":
            return ".*"
        case "*":
            return "[^/]*"
        case "?":
            return "[^/]"
    if len(token) > 2 and token.startswith("["):
        return token
    return re.escape(token[-1])
