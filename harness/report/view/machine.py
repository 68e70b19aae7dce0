"""Put the machine's fingerprint into words: what a reader asks for first, then all else that is stored."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

from harness.model import GIB
from harness.report.view import text
from harness.report.view.checks import Fact

_SOFTWARE_NAMES = {
    "docker_py": "docker-py",
    "harness": "this harness",
    "python": "Python",
    "locust": "Locust",
}


def build_machine_facts(stored: Mapping[str, Any]) -> tuple[Fact, ...]:
    """Return the lines of the machine's section; what is unknown is left out."""
    rest = deepcopy(dict(stored))
    machine, engine = (rest.get(key) for key in ("machine", "engine"))
    known: list[Fact] = []
    if isinstance(machine, dict):
        known += _describe_computer(machine)
        known += _take_flag(machine, "virtual", "Virtual machine")
    if isinstance(rest.get("engines"), dict):
        rest.pop("engine", None)  # it is the first of them
        known += _describe_several("Engine", rest["engines"])
    elif isinstance(engine, dict):
        known += _describe_engine(engine, stored)
    if isinstance(rest.get("load_engines"), list):
        rest["load_engines"] = {str(number): each for number, each in enumerate(rest["load_engines"], 1)}
        known += _describe_several("Load engine", rest["load_engines"])
    known += _describe_software(rest)
    if isinstance(rest.get("placement"), str):
        known += _join("Cores", rest.pop("placement"))
    return (*known, *(Fact(label, value) for label, value in _flatten("", rest) if value))


def _describe_computer(facts: dict[str, Any], prefix: str = "") -> Iterator[Fact]:
    """Yield CPU, memory and system of a machine, and remove them from the facts."""
    cores, usable = facts.pop("cores", None), facts.pop("usable_cores", None)
    counts = "" if cores is None else f"{cores} {'core' if cores == 1 else 'cores'}"
    if usable is not None and usable != cores:
        counts += f" ({usable} usable)"
    yield from _join(f"{prefix}CPU", facts.pop("cpu_model", None), counts, facts.pop("architecture", None))
    memory = facts.pop("memory_bytes", None)
    yield from _join(f"{prefix}Memory", _format_memory(memory))
    kernel = facts.pop("kernel", None)
    yield from _join(f"{prefix}System", facts.pop("os", None), f"kernel {kernel}" if kernel else "")


def _describe_engine(engine: dict[str, Any], stored: Mapping[str, Any]) -> Iterator[Fact]:
    """Yield the engine, and the machine that it runs on if that is another one."""
    api = engine.pop("api_version", None)
    version = engine.pop("version", None)
    name = text.clean_text(engine.pop("name", None) or "Docker")
    yield from _join("Engine", f"{name} {version}" if version else name, f"API {api}" if api else "")
    is_local = engine.pop("local", None)
    if is_local is not None:
        yield Fact("Engine runs on", "this machine" if is_local else "another machine")
    if is_local and isinstance(stored.get("machine"), Mapping):
        for key in ("cores", "memory_bytes", "architecture", "kernel", "os"):
            if engine.get(key) == stored["machine"].get(key):
                engine.pop(key, None)
    yield from _describe_computer(engine, "Engine's ")
    cgroup = engine.pop("cgroup_version", None)
    driver, storage = engine.pop("cgroup_driver", None), engine.pop("storage_driver", None)
    yield from _join(
        "Containers", engine.pop("runtime", None), f"cgroups v{cgroup}" if cgroup else "", driver, storage
    )
    yield from _take_flag(engine, "swap_limit", "Can limit swap")
    yield from _take_flag(engine, "rootless", "Engine without root")


def _describe_several(label: str, engines: Mapping[str, Any]) -> Iterator[Fact]:
    """Yield each of several engines in one line, with the machine that it runs on."""
    for name, engine in engines.items():
        if isinstance(engine, dict):
            swap, is_rootless = engine.pop("swap_limit", None), engine.pop("rootless", None)
            facts = [fact.value for fact in _describe_engine(engine, {})]
            flags = ("can't limit swap" if swap is False else "", "without root" if is_rootless else "")
            yield from _join(f"{label} {text.clean_text(name)}", *facts, *flags)


def _describe_software(rest: dict[str, Any]) -> Iterator[Fact]:
    software = rest.get("software")
    if isinstance(software, dict) and all(isinstance(value, str) for value in software.values()):
        del rest["software"]
        named = (f"{_SOFTWARE_NAMES.get(key, key)} {value}" for key, value in software.items())
        yield from _join("Software", *named)


def _take_flag(facts: dict[str, Any], key: str, label: str) -> Iterator[Fact]:
    value = facts.pop(key, None)
    if value is not None:
        yield Fact(label, _format_value(value))


def _join(label: str, *parts: Any) -> Iterator[Fact]:
    words = [text.clean_text(part) for part in parts if part]
    if any(words):
        yield Fact(label, ", ".join(word for word in words if word))


def _format_memory(size_bytes: Any) -> str:
    if not isinstance(size_bytes, int) or isinstance(size_bytes, bool):
        return text.clean_text(size_bytes) if size_bytes is not None else ""
    if size_bytes < GIB:
        return text.format_mebibytes(size_bytes)
    return f"{text.format_number(round(size_bytes / GIB, 1))} GiB"


def _format_value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(_format_value(item) for item in value)
    return "" if value is None else text.clean_text(value)


def _flatten(prefix: str, stored: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what is left, each by its path: `build.target` becomes "build target"."""
    for key, value in stored.items():
        label = f"{prefix} {text.clean_text(key)}".strip().replace("_", " ")
        if isinstance(value, Mapping):
            yield from _flatten(label, value)
        elif label.endswith(" bytes"):
            yield label.removesuffix(" bytes"), _format_memory(value)
        else:
            yield label, _format_value(value)
