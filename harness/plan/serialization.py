"""A plan as plain JSON values, for plan.json, and back."""

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

FORMAT = 1
STORED_PLAN = TypeAdapter(StoredPlan)


def plan_to_json(plan: Plan) -> dict[str, Any]:
    """JSON values named like the plan's fields, with paths relative to the matrix file's folder.

    Of engines only the names are kept: how they are reached is nobody's business who reads results.
    """
    folder = plan.source.parent
    stored = to_stored(with_paths(plan, lambda path: relative(path, folder)))
    return {"format": FORMAT, **STORED_PLAN.dump_python(stored, mode="json")}


def plan_from_json(values: Mapping[str, Any], folder: Path = Path()) -> Plan:
    """The plan that was stored, its paths within `folder` (the matrix file's). Unknown keys are ignored.

    Raises:
        StoreError: the format is another, or a value is missing or damaged.
    """
    if values.get("format") != FORMAT:
        raise StoreError(
            f"plan.json has format {values.get('format')!r}, this harness reads {FORMAT}",
            "read it with the version of the harness that wrote it",
        )
    try:
        plan = from_stored(STORED_PLAN.validate_json(json.dumps(values), strict=True))
    except (ValidationError, ValueError, TypeError) as error:
        raise StoreError(f"plan.json is damaged: {first_fault(error)}") from None
    return with_paths(plan, lambda path: Path(os.path.normpath(folder / path)))


def first_fault(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    fault = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}"


def with_paths(plan: Plan, change: Callable[[Path], Path]) -> Plan:
    """The plan with each of its paths changed."""
    locustfiles = tuple(change(file) for file in plan.scenario.locustfiles)
    requirements = plan.scenario.requirements
    return replace(
        plan,
        source=change(plan.source),
        target=target_with_paths(plan.target, change),
        scenario=replace(
            plan.scenario, locustfiles=locustfiles, requirements=requirements and change(requirements)
        ),
    )


def target_with_paths(target: Target, change: Callable[[Path], Path]) -> Target:
    source = target.source
    if isinstance(source, BuildSource):
        source = replace(source, context=change(source.context))
    return replace(
        target,
        source=source,
        files={inside: change(path) for inside, path in target.files.items()},
        companions=tuple(
            replace(companion, service=target_with_paths(companion.service, change))
            for companion in target.companions
        ),
    )


def relative(path: Path, folder: Path) -> Path:
    """From the folder, with `..` if need be; absolute where the two share nothing but the root."""
    if path.is_absolute() != folder.is_absolute():
        return path
    shared = os.path.commonpath([path, folder])
    return path if shared == os.sep else Path(os.path.relpath(path, folder))
