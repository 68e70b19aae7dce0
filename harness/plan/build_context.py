"""Choose the folder that the build of a Dockerfile copies from: its own, or one above it."""

import glob
import json
import os
from collections.abc import Iterator
from pathlib import Path

from harness.plan.dockerfile import Instruction, parse_dockerfile
from harness.plan.dockerfile_words import expand, split_words

_ELSEWHERE = ("http://", "https://", "git://", "git@", "ssh://", "<<")
"""How a source begins that is not in the context."""


def choose_context(text: str, folder: Path, highest: Path) -> Path:
    """Return the folder that has all that a Dockerfile copies: its own `folder`, or the nearest above it.

    Folders above `highest` are not looked at. If none has all, it is the Dockerfile's own.
    """
    dockerfile = parse_dockerfile(text)
    sources = [each for step in dockerfile.instructions for each in _list_sources(step, dockerfile.escape)]
    above = [each for each in folder.parents if each.is_relative_to(highest)]
    complete = (each for each in (folder, *above) if all(_is_there(each, source) for source in sources))
    return next(complete, folder)


def _list_sources(instruction: Instruction, escape: str) -> Iterator[str]:
    """Yield the files and folders of the context that an instruction copies, but those with a variable."""
    is_copy = instruction.name in ("COPY", "ADD")
    if not is_copy or any(flag.startswith("--from") for flag in instruction.flags):
        return
    for word in _split_list(instruction.text, escape)[:-1]:
        if "$" not in word and not word.startswith(_ELSEWHERE):
            yield word


def _split_list(text: str, escape: str) -> list[str]:
    """Return the words of an instruction, also if they are written as a list of JSON."""
    try:
        words = json.loads(text) if text.startswith("[") else None
    except ValueError:
        words = None
    if isinstance(words, list):
        return [str(each) for each in words]
    return [expand(each, {}, escape) for each in split_words(text, escape)]


def _is_there(folder: Path, source: str) -> bool:
    path = source.lstrip("/") or "."
    return os.path.lexists(folder / path) or bool(glob.glob(path, root_dir=folder))
