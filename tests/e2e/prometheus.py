"""Debian's Prometheus, unpacked into a folder: nothing is installed, and no service is started."""

import shutil
import subprocess
from pathlib import Path

import pytest


def find_prometheus(folder: Path) -> Path:
    """Return the folder of `prometheus` and `promtool`; unpack them into `folder` if they aren't here."""
    if (here := shutil.which("prometheus")) and shutil.which("promtool"):
        return Path(here).parent
    if shutil.which("apt-get") is None:
        pytest.skip("no prometheus here, and no Debian to take it from")
    download = ("apt-get", "--quiet", "download", "prometheus")
    if subprocess.run(download, cwd=folder, capture_output=True).returncode != 0:
        subprocess.run(("apt-get", "--quiet", "update"), capture_output=True, check=True)
        subprocess.run(download, cwd=folder, capture_output=True, check=True)
    (package,) = folder.glob("prometheus_*.deb")
    subprocess.run(("dpkg-deb", "--extract", package, folder), check=True)
    return folder / "usr/bin"
