"""Read .dockerignore, and list the files of a build context that the engine is sent, by Docker's rules.

https://docs.docker.com/build/concepts/context/#dockerignore-files
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from posixpath import normpath

DOCKERIGNORE_FILE = ".dockerignore"

_TOKEN = re.compile(r"\*\*/|\*\*|\*|\?|\[\^?\]?[^\]]*\]|\\.|.", re.DOTALL)


@dataclass(frozen=True, slots=True)
class _Rule:
    """One line: its path, the paths that it matches, and whether it includes these again (`!`)."""

    path: str
    matching: re.Pattern[str]
    is_exception: bool


@dataclass(frozen=True, slots=True)
class IgnoreRules:
    """The rules of a .dockerignore file. The last one that matches a path decides."""

    rules: tuple[_Rule, ...]

    def is_ignored(self, path: str) -> bool:
        """Return True if `path` is not sent; it is relative to the context and has slashes."""
        ignored = False
        for rule in self.rules:
            if rule.matching.fullmatch(path):
                ignored = not rule.is_exception
        return ignored

    def has_exception_below(self, folder: str) -> bool:
        """Return True if a rule may include files again in an ignored folder.

        Docker compares the text of the rule with the path, so a rule that begins with a wildcard never does.
        """
        return any(f"{rule.path}/".startswith(f"{folder}/") for rule in self.rules if rule.is_exception)


def parse_ignore_rules(text: str) -> IgnoreRules:
    """Parse a .dockerignore file; lines without a valid pattern count as empty."""
    return IgnoreRules(tuple(rule for line in text.splitlines() if (rule := _parse_rule(line)) is not None))


def find_ignore_file(context: Path, dockerfile: str) -> Path:
    """Return the file that says what is ignored: the Dockerfile's own, if it has one, else the context's."""
    own = context / f"{dockerfile}{DOCKERIGNORE_FILE}"
    return own if own.is_file() else context / DOCKERIGNORE_FILE


def read_ignore_rules(context: Path, dockerfile: str = "Dockerfile") -> IgnoreRules:
    """Read the .dockerignore of a context or of its Dockerfile; without such a file nothing is ignored."""
    file = find_ignore_file(context, dockerfile)
    return parse_ignore_rules(file.read_text(encoding="utf-8", errors="replace") if file.is_file() else "")


def list_build_context(context: Path, dockerfile: str) -> list[str]:
    """Return the files, links and folders that the engine is sent, sorted, as paths relative to the context.

    The paths have slashes. The Dockerfile and .dockerignore are always sent: the engine reads them.

    Raises:
        OSError: a folder can't be read.
    """
    rules = read_ignore_rules(context, dockerfile).rules
    always_sent = [
        rule for name in (dockerfile, DOCKERIGNORE_FILE) if (rule := _parse_rule(f"!{name}")) is not None
    ]
    return sorted(_walk(context, "", IgnoreRules((*rules, *always_sent))))


def _walk(folder: Path, prefix: str, rules: IgnoreRules) -> Iterator[str]:
    for entry in os.scandir(folder):
        path = f"{prefix}{entry.name}"
        is_ignored = rules.is_ignored(path)
        if not is_ignored:
            yield path
        may_hold_files = not is_ignored or rules.has_exception_below(path)
        if may_hold_files and entry.is_dir(follow_symlinks=False):
            yield from _walk(folder / entry.name, f"{path}/", rules)


def _parse_rule(line: str) -> _Rule | None:
    """Parse a line into a rule for a path and everything in it; None for a line without a valid pattern."""
    pattern = line.strip()
    if not pattern or pattern.startswith("#"):
        return None
    path = normpath(pattern.removeprefix("!").strip()).lstrip("/")
    if path in ("", "."):
        return None
    try:
        matching = re.compile("".join(map(_translate, _TOKEN.findall(path))) + "(?:/.*)?", re.DOTALL)
    except re.error:
        return None
    return _Rule(path, matching, is_exception=pattern.startswith("!"))


def _translate(token: str) -> str:
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
