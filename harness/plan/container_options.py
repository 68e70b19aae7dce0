"""Build and check what target.yaml says of a container beyond image, command and limits."""

from collections.abc import Iterable, Iterator, Mapping
from os.path import abspath
from pathlib import Path, PurePosixPath

from harness.model import ContainerOptions, FileContent, FileCopy, Healthcheck, Ulimit
from harness.plan.env_refs import find_reference_faults
from harness.plan.host_mounts import describe_refused_mount, find_project_folder
from harness.plan.schema.target import (
    CompanionSection,
    HealthcheckSection,
    ServiceSection,
    UlimitSection,
)
from harness.plan.yaml.document import shorten_path
from harness.plan.yaml.reading import Reading


def build_options(section: ServiceSection, folder: Path) -> ContainerOptions:
    """Return the options of a service's container; paths are relative to `folder`."""
    return ContainerOptions(
        working_dir=section.working_dir,
        hostname=section.hostname,
        domainname=section.domainname,
        aliases=section.aliases,
        extra_hosts=section.extra_hosts,
        dns=section.dns,
        dns_search=section.dns_search,
        dns_opt=section.dns_opt,
        network_of=section.network_of,
        shm_bytes=section.shm_size,
        pids_limit=section.pids_limit,
        sysctls=section.sysctls,
        group_add=section.group_add,
        dropped_capabilities=section.drop_capabilities,
        copies={
            inside: FileCopy(Path(abspath(folder / copy.path)), copy.mode, copy.uid, copy.gid)
            for inside, copy in section.copies.items()
        },
        contents={
            inside: FileContent(content.text, content.mode, content.uid, content.gid)
            for inside, content in section.contents.items()
        },
        volumes={inside: volume.name for inside, volume in section.volumes.items()},
        empty_volumes=tuple(inside for inside, volume in section.volumes.items() if volume.nocopy),
        read_only_volumes=_list_read_only_volumes(section),
        is_read_only=section.read_only,
        has_init=section.init,
        has_tty=section.tty,
        has_stdin=section.stdin_open,
        has_healthcheck=section.healthcheck.run,
        healthcheck=_build_healthcheck(section.healthcheck),
        restarts=section.restart,
    )


def _list_read_only_volumes(section: ServiceSection) -> tuple[str, ...]:
    return tuple(inside for inside, volume in section.volumes.items() if volume.read_only)


def _build_healthcheck(section: HealthcheckSection) -> Healthcheck | None:
    """Return the check that takes the place of the image's; None if the image's own stays as it is."""
    check = Healthcheck(
        section.test, section.interval, section.timeout, section.start_period, section.retries
    )
    return check if section.run and check != Healthcheck() else None


def build_ulimits(sections: Mapping[str, UlimitSection]) -> dict[str, int | Ulimit]:
    """Return the limits by their names; one number if the soft and the hard limit are equal."""
    return {
        name: each.hard if each.soft == each.hard else Ulimit(each.soft, each.hard)
        for name, each in sections.items()
    }


def check_options(reading: Reading, section: ServiceSection) -> None:
    """Report what the engine could not honour, and what a container must not see."""
    for inside, content in section.contents.items():
        for fault in find_reference_faults(content.text, reading.environ):
            reading.report(("contents", inside), fault)
    _check_sources(reading, section)
    _check_mounts(reading, section)
    if section.ready.healthy and not section.healthcheck.run:
        reading.report(("ready", "healthy"), "has no effect with healthcheck: false; drop one of the two")
    if section.command == () and section.entrypoint == ():
        reading.report(("command",), "is empty, as is entrypoint, so nothing would run; drop one of the two")
    if section.network_of is not None:
        _check_shared_network(reading, section)


