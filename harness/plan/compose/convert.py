"""Convert a service of a compose file, with the services that it depends on, into a target's mapping."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from harness.model import MIB, MOST_PIDS
from harness.plan.compose.builds import BuildConverter
from harness.plan.compose.contradictions import find_contradictions
from harness.plan.compose.dependencies import (
    find_cycle,
    is_optional,
    is_switched_on,
    list_dependencies,
    list_optional_dependencies,
    list_services,
)
from harness.plan.compose.mounts import MountConverter, find_parted_folders
from harness.plan.compose.names import (
    count_mentions,
    find_aliases,
    find_ambiguous_names,
    find_named_host,
    find_network_owner,
    find_outer_service,
    list_fixed_addresses,
)
from harness.plan.compose.reader import ComposeModel, to_reference_text
from harness.plan.compose.report import ComposeTarget
from harness.plan.compose.service_keys import (
    convert_limits,
    convert_plain_keys,
    convert_readiness,
    describe_replicas,
    describe_split_test,
    find_exposed_port,
    find_listening_port,
    find_ports,
    read_pids_limit,
    read_replicas,
)
from harness.plan.compose.syntax import to_target_name
from harness.plan.compose.volumes_from import collect_mounts, list_origins
from harness.plan.dockerfile import choose_port
from harness.plan.schema.quoting import quote

_Values = Mapping[str, Any]
_COMPLETED = "service_completed_successfully"
_HEALTHY = "service_healthy"


def convert_service(
    model: ComposeModel,
    service: str,
    environ: Mapping[str, str],
    own: _Values,
    also: Sequence[str] = (),
) -> ComposeTarget:
    """Convert a service; `own` is what target.yaml itself says, which overrides the compose file.

    `also` are services that it needs without saying so in the compose file.

    Raises:
        ValueError: a value is none that Compose knows; with its place.
    """
    result = ComposeTarget(notes=list(model.notes))
    if service not in model.services:
        known = ", ".join(sorted(model.services)) or "none"
        result.faults.append(f"has no service {quote(service)}; its services: {known}")
        return result
    unknown = [name for name in also if name not in model.services]
    result.faults += [f"has no service {quote(name)}, which compose.also names" for name in unknown]
    model, optional = _switch_on(model, service)
    names = list(list_services(model.services, service, also))
    converter = _Converter(model, environ, result, names)
    _report_missing_services(model, names, optional, result)
    given = own.get("companions")
    companions_own: _Values = given if isinstance(given, dict) else {}
    result.values = converter.convert_target(service, own)
    companions = {
        name: converter.convert_companion(name, companions_own.get(name) or {})
        for name in names
        if name != service
    }
    if companions:
        result.values["companions"] = companions
    converter.report_shared_sections()
    _report_what_is_shared(model.services, names, {service: result.values, **companions}, result)
    _note_services_apart(model, service, names, result)
    result.note_keys_of_many()
    return result


def _switch_on(model: ComposeModel, service: str) -> tuple[ComposeModel, dict[str, list[str]]]:
    """Return the model with the service's profiles switched on, and without what is off and may be.

    Docker Compose does so with a service that it is told to start. What is left out is returned by service.
    """
    profiles = model.profiles | {str(each) for each in model.services[service].get("profiles") or []}
    optional = {
        name: left_out
        for name in model.services
        if (left_out := list_optional_dependencies(model.services, name, profiles))
    }
    services = dict(model.services)
    for name, left_out in optional.items():
        conditions = services[name]["depends_on"]
        needed = {other: each for other, each in conditions.items() if other not in left_out}
        services[name] = {**services[name], "depends_on": needed}
    return replace(model, values={**model.values, "services": services}, profiles=profiles), optional


def _report_missing_services(
    model: ComposeModel, names: list[str], optional: Mapping[str, list[str]], result: ComposeTarget
) -> None:
    """Report dependencies that are not there, or need not be, and services that depend on each other.

    `optional` are those that are left out, by service.
    """
    services = model.services
    if cycle := find_cycle(services, names[::-1]):
        result.refuse(cycle[0], f"depends on itself, by {' and '.join([*cycle[1:], cycle[0]])}")
    for name in names:
        conditions = services[name].get("depends_on") or {}
        for dependency in list_dependencies(services, name):
            condition = conditions.get(dependency) or {} if isinstance(conditions, dict) else {}
            if dependency not in services and not is_optional(condition):
                result.refuse(name, f"depends on {dependency}, which is not in the file")
            elif dependency in services and dependency not in names:
                result.note(name, f"depends on {dependency}, of which the file wants no container")
            elif not is_switched_on(services.get(dependency), model.profiles):
                result.note(name, f"{dependency} is started, although its profile is not switched on")
        for other in optional.get(name, []):
            if other not in names:
                result.note(
                    name, f"{other} is not started, because its profile is not switched on (see compose.also)"
                )


def _report_what_is_shared(
    services: _Values, names: list[str], sections: Mapping[str, _Values], result: ComposeTarget
) -> None:
    """Refuse a name that would lead to several services; note folders that services no longer share."""
    for text, owners in find_ambiguous_names(services, names):
        others = " and ".join(owners)
        result.refuse(owners[0], f"{text} is a name of {others}, which are in one network here; rename one")
    for name, other, folder in find_parted_folders(sections):
        result.note(name, f"what it writes to {folder}, {other} does not see: here they share no folder")


def _note_services_apart(model: ComposeModel, service: str, names: list[str], result: ComposeTarget) -> None:
    """Note the services that are not started, although the code of the target may reach them by their names.

    Those that depend on the target, such as a proxy before it, are not meant, nor those that only others are
    built upon, nor those of a profile that `.env` does not switch on.
    """
    services = model.services
    apart = [
        name
        for name, values in sorted(services.items())
        if name not in (*names, *result.left_out, *result.built)
        and is_switched_on(values, model.profiles)
        and read_replicas(values) > 0
        and service not in list_services(services, name)
    ]
    if apart:
        shown = ", ".join(apart)
        result.notes.append(
            f"not started, because {service} does not depend on them: {shown} (see compose.also)"
        )


@dataclass(frozen=True, slots=True)
class _Converter:
    """The converter of the services `names` of a compose file; it adds notes and faults to `result`."""

    model: ComposeModel
    environ: Mapping[str, str]
    result: ComposeTarget
    names: list[str]

    def convert_target(self, name: str, own: _Values) -> dict[str, Any]:
        values = self.model.services[name]
        section = self._convert_common_keys(name, own)
        section["aliases"] = list(dict.fromkeys([name, *section.get("aliases", [])]))
        owner = find_outer_service(self.model.services, name)
        ports = find_ports(owner) or find_ports(values)
        if port := choose_port(map(str, ports)):
            section["port"] = port
        elif "port" not in own and (port := find_exposed_port(section.get("build") or {})):
            section["port"] = port
            self.result.note(name, f"port {port} is measured, because its Dockerfile exposes it")
        if len(ports) > 1 and "port" not in own:
            others = ", ".join(str(each) for each in ports if each != port)
            self.result.note(name, f"port {port} is measured, and not {others}; write port: for another")
        if values.get("network_mode") == "host":
            section["network"] = "host"
        if ready := convert_readiness(values):
            section["ready"] = ready
        limits = convert_limits(values)
        if limits.values:
            self.result.note(
                name, "its limits are those of the sizes that are measured, not those of the file"
            )
        return {"name": to_target_name(name), **section}

    def convert_companion(self, name: str, own: _Values) -> dict[str, Any]:
        values = self.model.services[name]
        section = self._convert_common_keys(name, own)
        conditions = self._find_conditions(name)
        if _COMPLETED in conditions:
            section["job"] = True
        else:
            section["ready"] = self._convert_companions_readiness(name, values, own, conditions)
        limits = convert_limits(values)
        if limits.values:
            section["limits"] = limits.values
        if limits.given_bytes is not None:
            shown = limits.values["memory"] // MIB
            self.result.note(name, f"its limit of {limits.given_bytes} bytes of memory is {shown} MiB here")
        return section

    def _find_conditions(self, name: str) -> set[str]:
        """Return the conditions under which other services wait for a service."""
        services = [self.model.services[each] for each in self.names]
        found = [(each.get("depends_on") or {}).get(name) for each in services]
        return {str(each.get("condition")) for each in found if isinstance(each, dict)}

    def _convert_companions_readiness(
        self, name: str, values: _Values, own: _Values, conditions: set[str]
    ) -> dict[str, Any]:
        if ready := convert_readiness(values):
            return ready
        if _HEALTHY in conditions and not (values.get("healthcheck") or {}):
            return {"healthy": True}
        if port := find_listening_port(values):
            return {"port": port}
        if "ready" not in own:
            self.result.note(name, "counts as ready once it runs, because nothing says when it is")
        return {"started": True}

    def _convert_common_keys(self, name: str, own: _Values) -> dict[str, Any]:
        values = self.model.services[name]
        if "image" in own or "build" in own:
            values = {
                key: value for key, value in values.items() if key not in ("build", "image", "platform")
            }
        self.result.report_lost_keys(name, values, "services.*")
        self.result.faults += [f"{name}: {fault}" for fault in self.model.faults.get(name, [])]
        try:
            for contradiction in find_contradictions(values):
                self.result.refuse(name, contradiction)
            source = BuildConverter(name, self.model, self.environ, self.result).convert(values)
            section = source | convert_plain_keys(values)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
        environment = values.get("environment") or {}
        texts = {key: to_reference_text(str(text)) for key, text in environment.items() if text is not None}
        if texts:
            section["environment"] = texts
        if aliases := find_aliases(self.model.services, name, self.names, self.model.project):
            section["aliases"] = aliases
        if section.get("restart") and "restart" not in own:
            self.result.restarted.append(name)
        if read_pids_limit(values) > MOST_PIDS:
            self.result.note(name, f"its pids_limit is {MOST_PIDS} here")
        notes = (describe_replicas(values, is_target=name == self.names[-1]), describe_split_test(values))
        for note in filter(None, notes):
            self.result.note(name, note)
        self._convert_network_mode(name, values, section)
        self._report_fixed_addresses(name, values)
        self._note_services_left_out(name, values)
        self._report_volumes_from(name, values)
        values = {**values, "volumes": collect_mounts(self.model.services, name)}
        mounts = MountConverter(name, values, own, self.model, self.environ, self.result)
        return section | mounts.convert()

    def _report_volumes_from(self, name: str, values: _Values) -> None:
        """Refuse volumes of a container that is not in the file, and note those that only an image has."""
        for origin in list_origins(self.model.services, values):
            if origin.service is None:
                self.result.refuse(
                    name, f"volumes_from: {origin.text} can't be honoured: that container is not in the file"
                )
            else:
                self.result.note(
                    name,
                    f"it has the volumes of {origin.service} that the file names, and none that only the "
                    "image declares",
                )

    def _convert_network_mode(self, name: str, values: _Values, section: dict[str, Any]) -> None:
        mode = str(values.get("network_mode") or "")
        if owner := find_network_owner(self.model.services, values):
            section["network_of"] = owner
        elif mode.startswith("container:"):
            self.result.refuse(
                name, f"network_mode: {mode} can't be honoured: that container is not in the file"
            )
        elif mode == "none" and name == self.names[-1]:
            self.result.refuse(name, "network_mode: none can't be honoured: nobody reaches it")
        elif mode == "none":
            self.result.note(name, "network_mode: none is not honoured: it is in the network of all")
        elif mode == "host" and name != self.names[-1]:
            self.result.refuse(
                name, "network_mode: host can't be honoured: companions have a network of their own"
            )
        elif mode not in ("", "bridge", "default", "host") and not mode.startswith("service:"):
            self.result.note(name, f"network_mode: {mode} is not honoured: it is in the network of all")

    def _report_fixed_addresses(self, name: str, values: _Values) -> None:
        """Refuse a fixed address that another value mentions, and note it otherwise."""
        for key, address in list_fixed_addresses(values):
            others = [self.model.services[each] for each in self.names]
            if sum(count_mentions(each, address) for each in others) > 1:
                self.result.refuse(
                    name, f"others reach it at {address}, and here it has another; use its name"
                )
            else:
                self.result.note(name, f"{key} is not honoured: the engine chooses the addresses")
        apart = ((other, each) for other, each in self.model.services.items() if other not in self.names)
        for other, each in apart:
            for _, address in list_fixed_addresses(each):
                if count_mentions(values, address):
                    self.result.refuse(
                        name, f"it reaches {other} at {address}, which is not there; use its name"
                    )

    def _note_services_left_out(self, name: str, values: _Values) -> None:
        """Note services that are named as hosts, but that nothing depends on; not those before the target."""
        services = self.model.services
        for other in sorted(services):
            if other in self.names or read_replicas(services[other]) == 0:
                continue
            key = find_named_host(values, other)
            if key is None or self.names[-1] in list_services(services, other):
                continue
            self.result.left_out.append(other)
            self.result.note(
                name,
                f"{key} names {other}, which is not started, because depends_on does not name it; "
                f"write compose: {{also: [{other}]}} to start it",
            )

    def report_shared_sections(self) -> None:
        """Report the lost keys of the networks, volumes, secrets and configs that the services use.

        Networks and volumes that the file does not describe are noted: Docker Compose refuses them.
        """
        used: dict[tuple[str, str], None] = {}
        for name in self.names:
            entries = list(_list_used_entries(self.model.services[name]))
            used |= dict.fromkeys(entries)
            for section, each in entries:
                is_described = each in (self.model.values.get(section) or {})
                if section in ("networks", "volumes") and not is_described and each != "default":
                    self.result.note(
                        name, f"its {section[:-1]} {each} is not in the file, and counts as a usual one"
                    )
        for section, each in sorted(used):
            defined = (self.model.values.get(section) or {}).get(each)
            if isinstance(defined, dict):
                self.result.report_lost_keys(f"{section[:-1]} {each}", defined, f"{section}.*")


def _list_used_entries(values: _Values) -> Iterator[tuple[str, str]]:
    """Yield the entries of other sections that a service uses, each with its section."""
    usual = () if values.get("network_mode") else ("default",)
    yield from (("networks", each) for each in values.get("networks") or usual)
    for mount in values.get("volumes") or []:
        if mount.get("type") == "volume" and mount.get("source"):
            yield "volumes", str(mount["source"])
    for section in ("secrets", "configs"):
        yield from ((section, str(each.get("source"))) for each in values.get(section) or [])
