"""Check out the base of a change in a folder of its own, with the matrix and the scenario of its head.

So both are asked the same question, and only the target differs. All paths of git are those of the repository
that holds the matrix.
"""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from harness.errors import UsageError
from harness.model import Plan
from harness.plan.source_files import find_scenario_files

_WITHIN_S = 600
_NO_HOOKS = ("-c", "core.hooksPath=/dev/null")
_OF_HOOKS = frozenset({"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR"})
"""The variables that git sets for its hooks: with them it would not look for the matrix's repository."""

_FETCH_HINT = (
    "name a commit, branch or tag that this clone has (GitHub: fetch-depth: 0 for actions/checkout; "
    'GitLab: GIT_DEPTH: "0")'
)


@contextlib.contextmanager
def check_out_base(plan: Plan, base: str) -> Iterator[Path]:
    """Check out the commit `base` until exit; yield the path of the plan's matrix in it.

    The matrix, the locustfiles and all files that belong to the scenario are copied there from the plan's own
    tree. Files outside the repository are used where they are. Submodules are not checked out.

    Raises:
        UsageError: the matrix lies in no git repository, or the repository has no such commit.
    """
    top = find_repository(plan.source)
    commit = find_commit(top, base)
    with tempfile.TemporaryDirectory(prefix="harness-base-") as folder:
        tree = Path(os.path.realpath(folder)) / top.name
        _run_git(top, *_NO_HOOKS, "worktree", "add", "--quiet", "--force", "--detach", str(tree), commit)
        try:
            for file in _list_question_files(plan):
                _copy(file, top, tree)
            yield tree / _resolve_folder(plan.source).relative_to(top)
        finally:
            _call_git(top, "worktree", "remove", "--force", "--force", str(tree))


def find_repository(file: Path) -> Path:
    """Return the top folder of the git repository of a file. Raises UsageError if there is none."""
    folder = _resolve_folder(file).parent
    done = _call_git(folder, "rev-parse", "--show-toplevel")
    if done.returncode:
        raise UsageError(
            f"{file}: git finds no repository here: {_read_reason(done)}",
            "run this in a clone of the repository that holds the matrix",
        )
    return Path(os.path.realpath(done.stdout.strip()))


def find_commit(top: Path, name: str) -> str:
    """Return the digest of a commit, branch or tag; fetch it from `origin` if this clone lacks it.

    Raises UsageError if there is no such commit.
    """
    if not name:
        raise UsageError("the base of the change has no name", _FETCH_HINT)
    if commit := _resolve_commit(top, name):
        return commit
    is_shallow = _call_git(top, "rev-parse", "--is-shallow-repository").stdout.strip() == "true"
    depth = ("--depth=1",) if is_shallow else ()
    fetched = _call_git(top, "fetch", "--quiet", "--no-tags", *depth, "--end-of-options", "origin", name)
    commit = _resolve_commit(top, "FETCH_HEAD") if fetched.returncode == 0 else ""
    if not commit:
        raise UsageError(f"{name!r} is no commit of this repository: {_read_reason(fetched)}", _FETCH_HINT)
    return commit


def _resolve_commit(top: Path, name: str) -> str:
    """Return the digest of a commit; empty if this clone does not have it."""
    done = _call_git(top, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    return done.stdout.strip().splitlines()[-1] if done.returncode == 0 and done.stdout.strip() else ""


def _list_question_files(plan: Plan) -> list[Path]:
    """Return the matrix and the files of the scenario: what decides what is asked of a target."""
    scenario = plan.scenario
    files = find_scenario_files(scenario)
    return [plan.source, *files, *([scenario.requirements] if scenario.requirements else [])]


def _copy(file: Path, top: Path, tree: Path) -> None:
    """Copy a file to its place in another tree; one outside of the repository stays where it is."""
    path = _resolve_folder(file)
    if not path.is_relative_to(top):
        return
    copy = tree / path.relative_to(top)
    if not Path(os.path.realpath(copy.parent)).is_relative_to(tree):
        raise UsageError(
            f"{path}: in the base of the change its folder is a link out of the repository",
            "compare with a later commit",
        )
    copy.parent.mkdir(parents=True, exist_ok=True)
    copy.unlink(missing_ok=True)
    shutil.copyfile(path, copy)


def _resolve_folder(file: Path) -> Path:
    """Return the path of a file with the links of its folder resolved, as git names it."""
    return Path(os.path.realpath(file.parent)) / file.name


def _run_git(folder: Path, *arguments: str) -> None:
    """Run git in a folder. Raises UsageError, with what it wrote, if it fails."""
    done = _call_git(folder, *arguments)
    if done.returncode:
        raise UsageError(f"git {' '.join(arguments)}: {_read_reason(done)}")


def _call_git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run git in a folder, without asking anybody for a password. Raises UsageError without git."""
    try:
        return subprocess.run(
            ["git", "-C", str(folder), *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            env=_build_environment(),
            timeout=_WITHIN_S,
        )
    except FileNotFoundError:
        raise UsageError("git is not installed", "install git, which checks out the base") from None
    except subprocess.TimeoutExpired:
        raise UsageError(f"git {arguments[0]} took more than {_WITHIN_S} s") from None


def _build_environment() -> dict[str, str]:
    """Return this process's environment, without what git tells its hooks of another repository."""
    others = {key: value for key, value in os.environ.items() if key not in _OF_HOOKS}
    return {**others, "GIT_TERMINAL_PROMPT": "0"}


def _read_reason(done: subprocess.CompletedProcess[str]) -> str:
    """Return the line by which git said why it failed, or the last one that it wrote."""
    lines = done.stderr.strip().splitlines()
    fatal = [line.removeprefix("fatal: ") for line in lines if line.startswith("fatal: ")]
    return (fatal[:1] or lines[-1:] or [f"git ended with {done.returncode}"])[0]
