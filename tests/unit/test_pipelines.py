"""The pipelines' files are valid, and those for users do what they should on a fake host."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from check_jsonschema import main as check_schema

from tests.fakes.code_host import TOKEN, FakeCodeHost, run_code_host

ROOT = Path(__file__).parents[2]
ACTION = ROOT / "action.yml"
WORKFLOW = ROOT / ".github/workflows/ci.yml"
TEMPLATE = ROOT / "templates/gitlab-capacity.yml"
BIN = Path(sys.executable).parent
STEPS: list[dict[str, Any]] = yaml.safe_load(ACTION.read_text())["runs"]["steps"]
INPUTS: dict[str, dict[str, str]] = yaml.safe_load(ACTION.read_text())["inputs"]
JOB: dict[str, Any] = yaml.safe_load(TEMPLATE.read_text())

STUB = """\
#!{python} -S
# Stands for the harness: measures nothing, writes what it was told, and comments for real if there is a host.
import json, os, pathlib, sys
if sys.argv[1] == "change":
    pathlib.Path("arguments.json").write_text(json.dumps(sys.argv[2:]))
    pathlib.Path("results").mkdir(exist_ok=True)
    pathlib.Path("results/change.md").write_text("### " + os.environ["STUB_TEXT"] + "\\n")
    sys.exit(int(os.environ["STUB_CODE"]))
if os.environ["STUB_HAS_HOST"]:
    os.execv(sys.executable, [sys.executable, "-m", "harness", *sys.argv[1:]])
