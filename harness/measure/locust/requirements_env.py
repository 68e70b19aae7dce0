"""Install the packages that a scenario requires into a Python environment of its own, once for each list."""

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from harness.errors import UsageError

_RUN_WITHIN_S = 600
_SHOWN_LINES = 12


def find_interpreter(requirements: Path | None) -> Path:
    """Return the Python that runs Locust: this one, or one that has the scenario's packages too.

    The second one is made in the user's cache, under a hash of the list. Raises UsageError with pip's output.
    """
    if requirements is None:
        return Path(sys.executable)
    key = "\0".join([sys.version, sys.prefix, version("locust"), requirements.read_text(errors="replace")])
    return fill_cache(key, "bin/python", lambda part: _install(part, requirements)) / "bin/python"


def _cache_dir() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "capacity-harness"


def fill_cache(key: str, proof: str, fill: Callable[[Path], None], kind: str = "") -> Path:
    """Return the cache's folder for a key, after calling `fill` on it if it lacks the file `proof`.

    It is filled under another name and then renamed, so that a folder under its own name is complete.
    """
    home = _cache_dir() / (kind + hashlib.sha256(key.encode()).hexdigest()[:16])
    if (home / proof).exists():
        return home
    home.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f"{home.name}.part-", dir=home.parent))
    try:
        fill(part)
        if not (home / proof).exists():  # another process may have made it meanwhile
            shutil.rmtree(home, ignore_errors=True)
            part.rename(home)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return home


def run_checked(command: list[str], failure: str, hint: str) -> None:
    """Run a command. Raises UsageError with `failure` and the end of its output if it fails."""
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_RUN_WITHIN_S
    )
    if done.returncode != 0:
        output = "\n".join((done.stderr or done.stdout).strip().splitlines()[-_SHOWN_LINES:])
        raise UsageError(f"{failure}:\n{output}", hint)


def _install(home: Path, requirements: Path) -> None:
    failure = f"{requirements.name}: pip can't install it"
    hint = f"pip install -r {requirements.name} shows all of its output"
    run_checked([sys.executable, "-m", "venv", "--without-pip", str(home)], failure, hint)
    site = next(home.glob("lib/python*/site-packages"))
    (site / "harness.pth").write_text(sysconfig.get_path("purelib") + "\n")
    pip = [str(home / "bin/python"), "-m", "pip"]
    run_checked([*pip, "install", "--quiet", "--requirement", str(requirements)], failure, hint)
