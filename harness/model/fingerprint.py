"""The machine and the software that a campaign's numbers belong to, as environment.json stores them.

No names of hosts or users and no paths are in it. A stored file is never refused: what this version does not
know, or what has another type than expected, is kept as it is (`more`), so that nothing of it is lost.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

_T = TypeVar("_T", str, int, bool)


@dataclass(frozen=True, slots=True)
class MachineFacts:
    """This machine, which makes the load. None: it can't be known.

    `usable_cores` are those that this process may run on. `is_virtual`: it runs under a hypervisor.
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
        left = dict(stored)
        return cls(
            cpu_model=_take(left, "cpu_model", str),
            cores=_take(left, "cores", int),
            usable_cores=_take(left, "usable_cores", int),
            memory_bytes=_take(left, "memory_bytes", int),
            kernel=_take(left, "kernel", str),
            os=_take(left, "os", str),
            architecture=_take(left, "architecture", str),
            is_virtual=_take(left, "virtual", bool),
            more=left,
        )


@dataclass(frozen=True, slots=True)
class EngineFacts:
    """A Docker engine and the machine that it runs on. None: it does not tell.

    `is_local`: it publishes ports on this machine's loopback. `has_swap_limit`: it can limit swap.
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
        left = dict(stored)
        is_local = _take(left, "local", bool)
        return cls(
            version=_take(left, "version", str),
            api_version=_take(left, "api_version", str),
            is_local=True if is_local is None else is_local,
            architecture=_take(left, "architecture", str),
            cores=_take(left, "cores", int),
            memory_bytes=_take(left, "memory_bytes", int),
            kernel=_take(left, "kernel", str),
            os=_take(left, "os", str),
            cgroup_version=_take(left, "cgroup_version", str),
            cgroup_driver=_take(left, "cgroup_driver", str),
            storage_driver=_take(left, "storage_driver", str),
            runtime=_take(left, "runtime", str),
            has_swap_limit=_take(left, "swap_limit", bool),
            is_rootless=_take(left, "rootless", bool),
            more=left,
        )


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """A campaign's machines and software: `machine` makes the load, `engine` runs the targets.

    `software` are versions by package. `notes` name what the engine can't do that a number may depend on.
    `placement` says in words which cores generator and targets ran on. `load_engines` are those that ran
    Locust's workers. `engines` are the targets' engines by name, where there are several; `engine` is then
    the first of them.
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
        """Return the object of environment.json; only `more` where nothing else is known."""
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
        """Return the fingerprint of an environment.json, whatever it holds."""
        left = dict(stored)
        return cls(
            machine=MachineFacts.from_json(_take_object(left, "machine")),
            engine=EngineFacts.from_json(_take_object(left, "engine")),
            software=_take_software(left),
            notes=_take_notes(left),
            placement=_take(left, "placement", str),
            load_engines=_take_load_engines(left),
            engines=_take_engines(left),
            more=left,
        )


def _take(left: dict[str, Any], key: str, kind: type[_T]) -> _T | None:
    """Remove and return a value of exactly this type (to JSON, true is no number); null counts as absent."""
    value = left.get(key)
    if value is None or type(value) is kind:
        left.pop(key, None)
        return value
    return None


def _take_object(left: dict[str, Any], key: str) -> Mapping[str, Any]:
    return left.pop(key) if isinstance(left.get(key), Mapping) else {}


def _take_software(left: dict[str, Any]) -> Mapping[str, str | None]:
    stored = left.get("software")
    if isinstance(stored, Mapping) and all(value is None or type(value) is str for value in stored.values()):
        return dict(left.pop("software"))
    return {}


def _take_notes(left: dict[str, Any]) -> tuple[str, ...]:
    stored = left.get("notes")
    if isinstance(stored, list) and all(type(note) is str for note in stored):
        return tuple(left.pop("notes"))
    return ()


def _take_load_engines(left: dict[str, Any]) -> tuple[EngineFacts, ...]:
    stored = left.get("load_engines")
    if isinstance(stored, list) and all(isinstance(engine, Mapping) for engine in stored):
        return tuple(EngineFacts.from_json(engine) for engine in left.pop("load_engines"))
    return ()


def _take_engines(left: dict[str, Any]) -> dict[str, EngineFacts]:
    stored = left.get("engines")
    if isinstance(stored, Mapping) and all(isinstance(engine, Mapping) for engine in stored.values()):
        return {name: EngineFacts.from_json(engine) for name, engine in left.pop("engines").items()}
    return {}
