"""Write constraints.txt: the versions of all packages that the harness and its checks need.

Run it with `make lock`. The versions are those of the environment that runs this file. Packages that neither
pyproject.toml nor one of its packages requires are left out.
"""

import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "constraints.txt"
HEADING = """\
# The versions that `make venv` installs and `make check` was last run with. Written by `make lock`.
# Made with Python {python}; packages that only other versions of Python need are not listed.
"""


def read_requirements() -> Iterator[Requirement]:
    """Yield every requirement of pyproject.toml, with those of its extras."""
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    project = pyproject["project"]
    extras = project["optional-dependencies"].values()
    for texts in (project["dependencies"], *extras):
        yield from map(Requirement, texts)


def find_installed_versions() -> dict[str, str]:
    """Return the versions of the packages that pyproject.toml requires, also indirectly, by name."""
    versions: dict[str, str] = {}
    seen: set[str] = set()
    pending = list(read_requirements())
    while pending:
        requirement = pending.pop()
        if str(requirement) in seen:
            continue
        seen.add(str(requirement))
        installed = distribution(requirement.name)
        versions[canonicalize_name(requirement.name)] = installed.version
        pending += find_applicable(requirement, installed.requires or [])
    return versions


def find_applicable(package: Requirement, texts: list[str]) -> Iterator[Requirement]:
    """Yield those of a package's own requirements, `texts`, that apply here with the extras of `package`."""
    for requirement in map(Requirement, texts):
        extras = ["", *package.extras]
        if requirement.marker is None or any(requirement.marker.evaluate({"extra": name}) for name in extras):
            yield requirement


def read_locked_versions() -> dict[str, str]:
    """Return the version of each package in constraints.txt, by canonical name."""
    lines = re.findall(r"^([\w.-]+)==(\S+)$", LOCK.read_text(encoding="utf-8"), re.MULTILINE)
    return {canonicalize_name(name): version for name, version in lines}


def main() -> None:
    try:
        versions = find_installed_versions()
    except PackageNotFoundError as error:
        sys.exit(f"{error.name} is not installed in this environment: run `make venv` first")
    lines = [f"{name}=={version}\n" for name, version in sorted(versions.items())]
    heading = HEADING.format(python=".".join(map(str, sys.version_info[:2])))
    LOCK.write_text(heading + "".join(lines), encoding="utf-8")
    print(f"{LOCK.name}: {len(lines)} packages")


if __name__ == "__main__":
    main()
