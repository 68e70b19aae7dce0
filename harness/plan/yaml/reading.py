"""Read a mapping of a YAML file step by step, and collect every problem with its place."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from harness.errors import Problem
from harness.plan.yaml.document import MOST_PROBLEMS, Document, KeyPath
from harness.plan.yaml.problems import to_problem

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Reading:
    """The mapping at `at` of a document while it is read.

    Paths in it are relative to `folder`; `environ` is what `${NAME}` refers to. `problems` collects what is
    wrong, so that reading goes on and finds more; all readings of one campaign's files share the list.
    """

    document: Document
    folder: Path
    environ: Mapping[str, str]
    problems: list[Problem] = field(default_factory=list)
    at: KeyPath = ()

    @property
    def values(self) -> Any:
        """The value at `at`; a mapping, unless the user wrote something else."""
        values = self.document.values
        for key in self.at:
            values = values[key]
        return values

    def enter(self, *keys: str | int) -> "Reading":
        """Return the reading of a section."""
        return replace(self, at=(*self.at, *keys))

    def report(self, path: KeyPath, message: str, *, at_key: bool = False) -> None:
        """Add the problem at `path`, relative to `at`."""
        self.problems.append(self.document.problem((*self.at, *path), message, at_key=at_key))

    def validate(self, model: type[Model]) -> tuple[Model, frozenset[str]]:
        """Validate the mapping; return the section, and its faulty keys, which are left at their defaults.

        The faults are added to `problems`. Every key of the model needs a default.
        """
        values = self.values
        try:
            return model.model_validate(values), frozenset()
        except ValidationError as error:
            errors = error.errors(include_url=False)
        for details in errors[:MOST_PROBLEMS]:
            self.problems.append(to_problem(model, details, self.document, self.at))
        faulty = frozenset(str(details["loc"][0]) for details in errors if details["loc"])
        known = values if isinstance(values, dict) and faulty else {}
        valid = {key: value for key, value in known.items() if key not in faulty}
        return model.model_validate(valid), faulty
