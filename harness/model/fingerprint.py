"""The machine and the software that a campaign's numbers belong to, as environment.json stores them.

The file holds no paths and no names of hosts or users. A stored file is never refused: keys that this version
does not know, and values of an unexpected type, stay in `more` as they are.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

_T = TypeVar("_T", str, int, bool)


@dataclass(frozen=True, slots=True)
class MachineFacts:
    """The machine that makes the load; a field is None if it is unknown.

    `usable_cores` counts the cores that this process may run on. `is_virtual`: a hypervisor runs the machine.
    """

    cpu_model: str | None = None
    cores: int | None = None
    usable_cores: int | None = None
    memory_bytes: int | None = None
    kernel: str | None = None
    os: str | None = None
    architecture: str | None = None
    is_virtual: bool | None = None
    more: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {
            "cpu_model": self.cpu_model,
            "cores": self.cores,
            "usable_cores": self.usable_cores,
            "memory_bytes": self.memory_bytes,
            "kernel": self.kernel,
            "os": self.os,
            "architecture": self.architecture,
            "virtual": self.is_virtual,
            **self.more,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "MachineFacts":
        remaining = dict(stored)
        return cls(
            cpu_model=_take(remaining, "cpu_model", str),
            cores=_take(remaining, "cores", int),
            usable_cores=_take(remaining, "usable_cores", int),
            memory_bytes=_take(remaining, "memory_bytes", int),
            kernel=_take(remaining, "kernel", str),
            os=_take(remaining, "os", str),
            architecture=_take(remaining, "architecture", str),
            is_virtual=_take(remaining, "virtual", bool),
            more=remaining,
        )


@dataclass(frozen=True, slots=True)
class EngineFacts:
    """A Docker engine and the machine that it runs on; a field is None if the engine does not report it.

    `is_local`: the engine publishes ports on this machine's loopback. `has_swap_limit`: it can limit swap.
    """

    version: str | None = None
    api_version: str | None = None
    is_local: bool = True
    architecture: str | None = None
    cores: int | None = None
    memory_bytes: int | None = None
    kernel: str | None = None
    os: str | None = None
    cgroup_version: str | None = None
    cgroup_driver: str | None = None
    storage_driver: str | None = None
    runtime: str | None = None
    has_swap_limit: bool | None = None
    is_rootless: bool | None = None
    more: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {
            "version": self.version,
            "api_version": self.api_version,
            "local": self.is_local,
            "architecture": self.architecture,
            "cores": self.cores,
            "memory_bytes": self.memory_bytes,
            "kernel": self.kernel,
            "os": self.os,
            "cgroup_version": self.cgroup_version,
            "cgroup_driver": self.cgroup_driver,
            "storage_driver": self.storage_driver,
            "runtime": self.runtime,
            "swap_limit": self.has_swap_limit,
            "rootless": self.is_rootless,
            **self.more,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "EngineFacts":
        remaining = dict(stored)
        is_local = _take(remaining, "local", bool)
        return cls(
            version=_take(remaining, "version", str),
            api_version=_take(remaining, "api_version", str),
            is_local=True if is_local is None else is_local,
            architecture=_take(remaining, "architecture", str),
            cores=_take(remaining, "cores", int),
            memory_bytes=_take(remaining, "memory_bytes", int),
            kernel=_take(remaining, "kernel", str),
            os=_take(remaining, "os", str),
            cgroup_version=_take(remaining, "cgroup_version", str),
            cgroup_driver=_take(remaining, "cgroup_driver", str),
            storage_driver=_take(remaining, "storage_driver", str),
            runtime=_take(remaining, "runtime", str),
            has_swap_limit=_take(remaining, "swap_limit", bool),
            is_rootless=_take(remaining, "rootless", bool),
            more=remaining,
        )


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """A campaign's machines and software: `machine` makes the load, `engine` runs the targets.

    `software` maps packages to versions. `notes` name features that the engine lacks and on which measured
    numbers may depend. `placement` says in words which cores generator and targets ran on. `load_engines` ran
    Locust's workers. `engines` maps names to the targets' engines if there are several; `engine` is then the
    first of them.
    """

    machine: MachineFacts = MachineFacts()
    engine: EngineFacts = EngineFacts()
    software: Mapping[str, str | None] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    placement: str | None = None
    load_engines: tuple[EngineFacts, ...] = ()
    engines: Mapping[str, EngineFacts] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the object of environment.json; only `more` if every other field is empty."""
        if self == Fingerprint(more=self.more):
            return dict(self.more)
        stored: dict[str, Any] = {
            "machine": self.machine.to_json(),
            "engine": self.engine.to_json(),
            "software": dict(self.software),
            "notes": list(self.notes),
        }
        if self.placement is not None:
            stored["placement"] = self.placement
        if self.load_engines:
            stored["load_engines"] = [engine.to_json() for engine in self.load_engines]
        if self.engines:
            stored["engines"] = {name: engine.to_json() for name, engine in self.engines.items()}
        return stored | dict(self.more)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Fingerprint":
        """Return the fingerprint of an environment.json, whatever that file holds."""
        remaining = dict(stored)
        return cls(
            machine=MachineFacts.from_json(_take_object(remaining, "machine")),
            engine=EngineFacts.from_json(_take_object(remaining, "engine")),
            software=_take_software(remaining),
            notes=_take_notes(remaining),
            placement=_take(remaining, "placement", str),
            load_engines=_take_load_engines(remaining),
            engines=_take_engines(remaining),
            more=remaining,
        )


def _take(remaining: dict[str, Any], key: str, kind: type[_T]) -> _T | None:
    """Remove and return a value of exactly this type; None for a null, and for another type, which stays.

    The exact type matters because to Python, but not to JSON, true is a number.
    """
    value = remaining.get(key)
    if value is None or type(value) is kind:
        remaining.pop(key, None)
        return value
    return None


def _take_object(remaining: dict[str, Any], key: str) -> Mapping[str, Any]:
    return remaining.pop(key) if isinstance(remaining.get(key), Mapping) else {}


def _take_software(remaining: dict[str, Any]) -> Mapping[str, str | None]:
    stored = remaining.get("software")
    if isinstance(stored, Mapping) and all(value is None or type(value) is str for value in stored.values()):
        return dict(remaining.pop("software"))
    return {}


def _take_notes(remaining: dict[str, Any]) -> tuple[str, ...]:
    stored = remaining.get("notes")
    if isinstance(stored, list) and all(type(note) is str for note in stored):
        return tuple(remaining.pop("notes"))
    return ()


def _take_load_engines(remaining: dict[str, Any]) -> tuple[EngineFacts, ...]:
    stored = remaining.get("load_engines")
    if isinstance(stored, list) and all(isinstance(engine, Mapping) for engine in stored):
        return tuple(EngineFacts.from_json(engine) for engine in remaining.pop("load_engines"))
    return ()


def _take_engines(remaining: dict[str, Any]) -> dict[str, EngineFacts]:
    stored = remaining.get("engines")
    if isinstance(stored, Mapping) and all(isinstance(engine, Mapping) for engine in stored.values()):
        return {name: EngineFacts.from_json(engine) for name, engine in remaining.pop("engines").items()}
    return {}
