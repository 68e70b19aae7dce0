"""The notes on a merge request at GitLab, by the variables of a pipeline."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from urllib.parse import quote

from harness.publish.api import Api


class GitLabNotes:
    """The notes on one merge request of a project. `page` is the address of the merge request."""

    def __init__(self, api: Api, project: str, number: str, page: str) -> None:
        self._api = api
        self._notes = f"/projects/{quote(project, safe='')}/merge_requests/{quote(number, safe='')}/notes"
        self._page = page

    def find_comment(self, marker: str) -> str | None:
        """Return the id of our own first note that begins with the marker; None if there is none."""
        author = self._api.read("/user").get("id")
        for note in self._api.list_entries(f"{self._notes}?per_page=100&sort=asc"):
            writer = note.get("author")
            is_ours = isinstance(writer, dict) and writer.get("id") == author
            if is_ours and str(note.get("body") or "").startswith(marker):
                return str(note["id"])
        return None

    def create_comment(self, text: str) -> str:
        """Write a new note and return its address."""
        return self._locate(self._api.send("POST", self._notes, {"body": text}))

    def update_comment(self, comment_id: str, text: str) -> str:
        """Replace the text of a note and return its address."""
        return self._locate(self._api.send("PUT", f"{self._notes}/{comment_id}", {"body": text}))

    def _locate(self, note: Mapping[str, object]) -> str:
        return f"{self._page}#note_{note['id']}" if self._page and "id" in note else ""


def open_comments(environ: Mapping[str, str]) -> AbstractContextManager[GitLabNotes] | str:
    """Return the notes on the merge request that a pipeline runs for, or why there can be none."""
    number = environ.get("CI_MERGE_REQUEST_IID", "")
    if not number:
        return "this pipeline belongs to no merge request"
    token = environ.get("GITLAB_TOKEN", "")
    if not token:
        return "there is no token (GITLAB_TOKEN: an access token of the project with the scope api)"
    project = environ.get("CI_MERGE_REQUEST_PROJECT_ID") or environ.get("CI_PROJECT_ID", "")
    address = environ.get("CI_API_V4_URL", "")
    if not address or not project:
        return "CI_API_V4_URL or CI_PROJECT_ID is missing"
    url = environ.get("CI_MERGE_REQUEST_PROJECT_URL", "")
    return _open(address, token, project, number, f"{url}/-/merge_requests/{number}" if url else "")


@contextmanager
def _open(address: str, token: str, project: str, number: str, page: str) -> Iterator[GitLabNotes]:
    with Api(address, token) as api:
        yield GitLabNotes(api, project, number, page)
