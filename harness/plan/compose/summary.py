"""Summarise a service of a compose file for the target.yaml that `harness init` writes."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.plan.compose.convert import convert_service
from harness.plan.compose.file_choice import FileChoice
from harness.plan.compose.reader import read_compose


@dataclass(frozen=True, slots=True)
class ServiceSummary:
    """What is known of a service; its companions come with the limits that the file does not give them.

    `also` are services that it names as hosts, but does not depend on.
    """

    service: str
    port: int | None = None
    has_healthcheck: bool = False
    companions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    also: tuple[str, ...] = ()


def summarize_service(
    choice: FileChoice, service: str | None, default: str, environ: Mapping[str, str]
) -> ServiceSummary:
    """Return the summary of a service; without a name that of `default`, or else of the only one.

    Raises:
        ValueError: the files can't be read as compose files.
        LookupError: it is not clear which service is meant; with the names of all.
        InputError: one of the files can't be read at all.
    """
    model = read_compose(choice.list_files(environ), environ, choice.env_files)
    names = list(model.services)
    if service is None and (default in names or len(names) == 1):
        service = default if default in names else names[0]
    if service is None or service not in names:
        raise LookupError(", ".join(names))
    also: tuple[str, ...] = ()
    while left_out := convert_service(model, service, environ, {}, also).left_out:
        also = tuple(sorted({*also, *left_out}))
    values = convert_service(model, service, environ, {}, also).values
    companions = values.get("companions") or {}
    missing = {
        name: tuple(key for key in ("cpus", "memory") if key not in (each.get("limits") or {}))
        for name, each in companions.items()
    }
    return ServiceSummary(service, values.get("port"), "ready" in values, missing, also)
