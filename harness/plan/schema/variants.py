"""Define a variant in matrix.yaml: what of the target it sets differently."""

import re
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, model_validator

from harness.plan.schema import validators
from harness.plan.schema.quoting import quote
from harness.plan.schema.target import CommandOrNone
from harness.plan.schema.types import Image, Section, declare_json_schema

UNCHANGED = "unchanged"
"""The short form of a variant that is the target as it is."""


def check_variant_name(text: str) -> str:
    """Check the name of a variant, which is part of a folder's name and of a column."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9-]{0,30}", text):
        allowed = "letters, digits and -, a letter or a digit first, at most 31"
        raise ValueError(f"{quote(text)} can't name a variant; write {allowed}")
    return text


def format_scalar(value: Any) -> Any:
    """Return a number or a boolean as text; the reader of the file then takes the text as written."""
    return str(value) if isinstance(value, bool | int | float) else value


VariantName = Annotated[str, AfterValidator(check_variant_name)]
_Variable = Annotated[str, AfterValidator(validators.check_variable_name)]
_Value = Annotated[
    str, BeforeValidator(format_scalar), declare_json_schema(type=["string", "number", "boolean"])
]


class VariantSection(Section):
    """A variant of the target: the values that it sets, which may hold expressions of the size."""

    environment: dict[_Variable, _Value] = {}
    command: CommandOrNone | None = None
    entrypoint: CommandOrNone | None = None
    image: Image | None = None
    unchanged: bool = False

    @model_validator(mode="before")
    @classmethod
    def parse_unchanged(cls, value: Any) -> Any:
        if value is None:
            return {}
        return {UNCHANGED: True} if value == UNCHANGED else value

    @model_validator(mode="after")
    def check_any_change(self) -> Self:
        changes = self.environment or self.image is not None
        if not changes and self.command is None and self.entrypoint is None and not self.unchanged:
            raise ValueError(
                "changes nothing; write environment, command, entrypoint or image, "
                f"or {UNCHANGED} for the target as it is"
            )
        if self.unchanged and (changes or self.command is not None or self.entrypoint is not None):
            raise ValueError(f"is {UNCHANGED} and changes something at once; keep one of the two")
        return self