def check_shared_networks(
    reading: Reading, services: Mapping[str, CompanionSection], target: ServiceSection
) -> None:
    """Report each `network_of` that names no companion that runs by then; `services` start in order."""
    started: list[str] = []
    for name, service in services.items():
        if service.network_of is not None and service.network_of not in started:
            reading.report(
                ("companions", name, "network_of"), _describe_no_owner(service.network_of, started)
            )
        if not service.job:
            started.append(name)
    if target.network_of is not None and target.network_of not in started:
        reading.report(("network_of",), _describe_no_owner(target.network_of, started))


def _describe_no_owner(name: str, started: Iterable[str]) -> str:
    known = ", ".join(started)
    return f"{name} is no companion that runs by then; " + (
        f"there are {known}" if known else "there is none"
    )


def _check_shared_network(reading: Reading, section: ServiceSection) -> None:
    """Report what belongs to the network that the container does not have for itself."""
    for key in ("hostname", "domainname", "extra_hosts", "dns", "dns_search", "dns_opt", "sysctls"):
        value = getattr(section, key)
        has_effect = any(name.startswith("net.") for name in value) if key == "sysctls" else bool(value)
        if has_effect:
            reading.report((key,), f"has no effect with network_of; write it at {section.network_of}")


def _check_sources(reading: Reading, section: ServiceSection) -> None:
    """Report files that do not exist, and those that no container may see."""
    project = find_project_folder(reading.folder)
    paths = [("files", inside, path) for inside, path in section.files.items()]
    paths += [("copies", inside, copy.path) for inside, copy in section.copies.items()]
    for key, inside, path in paths:
        source = reading.folder / path
        if reason := describe_refused_mount(source, is_writable=False, project=project):
            reading.report((key, inside), f"{shorten_path(source)} {reason}")
        elif key == "files" and not source.exists():
            reading.report((key, inside), f"no file {shorten_path(source)}")


def _check_mounts(reading: Reading, section: ServiceSection) -> None:
    """Report two mounts at one path, and files that could not be put where they belong."""
    for key, inside in _find_repeated_paths(section):
        reading.report((key, inside), f"{inside} is the place of another key too; keep one of them")
    folders = {inside: reading.folder / path for inside, path in section.files.items()}
    tmpfs = {entry.partition(":")[0] for entry in section.tmpfs}
    for key in ("copies", "contents", "volumes"):
        for inside in getattr(section, key):
            outer = find_nearest_parent(inside, folders)
            if outer is not None and not (key == "volumes" and _has_folder(folders[outer], outer, inside)):
                reading.report((key, inside), f"lies in {outer}, which is read-only; name {outer} in copies")
    for key in ("copies", "contents"):
        for inside in getattr(section, key):
            if (outer := find_nearest_parent(inside, _list_read_only_volumes(section))) is not None:
                reading.report(
                    (key, inside), f"lies in {outer}, a volume that is read_only; drop read_only there"
                )
            if str(PurePosixPath(inside).parent) in tmpfs and not _is_folder(reading, section, inside):
                reading.report((key, inside), "lies in a tmpfs, which begins empty; drop that entry of tmpfs")


def _find_repeated_paths(section: ServiceSection) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    for key in ("files", "copies", "contents", "volumes"):
        for inside in getattr(section, key):
            if inside in seen:
                yield key, inside
            seen.add(inside)
    yield from (("tmpfs", path) for entry in section.tmpfs if (path := entry.partition(":")[0]) in seen)


def find_nearest_parent(inside: str, folders: Iterable[str]) -> str | None:
    """Return the deepest of the folders that the path lies in, or None."""
    parents = [str(parent) for parent in PurePosixPath(inside).parents]
    return next((parent for parent in parents if parent in set(folders)), None)


def _has_folder(source: Path, outer: str, inside: str) -> bool:
    return (source / PurePosixPath(inside).relative_to(outer)).is_dir()


def _is_folder(reading: Reading, section: ServiceSection, inside: str) -> bool:
    """Return True if a copy is mounted as a folder: also if there is nothing to copy."""
    copy = section.copies.get(inside)
    return copy is not None and not (reading.folder / copy.path).is_file()
