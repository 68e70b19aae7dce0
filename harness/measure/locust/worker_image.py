"""Unpack Locust and a scenario's packages for the workers' image, once for each list of packages.

They are downloaded on this host: an image's build often lacks the certificates, the proxy or the route to the
package index. They are unpacked here too, so that the image needs no installer.
"""

import sys
from importlib.metadata import distributions, version
from importlib.resources import files
from pathlib import Path

from harness.measure.docker.client import BASE_IMAGE
from harness.measure.locust.package_installer import install_packages
from harness.measure.locust.requirements_env import fill_cache
from harness.model import BuildSource

_PYTHON_VERSION = "3.11"
_GLIBC_MINOR = 36
"""The versions of Debian bookworm, which the workers' image is based on: its glibc is 2.36."""

_LEGACY_PLATFORMS = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
"""Older names of platforms, by the minor version of their glibc."""

_OLD_ARCHITECTURES = ("x86_64", "i686")
"""Those with platforms before manylinux2014."""

_SCRIPT = """\
#!/usr/bin/python3
import sys
from {module} import {name}
sys.exit({attribute}())
"""


def prepare_build_source(architecture: str, requirements: Path | None) -> BuildSource:
    """Return the source of the workers' image. Its packages are unpacked if the user's cache lacks them.

    `architecture` is a name that `uname -m` prints. Raises UsageError with the output of uv or pip if a
    package has no wheel for this architecture.
    """
    packages = requirements.read_text(errors="replace") if requirements else ""
    dockerfile = files("harness.measure.locust").joinpath("image/Dockerfile").read_text()
    key = "\0".join([version("locust"), architecture, _PYTHON_VERSION, packages, dockerfile])
    folder = fill_cache(
        key,
        "Dockerfile",
        lambda folder: _fill_build_folder(folder, architecture, requirements, dockerfile),
        prefix="worker-",
    )
    return BuildSource(folder, args={"BASE": BASE_IMAGE})


def _fill_build_folder(folder: Path, architecture: str, requirements: Path | None, dockerfile: str) -> None:
    (folder / "Dockerfile").write_text(dockerfile)
    _unpack_packages(folder / "packages", architecture, requirements)
    _write_scripts(folder / "scripts", folder / "packages")
    _let_all_read(folder / "packages")


def _unpack_packages(folder: Path, architecture: str, requirements: Path | None) -> None:
    words = ["--only-binary", ":all:", "--python-version", _PYTHON_VERSION, "--target", str(folder)]
    words += [f"locust=={version('locust')}"]
    words += ["--requirement", str(requirements)] if requirements else []
    platforms = [word for name in list_platforms(architecture) for word in ("--platform", name)]
    install_packages(
        f"Locust for the workers' image ({architecture})",
        f"name an image that contains Locust {version('locust')}: load: {{image: …}}",
        Path(sys.executable),
        words,
        uv_words=[
            "--python-platform",
            f"{architecture}-manylinux_2_{_GLIBC_MINOR}",
            "--link-mode",
            "copy",  # their rights are changed, and uv's cache must keep its own
        ],
        pip_words=["--no-compile", *platforms],
    )


def list_platforms(architecture: str, glibc_minor: int = _GLIBC_MINOR) -> list[str]:
    """Return the platform tags of wheels that run on glibc 2.`glibc_minor`, the newest first (PEP 600).

    packaging's own list is that of the host on which it runs; a test compares the two.
    """
    oldest = 5 if architecture in _OLD_ARCHITECTURES else 17
    tags = []
    for minor in range(glibc_minor, oldest - 1, -1):
        tags.append(f"manylinux_2_{minor}_{architecture}")
        if minor in _LEGACY_PLATFORMS:
            tags.append(f"{_LEGACY_PLATFORMS[minor]}_{architecture}")
    return [*tags, f"linux_{architecture}"]


def _write_scripts(folder: Path, packages: Path) -> None:
    """Write the packages' commands, such as `locust`: those of the installer name this host's Python."""
    folder.mkdir()
    for package in distributions(path=[str(packages)]):
        for entry in package.entry_points.select(group="console_scripts"):
            if not entry.attr or Path(entry.name).name != entry.name:
                continue
            name = entry.attr.partition(".")[0]
            script = folder / entry.name
            script.write_text(_SCRIPT.format(module=entry.module, name=name, attribute=entry.attr))
            script.chmod(0o755)


def _let_all_read(folder: Path) -> None:
    """Let every user read the packages, whatever the umask here: a worker runs as nobody."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(path.stat().st_mode | (0o755 if path.is_dir() else 0o444))
