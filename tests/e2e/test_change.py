"""Base and head of a change are measured with real containers, and the verdict is written for a comment."""

import json
import subprocess

import pytest

from tests.e2e.project import UP_TO_6_USERS, WITH_DRIFT_CHECK, Project

pytestmark = pytest.mark.e2e

SEARCH = UP_TO_6_USERS.replace(*WITH_DRIFT_CHECK)
MATRIX = "target: targets/behaves\nlimits: {cpus: 0.5, memory: 64MiB}\n" + SEARCH

LOCUSTFILE = """\
from locust import HttpUser, between, task


class Visitor(HttpUser):
    wait_time = between(0.02, 0.06)

    @task
    def look(self):
        self.client.get("/")
"""
"""Many requests in a second, so that short windows hold enough of them."""


def git(project: Project, *arguments: str) -> None:
    identity = ("-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *identity, *arguments], cwd=project.folder, check=True, capture_output=True)


def commit_a_change(project: Project, before: str, after: str) -> None:
    """Commit the project, and then a change of its target's code."""
    project.write("matrix.yaml", MATRIX)
    project.write(".gitignore", "results/\n")
    git(project, "init", "--quiet")
    git(project, "add", ".")
    git(project, "commit", "--quiet", "--message=base")
    code = project.folder / "targets/behaves/image/behave.py"
    assert before in code.read_text()
    code.write_text(code.read_text().replace(before, after))
    git(project, "commit", "--quiet", "--all", "--message=head")


def test_a_change_that_makes_requests_dearer_is_found(project: Project) -> None:
    """At the base a request burns 0.5 ms: 6 users with 25 requests a second each use 0.1 to 0.2 cores.

    At the head it burns 50 ms: 0.5 cores serve 10 requests a second. A single user, with a pause of 40 ms and
    answers after 0.1 s, asks for 7, and two for more than there is.
    """
    project.write("targets/behaves/locustfile.py", LOCUSTFILE.replace('get("/")', 'get("/burn/0.0005")'))
    commit_a_change(project, "burn(float(amount))", "burn(100 * float(amount))")
    question = ("--by", "campaigns", "--require", "users >= 6 at cpus <= 0.5")
    done = project.run_harness("change", "--base", "HEAD^", *question)
    assert done.returncode in (2, 3), done.stdout + done.stderr
    worktrees = subprocess.run(
        ["git", "worktree", "list"], cwd=project.folder, capture_output=True, text=True, check=True
    )
    assert len(worktrees.stdout.splitlines()) == 1
    text = (project.folder / "results/change.md").read_text()
    assert text.startswith("### Capacity of behaves\n\n**")
    comparison = json.loads((project.folder / "results/latest/comparison.json").read_text())
    assert comparison["changed"] == ["the target", "the image"]  # a change of code makes another image
    assert (project.folder / "results/latest/comparison.html").is_file()
    (size,) = comparison["sizes"]
    if size["change"] == "unknown":
        assert done.returncode == 2
        assert "**? Inconclusive. No difference shown at 0 of 1 sizes" in text
        pytest.skip("other programs on this machine left the sizes without an answer")
    assert size["change"] == "less"
    assert done.returncode == 3
    assert "\n\n**✗ A requirement is not met. 1 of 1 sizes sustains less:" in text
    assert "- NOT MET: users &gt;= 6 at cpus &lt;= 0.5" in text


def test_a_head_that_does_not_start_is_worse_than_its_base_in_pairs(project: Project) -> None:
    """The base answers in its own windows, so it is its own target that runs there, and not the head's."""
    project.write("targets/behaves/locustfile.py", LOCUSTFILE)
    commit_a_change(project, "def answer() -> None:\n", "def answer() -> None:\n    sys.exit(3)\n")
    done = project.run_harness("change", "--base", "HEAD^", "--for", "100s")
    assert done.returncode == 3, done.stdout + done.stderr
    text = (project.folder / "results/change.md").read_text()
    assert "**▼ It is worse. The head breaks with " in text
    assert json.loads((project.folder / "results/latest/ab.json").read_text())["outcome"] == "head-broke"
    assert (project.folder / "results/latest/ab.html").is_file()