"""


@pytest.fixture
def host() -> Iterator[FakeCodeHost]:
    with run_code_host() as host:
        yield host


def write_stub(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(STUB.format(python=sys.executable))
    path.chmod(0o755)


class Runner:
    """Runs the steps of action.yml as GitHub's runner would; the steps of other actions are left out.

    Without a `host` nothing is commented, which saves the second that the harness takes to start.
    """

    def __init__(self, folder: Path, host: FakeCodeHost | None = None) -> None:
        self.folder, self.address = folder, host.address if host else ""
        self.outputs: dict[str, dict[str, str]] = {"page": {"artifact-url": "https://ci.example/artifact/1"}}
        self.log = ""
        write_stub(folder / "temp/capacity-harness/bin/harness")

    def run(self, code: int = 0, text: str = "verdict", token: str = TOKEN, **inputs: str) -> int:
        """Run the action; return the exit code of its last step. Fail if an earlier step fails."""
        event = {"pull_request": {"number": 7, "base": {"sha": "abc123"}}}
        (self.folder / "event.json").write_text(json.dumps(event))
        defaults = {name: each.get("default", "") for name, each in INPUTS.items()}
        values = {f"inputs.{name}": value for name, value in (defaults | {"token": token} | inputs).items()}
        values["github.event.pull_request.base.sha"] = "abc123"
        steps = [step for step in STEPS if "run" in step and step["name"] != "Install the harness"]
        for step in steps:
            values |= {
                f"steps.{name}.outputs.{key}": value
                for name, outputs in self.outputs.items()
                for key, value in outputs.items()
            }
            stub = {"STUB_CODE": str(code), "STUB_TEXT": text, "STUB_HAS_HOST": self.address}
            done = self._run_step(step, values, stub)
            if step is not steps[-1]:
                assert done == 0, self.log
        return done

    def _run_step(self, step: dict[str, Any], values: dict[str, str], stub: dict[str, str]) -> int:
        output = self.folder / "output"
        output.write_text("")
        variables = {
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTION_PATH": str(ROOT),
            "GITHUB_API_URL": self.address,
            "GITHUB_EVENT_PATH": str(self.folder / "event.json"),
            "GITHUB_OUTPUT": str(output),
            "GITHUB_REPOSITORY": "me/shop",
            "GITHUB_STEP_SUMMARY": str(self.folder / "summary.md"),
            "RUNNER_TEMP": str(self.folder / "temp"),
        }
        own = {key: evaluate(value, values) for key, value in step.get("env", {}).items()}
        code = self._run_bash(step["run"], variables | own | stub)
        pairs = (line.partition("=") for line in output.read_text().splitlines())
        self.outputs.setdefault(step.get("id", ""), {}).update({key: value for key, _, value in pairs})
        return code

    def _run_bash(self, script: str, variables: dict[str, str]) -> int:
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
        done = run_clean(command, self.folder, variables)
        self.log += done.stdout + done.stderr
        return done.returncode


def run_clean(
    command: list[str], folder: Path, variables: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run a command with the variables of a pipeline, and none that this process may have of another one."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("GITHUB", "GITLAB", "CI"))}
    base = {"NO_PROXY": "127.0.0.1", "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        command, cwd=folder, env=kept | base | variables, capture_output=True, text=True, timeout=60
    )


def evaluate(text: str, values: dict[str, str]) -> str:
    """Replace each `${{ a || b }}` by the first of its values that is not empty."""

    def replace(match: re.Match[str]) -> str:
        names = [name.strip() for name in match[1].split("||")]
        return next((values[name] for name in names if values.get(name)), "")

    return re.sub(r"\$\{\{(.*?)\}\}", replace, text)


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    return Runner(tmp_path)


@pytest.mark.parametrize(
    ("schema", "file", "more"),
    [
        ("vendor.github-actions", ACTION, ()),
        ("vendor.github-workflows", WORKFLOW, ()),
        ("vendor.gitlab-ci", TEMPLATE, ("--data-transform", "gitlab-ci")),
    ],
)
def test_the_files_follow_their_official_schemas(
    schema: str, file: Path, more: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    code = check_schema(["--builtin-schema", schema, *more, str(file)], standalone_mode=False)
    assert code in (None, 0), capsys.readouterr()


def test_the_files_pass_their_linter() -> None:
    command = [str(BIN / "zizmor"), "--offline", "--no-progress", "--persona=regular"]
    done = subprocess.run([*command, str(ACTION), str(WORKFLOW)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("script", [step["run"] for step in STEPS if "run" in step])
def test_no_expression_is_put_into_a_script(script: str) -> None:
    assert "${{" not in script


def test_actions_of_others_are_named_by_their_digests() -> None:
    own_steps = yaml.safe_load(WORKFLOW.read_text())["jobs"]["test"]["steps"]
    used = [step["uses"] for step in [*STEPS, *own_steps] if "uses" in step]
    assert len(used) == 4
    assert all(re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40}", each) for each in used)


def test_the_first_run_writes_a_comment_and_the_next_one_updates_it(
    tmp_path: Path, host: FakeCodeHost
) -> None:
    runner = Runner(tmp_path, host)
    assert runner.run(0, "no difference") == 0
    assert runner.run(3, "fewer users") == 3
    (comment,) = host.comments
    assert "### fewer users\n" in comment["body"]
    assert "(https://ci.example/artifact/1)" in comment["body"]
    assert (runner.folder / "summary.md").read_text().count("### ") == 2


def test_a_change_from_a_fork_has_no_comment_but_a_summary_and_its_own_verdict(
    tmp_path: Path, host: FakeCodeHost
) -> None:
    runner = Runner(tmp_path, host)
    assert runner.run(0, "no difference", token="") == 0
    assert host.comments == []
    assert "### no difference" in (runner.folder / "summary.md").read_text()
    host.refuses_with = 403
    assert runner.run(3, "fewer users") == 3
    assert "no comment" in runner.log


def test_the_inputs_reach_the_harness_as_they_are(runner: Runner) -> None:
    hostile = '$(touch pwned) `touch pwned` "; touch pwned; #'
    runner.run(matrix="--help", require=f"users >= 1\n{hostile}", threshold=hostile, base=hostile, by=hostile)
    arguments = json.loads((runner.folder / "arguments.json").read_text())
    assert arguments == [
        f"--base={hostile}",
        "--results=results",
        f"--threshold={hostile}",
        f"--by={hostile}",
        f"--require=users >= 1\n{hostile}",
        "--",
        "--help",
    ]
    assert not (runner.folder / "pwned").exists()


def test_the_base_is_that_of_the_pull_request_by_default(runner: Runner) -> None:
    runner.run()
    assert json.loads((runner.folder / "arguments.json").read_text())[0] == "--base=abc123"


def test_an_inconclusive_run_fails_unless_that_is_allowed(runner: Runner) -> None:
    assert runner.run(2) == 2
    assert runner.run(2, **{"allow-inconclusive": "true"}) == 0
    assert runner.run(3, **{"allow-inconclusive": "true"}) == 3


def test_a_merge_request_gets_one_note_and_the_job_its_verdict(tmp_path: Path, host: FakeCodeHost) -> None:
    script = "\n".join(JOB["capacity"]["script"])
    script = script.replace(script[script.index("python3 -m venv") : script.index("harness=")], "")
    write_stub(tmp_path / ".capacity-5/bin/harness")
    variables = {
        "CI_API_V4_URL": host.address,
        "CI_BUILDS_DIR": str(tmp_path),
        "CI_JOB_ID": "5",
        "CI_JOB_URL": "https://git.example/jobs/5",
        "CI_MERGE_REQUEST_DIFF_BASE_SHA": "abc123",
        "CI_MERGE_REQUEST_IID": "7",
        "CI_PROJECT_ID": "42",
        "GITLAB_CI": "true",
        "GITLAB_TOKEN": TOKEN,
        **JOB["variables"],
        "CAPACITY_PACKAGE": "a wheel",
        "STUB_HAS_HOST": host.address,
    }
    for code, text in ((0, "no difference"), (3, "fewer users")):
        command = ["bash", "-eo", "pipefail", "-c", script]
        done = run_clean(command, tmp_path, variables | {"STUB_CODE": str(code), "STUB_TEXT": text})
        assert done.returncode == code, done.stdout + done.stderr
    (note,) = host.comments
    assert "### fewer users\n" in note["body"]
    assert "(https://git.example/jobs/5/artifacts/browse/results/)" in note["body"]
    assert json.loads((tmp_path / "arguments.json").read_text())[0] == "--base=abc123"


def test_the_job_of_gitlab_says_what_it_lacks() -> None:
    script = JOB["capacity"]["script"][0]
    done = subprocess.run(
        ["bash", "-ec", script], capture_output=True, text=True, env={"PATH": os.environ["PATH"]}
    )
    assert done.returncode != 0
    assert "name what pip installs" in done.stderr
