"""Keep one comment on a change up to date: find the one that an earlier run wrote, or write a new one."""

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from harness.publish import github, gitlab

MOST_CHARACTERS = 60_000
"""The longest text of a comment. GitHub refuses more than 65,536 characters."""

_SHORTENED = "\n\nThis text is shortened: the page has everything.\n"


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment that was written; `address` is empty if the host does not tell it."""

    address: str
    is_new: bool


class CodeHost(Protocol):
    """The comments on one change at a code host. Every method may raise PublishError."""

    def find_comment(self, marker: str) -> str | None:
        """Return the id of our own comment that begins with the marker; None if there is none."""

    def create_comment(self, text: str) -> str:
        """Write a new comment and return its address."""

    def update_comment(self, comment_id: str, text: str) -> str:
        """Replace the text of a comment and return its address."""


def choose_host(environ: Mapping[str, str]) -> AbstractContextManager[CodeHost] | str:
    """Return the comments on the change that a pipeline's variables name, or why there can be none."""
    if environ.get("GITHUB_ACTIONS") == "true":
        return github.open_comments(environ, _read_event(environ.get("GITHUB_EVENT_PATH", "")))
    if environ.get("GITLAB_CI") == "true":
        return gitlab.open_comments(environ)
    return "this is no pipeline of GitHub or GitLab"


def _read_event(path: str) -> Mapping[str, object]:
    """Return the event that started a workflow; an empty one if it can't be read."""
    try:
        event = json.loads(Path(path).read_bytes())
    except (OSError, ValueError):
        return {}
    return event if isinstance(event, dict) else {}


def publish_comment(host: CodeHost, name: str, text: str) -> Comment:
    """Write the text as the comment of this name: replace the one of an earlier run, or write a new one.

    Raises PublishError if the host refuses or does not answer.
    """
    marker = f"<!-- capacity-harness: {name} -->"
    body = f"{marker}\n{text}"
    known = host.find_comment(marker)
    if known is None:
        return Comment(host.create_comment(body), is_new=True)
    return Comment(host.update_comment(known, body), is_new=False)


def build_comment(text: str, page: str | None) -> str:
    """Return the text of a comment with a link to the page, shortened to what code hosts accept."""
    link = f"\n[The page with all figures]({page})\n" if page else ""
    most = MOST_CHARACTERS - len(link)
    if len(text) > most:
        kept = text[: most - len(_SHORTENED)]
        text = kept[: kept.rfind("\n") if "\n" in kept else len(kept)] + _SHORTENED
    return text + link
