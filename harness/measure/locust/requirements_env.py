"""Install the packages that a scenario requires into a Python environment, once for each list of packages."""

import hashlib
import os
import shutil
import sys
import sysconfig
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from harness.measure.locust.package_installer import install_packages, run_checked


def prepare_interpreter(requirements: Path | None) -> Path:
    """Return the Python that runs Locust: this process's Python, if the scenario requires no packages.

    Otherwise return a Python that also has these packages. Its environment is created in the user's cache,
    under a hash of the list. Raises UsageError with the output of uv or pip if a package can't be installed.
    """
    if requirements is None:
        return Path(sys.executable)
    key = "\0".join([sys.version, sys.prefix, version("locust"), requirements.read_text(errors="replace")])
    return fill_cache(key, "bin/python", lambda folder: _install(folder, requirements)) / "bin/python"


def _find_cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "capacity-harness"


def fill_cache(key: str, marker: str, fill: Callable[[Path], None], prefix: str = "") -> Path:
    """Return the cache's folder for a key. If the folder lacks the file `marker`, call `fill` to create it.

    `fill` gets a folder with a temporary name, which is renamed afterwards: a folder with its final name is
    complete.
    """
    folder = _find_cache_folder() / (prefix + hashlib.sha256(key.encode()).hexdigest()[:16])
    if (folder / marker).exists():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f"{folder.name}.part-", dir=folder.parent))
    try:
        fill(temporary)
        if not (folder / marker).exists():  # another process may have created it meanwhile
            shutil.rmtree(folder, ignore_errors=True)
            temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return folder


def _install(folder: Path, requirements: Path) -> None:
    """Create an environment with these packages.

    It sees the packages of this one too, among them pip and Locust. uv doesn't know them: if a package needs
    Locust, uv installs the same version once more.
    """
    what = f"the packages of {requirements.name}"
    hint = f"pip install -r {requirements.name} shows all of its output"
    run_checked(
        [sys.executable, "-m", "venv", "--without-pip", str(folder)], f"no environment for {what}", hint
    )
    site = next(folder.glob("lib/python*/site-packages"))
    (site / "harness.pth").write_text(sysconfig.get_path("purelib") + "\n")
    constraints = folder / "constraints.txt"
    constraints.write_text(f"locust=={version('locust')}\n")
    install_packages(
        what,
        hint,
        folder / "bin/python",
        ["--requirement", str(requirements)],
        uv_words=["--constraint", str(constraints)],
    )
