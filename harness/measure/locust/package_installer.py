"""Install packages by uv where it is on the path, otherwise by pip.

uv is several times as fast, and an environment that uv has made has no pip. But uv reads no pip.conf, and
refuses some requirements that pip accepts. So where uv fails, pip decides if it is there.
"""

import shutil
import subprocess
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from harness.errors import UsageError

_RUN_WITHIN_S = 600
_MAX_OUTPUT_LINES = 12


def install_packages(
    what: str,
    hint: str,
    python: Path,
    words: Sequence[str],
    *,
    uv_words: Sequence[str] = (),
    pip_words: Sequence[str] = (),
) -> None:
    """Install packages for an interpreter; `words` are arguments that both tools take.

    `uv_words` and `pip_words` are further arguments of only one of them. Raises UsageError, which says that
    `what` can't be installed, with the end of the tool's output, and `hint`.
    """
    uv, has_pip = shutil.which("uv"), find_spec("pip") is not None
    if uv is not None:
        command = [uv, "pip", "install", "--quiet", "--python", str(python), *words, *uv_words]
        try:
            return run_checked(command, f"uv can't install {what}", hint)
        except UsageError:
            if not has_pip:
                raise
    if not has_pip:
        raise UsageError(
            f"{what} can't be installed: the harness's Python has no pip, and uv is not on the path",
            "install uv, or pip by: python -m ensurepip",
        )
    command = [str(python), "-m", "pip", "install", "--quiet", *words, *pip_words]
    run_checked(command, f"pip can't install {what}", hint)


def run_checked(command: list[str], failure: str, hint: str) -> None:
    """Run a command. If its exit code is not 0, raise UsageError with `failure` and the end of its output."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_RUN_WITHIN_S,
        )
    except subprocess.TimeoutExpired:
        raise UsageError(f"{failure}: it did not end within {_RUN_WITHIN_S} s", hint) from None
    if done.returncode != 0:
        output = "\n".join((done.stderr or done.stdout).strip().splitlines()[-_MAX_OUTPUT_LINES:])
        raise UsageError(f"{failure}:\n{output}", hint)
