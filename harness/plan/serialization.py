"""Turn a plan into JSON values for plan.json, and back."""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from harness.errors import StoreError
from harness.model import BuildSource, Plan, Target
from harness.plan.stored_plan import StoredPlan, from_stored, to_stored

_FORMAT = 1
_STORED_PLAN = TypeAdapter(StoredPlan)


def plan_to_json(plan: Plan) -> dict[str, Any]:
    """Return a plan as JSON values in the shape of `StoredPlan`, with paths relative to the matrix's folder.

    Of the engines only the names are stored: results don't tell how to reach an engine.
    """
    folder = plan.source.parent
    stored = to_stored(_map_paths(plan, lambda path: _make_relative(path, folder)))
    return {"format": _FORMAT, **_drop_variants(_STORED_PLAN.dump_python(stored, mode="json"))}


def _drop_variants(values: dict[str, Any]) -> dict[str, Any]:
    """Return the values without each `variant` that is None: a plan without variants is stored as before."""
    target, cells = values["target"], values["cells"]
    others = [*target["companions"], *([target["balancer"]] if target["balancer"] else [])]
    for limits in (each["limits"] for each in (*cells, *others)):
        if limits["variant"] is None:
            del limits["variant"]
    for cell in cells:
        if cell["variant"] is None:
            del cell["variant"]
    return values


def plan_from_json(values: Mapping[str, Any], folder: Path = Path()) -> Plan:
    """Return the plan that was stored, with its paths in the matrix's `folder`. Unknown keys are ignored.

    Raises:
        StoreError: the format is not the one that this harness reads, or a value is missing or damaged.
    """
    if values.get("format") != _FORMAT:
        raise StoreError(
            f"plan.json has format {values.get('format')!r}, this harness reads {_FORMAT}",
            "read it with the version of the harness that wrote it",
        )
    try:
        plan = from_stored(_STORED_PLAN.validate_json(json.dumps(values), strict=True))
    except (ValidationError, ValueError, TypeError) as error:
        raise StoreError(f"plan.json is damaged: {_describe_first_fault(error)}") from None
    return _map_paths(plan, lambda path: Path(os.path.normpath(folder / path)))


def _describe_first_fault(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    fault = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}"


def _map_paths(plan: Plan, change: Callable[[Path], Path]) -> Plan:
    """Return the plan with `change` applied to each of its paths."""
    locustfiles = tuple(change(file) for file in plan.scenario.locustfiles)
    requirements, folder = plan.scenario.requirements, plan.scenario.folder
    return replace(
        plan,
        source=change(plan.source),
        target=_map_target_paths(plan.target, change),
        scenario=replace(
            plan.scenario,
            locustfiles=locustfiles,
            requirements=requirements and change(requirements),
            folder=folder and change(folder),
        ),
    )


def _map_target_paths(target: Target, change: Callable[[Path], Path]) -> Target:
    source = target.source
    return replace(
        target,
        source=_map_build_paths(source, change) if isinstance(source, BuildSource) else source,
        files={inside: change(path) for inside, path in target.files.items()},
        options=replace(
            target.options,
            copies={
                inside: replace(copy, path=change(copy.path))
                for inside, copy in target.options.copies.items()
            },
        ),
        companions=tuple(
            replace(companion, service=_map_target_paths(companion.service, change))
            for companion in target.companions
        ),
    )


def _map_build_paths(build: BuildSource, change: Callable[[Path], Path]) -> BuildSource:
    return replace(
        build,
        context=change(build.context),
        secrets={
            name: replace(secret, file=secret.file and change(secret.file))
            for name, secret in build.secrets.items()
        },
        folders={name: change(folder) for name, folder in build.folders.items()},
        bases={name: _map_build_paths(base, change) for name, base in build.bases.items()},
    )


def _make_relative(path: Path, folder: Path) -> Path:
    """Return the path relative to the folder, with `..` if need be; unchanged if both share only the root."""
    if path.is_absolute() != folder.is_absolute():
        return path
    shared = os.path.commonpath([path, folder])
    return path if shared == os.sep else Path(os.path.relpath(path, folder))
