"""Fetch a program of Debian's next release that this machine lacks, without installing it."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

SOURCES = Path("/etc/apt/sources.list.d/debian.sources")


def fetch_program(folder: Path, package: str) -> Path:
    """Fetch a package and unpack it in the folder; return its program, which has the same name.

    The test is skipped where that is not possible.
    """
    if not SOURCES.is_file() or shutil.which("dpkg-deb") is None:
        pytest.skip(f"no {package} here, and no Debian to fetch it from")
    try:
        return _fetch(folder, package)
    except subprocess.SubprocessError as error:
        pytest.skip(f"{package} can't be fetched here: {error}")


def _fetch(folder: Path, package: str) -> Path:
    mirror = next(line for line in SOURCES.read_text().splitlines() if line.startswith("URIs:")).split()[1]
    for name in ("lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True)
    (folder / "status").touch()
    (folder / "trixie.sources").write_text(
        f"Types: deb\nURIs: {mirror}\nSuites: trixie\nComponents: main\n"
        "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n"
    )
    settings = {
        "Dir::Etc::sourcelist": folder / "trixie.sources",
        "Dir::Etc::sourceparts": "-",
        "Dir::State::lists": folder / "lists",
        "Dir::State::status": folder / "status",
        "Dir::Cache": folder / "cache",
        "APT::Sandbox::User": "root",
    }
    apt = ["apt-get", "-q", *(f"-o{key}={value}" for key, value in settings.items())]
    subprocess.run([*apt, "update"], check=True, timeout=300)
    subprocess.run([*apt, "download", package], check=True, timeout=300, cwd=folder)
    archive = next(folder.glob(f"{package}_*.deb"))
    subprocess.run(["dpkg-deb", "-x", str(archive), str(folder / "files")], check=True, timeout=60)
    found = (
        each for each in (folder / "files").rglob(package) if each.is_file() and os.access(each, os.X_OK)
    )
    return next(found)
