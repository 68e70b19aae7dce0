"""Parse the files in which the kernel shows a control group (cgroup): pure, from text to numbers.

The formats are those of the kernel's documentation: cgroup-v1/, cgroup-v2.rst and psi.rst, and proc(5) for
the files of a process. A text of another form gives None or nothing, and never zero.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

UNIFIED = ""
"""The name of cgroup v2's hierarchy, in place of a controller's."""

_SHORTEST_ID = 12
"""A container's id in its short form."""

_MICROSECONDS, _NANOSECONDS = 1e6, 1e9


@dataclass(frozen=True, slots=True)
class Pressure:
    """The seconds in which at least one thread waited (`some_s`), and in which all did (`full_s`)."""

    some_s: float
    full_s: float | None


@dataclass(frozen=True, slots=True)
class Throttling:
    """Periods of the CPU quota, those in which the group was throttled, and for how long in all."""

    periods: int
    throttled_periods: int
    throttled_s: float


@dataclass(frozen=True, slots=True)
class MemoryStat:
    """The pages of files that the kernel would drop first, and those that it would drop later, in bytes.

    `major_faults` counts how often a page had to be read from a disk. `names_bytes` is what the kernel keeps
    of the names of files, and would drop (reclaimable slab): a program that opens ever new files fills it.
    cgroup v1 does not tell it: 0.
    """

    inactive_file_bytes: int
    active_file_bytes: int
    major_faults: int
    names_bytes: int = 0


@dataclass(frozen=True, slots=True)
class GroupFolders:
    """A container's folders in one hierarchy, from the one that names the container to its process's own.

    They are one folder unless the container has groups of its own, as Podman's have.
    """

    path: tuple[Path, ...]

    @property
    def outer(self) -> Path:
        """The folder that names the container, whose counters include those of all groups in it."""
        return self.path[0]


def parse_keys(text: str) -> dict[str, int]:
    """Return the numbers of a file with a line "key number" for each; other lines are left out."""
    pairs = (line.split() for line in text.splitlines())
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdecimal()}


def parse_number(text: str) -> int | None:
    """Return the only number of a file; None for "max" and for every other text."""
    word = text.strip()
    return int(word) if word.isdecimal() else None


def parse_pressure(text: str) -> Pressure | None:
    """Return the totals of a file such as memory.pressure, which are in microseconds; None without "some"."""
    totals = dict(_parse_totals(text))
    some_s = totals.get("some")
    return None if some_s is None else Pressure(some_s, totals.get("full"))


def _parse_totals(text: str) -> Iterator[tuple[str, float]]:
    for line in text.splitlines():
        kind, *fields = line.split() or [""]
        values = dict(field.partition("=")[::2] for field in fields)
        total = parse_number(values.get("total", ""))
        if total is not None:
            yield kind, total / _MICROSECONDS


def parse_cpu_s(text: str) -> float | None:
    """Return the CPU time of cpuacct.usage (v1), or of cpu.stat (v2), in seconds; None if it shows none."""
    nanoseconds = parse_number(text)
    if nanoseconds is not None:
        return nanoseconds / _NANOSECONDS
    microseconds = parse_keys(text).get("usage_usec")
    return None if microseconds is None else microseconds / _MICROSECONDS


def parse_throttling(text: str) -> Throttling | None:
    """Return the throttling that cpu.stat shows, of cgroup v1 or v2; None if it counts no periods."""
    keys = parse_keys(text)
    periods, throttled = keys.get("nr_periods"), keys.get("nr_throttled")
    if periods is None or throttled is None:
        return None
    if "throttled_usec" in keys:
        return Throttling(periods, throttled, keys["throttled_usec"] / _MICROSECONDS)
    if "throttled_time" in keys:
        return Throttling(periods, throttled, keys["throttled_time"] / _NANOSECONDS)
    return None


def parse_memory_stat(text: str) -> MemoryStat | None:
    """Return what memory.stat shows, of cgroup v1 (with inner groups) or v2; None if a count is missing."""
    keys = parse_keys(text)
    inactive, active, faults = (
        keys.get(f"total_{kind}", keys.get(kind)) for kind in ("inactive_file", "active_file", "pgmajfault")
    )
    if inactive is None or active is None or faults is None:
        return None
    return MemoryStat(inactive, active, faults, keys.get("slab_reclaimable", 0))


def has_quota(text: str) -> bool:
    """Return True if cpu.max (v2) or cpu.cfs_quota_us (v1) sets a quota, and is not "max" or -1."""
    words = text.split()
    return bool(words) and words[0].isdecimal()


def locate_container(mountinfo: str, membership: str, container_id: str) -> Mapping[str, GroupFolders]:
    """Return the container's folders by controller, and by UNIFIED for cgroup v2; empty if none is in reach.

    `mountinfo` is the reader's own /proc/self/mountinfo, `membership` is /proc/<pid>/cgroup of a process.
    Only hierarchies in which the process's path names the container count: then it is the container's
    process, and not one that has the same number on another machine or in another process namespace.
    """
    found: dict[str, GroupFolders] = {}
    if len(container_id) < _SHORTEST_ID:
        return found
    paths = dict(_parse_membership(membership))
    for root, mount_point, controllers in _parse_mounts(mountinfo):
        for controller in controllers:
            folders = _resolve(root, mount_point, paths.get(controller), container_id)
            if folders is not None:
                found.setdefault(controller, folders)
    return found


def _parse_membership(text: str) -> Iterator[tuple[str, str]]:
    """Yield each controller with the path of its group, from lines such as "4:memory:/docker/…"."""
    for line in text.splitlines():
        number, separator, rest = line.partition(":")
        controllers, second, path = rest.partition(":")
        if separator and second and number.isdecimal():
            yield from ((controller, path) for controller in controllers.split(","))


def _parse_mounts(text: str) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Yield the root, the mount point and the controllers of each mounted hierarchy."""
    for line in text.splitlines():
        before, _, after = line.partition(" - ")
        left, right = before.split(), after.split()
        if len(left) < 6 or len(right) < 3 or right[0] not in ("cgroup", "cgroup2"):
            continue
        is_unified = right[0] == "cgroup2"
        controllers = (UNIFIED,) if is_unified else tuple(right[2].split(","))
        yield _unescape(left[3]), _unescape(left[4]), controllers


def _unescape(field: str) -> str:
    """Replace the octal codes that mountinfo has for spaces, tabs, newlines and backslashes."""
    for character in (" ", "\t", "\n", "\\"):
        field = field.replace(f"\\{ord(character):03o}", character)
    return field


def _resolve(root: str, mount_point: str, path: str | None, container_id: str) -> GroupFolders | None:
    """Return the folders of a group; None if its path does not name the container, or is not mounted here."""
    if path is None or not _is_within(path, root):
        return None
    parts = [part for part in path.removeprefix(root).split("/") if part]
    first = next((number for number, part in enumerate(parts, 1) if container_id in part), None)
    if first is None or ".." in parts:
        return None
    return GroupFolders(tuple(Path(mount_point, *parts[:count]) for count in range(first, len(parts) + 1)))


def _is_within(path: str, root: str) -> bool:
    return root == "/" or path == root or path.startswith(f"{root}/")
