"""The comments on a pull request at GitHub, by the variables and the event of a workflow."""

import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from harness.publish.api import Api

_TRUSTED = frozenset({"OWNER", "MEMBER", "COLLABORATOR"})
_HEADERS = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}


class GitHubComments:
    """The comments on one pull request of a repository, such as `me/shop`."""

    def __init__(self, api: Api, repository: str, number: int) -> None:
        self._api = api
        self._repository = f"/repos/{repository}"
        self._comments = f"{self._repository}/issues/{number}/comments"

    def find_comment(self, marker: str) -> str | None:
        """Return the id of the first comment that begins with the marker; None if there is none.

        A comment of somebody who may not write to the repository is not ours: its author could change it.
        """
        for comment in self._api.list_entries(f"{self._comments}?per_page=100"):
            if str(comment.get("body") or "").startswith(marker) and _is_trusted(comment):
                return str(comment["id"])
        return None

    def create_comment(self, text: str) -> str:
        """Write a new comment and return its address."""
        return str(self._api.send("POST", self._comments, {"body": text}).get("html_url", ""))

    def update_comment(self, comment_id: str, text: str) -> str:
        """Replace the text of a comment and return its address."""
        path = f"{self._repository}/issues/comments/{comment_id}"
        return str(self._api.send("PATCH", path, {"body": text}).get("html_url", ""))


def open_comments(
    environ: Mapping[str, str], event: Mapping[str, Any]
) -> AbstractContextManager[GitHubComments] | str:
    """Return the comments on the pull request that a workflow runs for, or why there can be none."""
    number = _find_number(environ, event)
    if number is None:
        return "this run belongs to no pull request"
    token = environ.get("GITHUB_TOKEN", "")
    if not token:
        return "there is no token (GITHUB_TOKEN)"
    address, repository = environ.get("GITHUB_API_URL", ""), environ.get("GITHUB_REPOSITORY", "")
    if not address or not re.fullmatch(r"[\w.-]+/[\w.-]+", repository):
        return "GITHUB_API_URL or GITHUB_REPOSITORY is missing"
    return _open(address, token, repository, number)


@contextmanager
def _open(address: str, token: str, repository: str, number: int) -> Iterator[GitHubComments]:
    with Api(address, token, _HEADERS) as api:
        yield GitHubComments(api, repository, number)


def _find_number(environ: Mapping[str, str], event: Mapping[str, Any]) -> int | None:
    """Return the pull request's number by the event, else by the ref; None if the run belongs to none."""
    issue, run = event.get("issue"), event.get("workflow_run")
    pulls = [
        event.get("pull_request"),
        issue if isinstance(issue, dict) and "pull_request" in issue else None,
        *((run.get("pull_requests") or []) if isinstance(run, dict) else []),
    ]
    numbers = [pull.get("number") for pull in pulls if isinstance(pull, dict)]
    known = [number for number in numbers if isinstance(number, int)]
    if known:
        return known[0]
    ref = re.fullmatch(r"refs/pull/(\d+)/(merge|head)", environ.get("GITHUB_REF", ""))
    return int(ref[1]) if ref else None


def _is_trusted(comment: Mapping[str, Any]) -> bool:
    """Return True for the comment of a bot, or of somebody who may write to the repository."""
    user = comment.get("user")
    is_bot = isinstance(user, dict) and user.get("type") == "Bot"
    return is_bot or comment.get("author_association") in _TRUSTED
