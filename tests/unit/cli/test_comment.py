"""`harness comment` keeps one comment up to date, and never fails for want of a token."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from harness.cli import app
from harness.errors import UsageError
from harness.publish.comments import MOST_CHARACTERS
from tests.fakes.code_host import OUR_ID, TOKEN, FakeCodeHost, run_code_host

MARKER = "<!-- capacity-harness: capacity -->"
CI_VARIABLES = ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "GITHUB_TOKEN", "GITLAB_CI", "GITLAB_TOKEN")


@pytest.fixture
def host() -> Iterator[FakeCodeHost]:
    with run_code_host() as host:
        yield host


@pytest.fixture
def text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in CI_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    file = tmp_path / "change.md"
    file.write_text("### Capacity of shop\n")
    return file


@pytest.fixture
def github(host: FakeCodeHost, text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeCodeHost:
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"pull_request": {"number": 7}}))
    variables = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_API_URL": host.address,
        "GITHUB_EVENT_PATH": str(event),
        "GITHUB_REF": "refs/heads/main",
        "GITHUB_REPOSITORY": "me/shop",
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
        "GITHUB_TOKEN": TOKEN,
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return host


@pytest.fixture
def gitlab(host: FakeCodeHost, text: Path, monkeypatch: pytest.MonkeyPatch) -> FakeCodeHost:
    variables = {
        "CI_API_V4_URL": host.address,
        "CI_MERGE_REQUEST_IID": "7",
        "CI_MERGE_REQUEST_PROJECT_ID": "42",
        "CI_MERGE_REQUEST_PROJECT_URL": "https://git.example/me/shop",
        "CI_PROJECT_ID": "43",
        "GITLAB_CI": "true",
        "GITLAB_TOKEN": TOKEN,
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return host


def comment(*arguments: str) -> str:
    outcome = CliRunner().invoke(app, ["comment", *arguments], standalone_mode=False)
    if outcome.exception is not None:
        raise outcome.exception
    assert outcome.return_value == 0
    return outcome.output


def test_the_first_run_writes_a_comment_and_the_next_one_updates_it(github: FakeCodeHost, text: Path) -> None:
    assert f"comment written: {github.address}/comment/1" in comment(
        str(text), "--page", "https://ci.example/9"
    )
    assert github.comments[0]["body"].startswith(f"{MARKER}\n### Capacity of shop\n")
    assert "[The page with all figures](https://ci.example/9)" in github.comments[0]["body"]
    text.write_text("### Another verdict\n")
    assert "comment updated" in comment(str(text))
    assert [each["body"] for each in github.comments] == [f"{MARKER}\n### Another verdict\n"]


def test_the_step_summary_gets_the_text_too(github: FakeCodeHost, text: Path, tmp_path: Path) -> None:
    comment(str(text))
    assert (tmp_path / "summary").read_text() == "### Capacity of shop\n"


def test_a_run_without_a_token_writes_the_summary_and_does_not_fail(
    github: FakeCodeHost, text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "")
    assert "no comment: there is no token" in comment(str(text))
    assert (tmp_path / "summary").read_text() == "### Capacity of shop\n"
    assert github.calls == []


@pytest.mark.parametrize("status", [401, 403, 404])
def test_the_token_of_a_fork_may_not_comment_which_is_told_and_no_failure(
    github: FakeCodeHost, text: Path, tmp_path: Path, status: int
) -> None:
    github.refuses_with = status
    printed = comment(str(text))
    assert f"refused ({status}): Resource not accessible by integration" in printed
    assert "a change from a fork" in printed
    assert TOKEN not in printed
    assert (tmp_path / "summary").exists()


def test_a_host_that_fails_or_does_not_answer_is_told_and_no_failure(
    github: FakeCodeHost, text: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    github.refuses_with = 502
    assert "refused (502)" in comment(str(text))
    monkeypatch.setenv("GITHUB_API_URL", "http://127.0.0.1:9")
    assert "127.0.0.1:9 does not answer" in comment(str(text))


def test_the_comment_is_found_on_a_later_page(github: FakeCodeHost, text: Path) -> None:
    github.per_page = 2
    for number in range(5):
        github.add(f"remark {number}", user={"type": "User"}, author_association="MEMBER")
    ours = github.add(f"{MARKER}\nold", user={"type": "Bot"}, author_association="NONE")
    assert "comment updated" in comment(str(text))
    assert github.comments[ours - 1]["body"].endswith("### Capacity of shop\n")


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (f"{MARKER}\nall is well", {"user": {"type": "User"}, "author_association": "CONTRIBUTOR"}),
        (f"> quoted\n{MARKER}", {"user": {"type": "Bot"}, "author_association": "NONE"}),
        ("<!-- capacity-harness: other -->\nx", {"user": {"type": "Bot"}, "author_association": "NONE"}),
        (None, {"user": None}),
    ],
    ids=["of a stranger", "quotes the marker", "another name", "empty"],
)
def test_a_comment_that_is_not_ours_is_left_alone(
    github: FakeCodeHost, text: Path, body: str, fields: dict[str, object]
) -> None:
    github.add(body, **fields)
    assert "comment written" in comment(str(text))
    assert github.comments[0]["body"] == body


@pytest.mark.parametrize(
    ("event", "ref"),
    [
        ({"issue": {"number": 7, "pull_request": {}}}, "refs/heads/main"),
        ({"workflow_run": {"pull_requests": [{"number": 7}]}}, "refs/heads/main"),
        ({}, "refs/pull/7/merge"),
        ([], "refs/pull/7/head"),
    ],
)
def test_the_pull_request_is_found_by_the_event_or_the_ref(
    github: FakeCodeHost,
    text: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    event: object,
    ref: str,
) -> None:
    (tmp_path / "event.json").write_text(json.dumps(event))
    monkeypatch.setenv("GITHUB_REF", ref)
    assert "comment written" in comment(str(text))


@pytest.mark.parametrize("event", ["{}", '{"issue": {"number": 7}}', '{"workflow_run": {}}', "no JSON"])
def test_a_run_of_no_pull_request_has_no_comment(
    github: FakeCodeHost, text: Path, tmp_path: Path, event: str
) -> None:
    (tmp_path / "event.json").write_text(event)
    assert "no comment: this run belongs to no pull request" in comment(str(text))


def test_a_merge_request_has_one_note_that_is_kept_up_to_date(gitlab: FakeCodeHost, text: Path) -> None:
    gitlab.add(f"{MARKER}\nof another", author={"id": 1})
    assert "comment written: https://git.example/me/shop/-/merge_requests/7#note_2" in comment(str(text))
    text.write_text("### Another verdict\n")
    assert "comment updated" in comment(str(text))
    bodies = [each["body"] for each in gitlab.comments]
    assert bodies == [f"{MARKER}\nof another", f"{MARKER}\n### Another verdict\n"]
    assert gitlab.comments[1]["author"] == {"id": OUR_ID}


def test_a_merge_request_without_a_token_has_no_note(
    gitlab: FakeCodeHost, text: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GITLAB_TOKEN")
    assert "no comment: there is no token (GITLAB_TOKEN" in comment(str(text))
    monkeypatch.delenv("CI_MERGE_REQUEST_IID")
    assert "belongs to no merge request" in comment(str(text))


def test_outside_of_a_pipeline_there_is_no_comment(text: Path) -> None:
    assert "no comment: this is no pipeline of GitHub or GitLab" in comment(str(text))


def test_a_text_that_is_too_long_is_cut_at_a_line_and_keeps_the_link(
    github: FakeCodeHost, text: Path
) -> None:
    text.write_text("| a row of the table |\n" * 5000)
    comment(str(text), "--page", "https://ci.example/9")
    body = github.comments[0]["body"]
    assert len(body) <= MOST_CHARACTERS + len(MARKER) + 1
    assert body.endswith("everything.\n\n[The page with all figures](https://ci.example/9)\n")
    assert set(body.splitlines()[1:-4]) == {"| a row of the table |"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--name", "a --> b"], "not a name"),
        (["--page", "javascript:alert(1)"], "not an address"),
        (["--page", "https://x) [y](https://z"], "not an address"),
        (["gone.md"], "gone.md: No such file"),
    ],
)
def test_nonsense_is_refused(text: Path, arguments: list[str], words: str) -> None:
    file = [] if "gone.md" in arguments else [str(text)]
    with pytest.raises(UsageError, match=words):
        comment(*file, *arguments)


def test_an_empty_page_is_none(github: FakeCodeHost, text: Path) -> None:
    comment(str(text), "--page", "")
    assert "page" not in github.comments[0]["body"]
