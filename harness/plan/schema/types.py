"""What the keys of matrix.yaml and target.yaml hold: types that say what to write instead."""

from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import CoreSchema, core_schema

from harness.plan.schema import units, validators


class Many:
    """Of a list: a single value counts as a list of one, also for editors."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(validators.one_or_many, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        many = handler(schema)
        return {"anyOf": [many["items"], many]}


def shown_as(**schema: Any) -> WithJsonSchema:
    """How an editor is told of a value that is written otherwise than it is kept."""
    return WithJsonSchema(schema)


Name = Annotated[str, AfterValidator(validators.name)]
Image = Annotated[str, AfterValidator(validators.image_name)]
PathText = Annotated[str, AfterValidator(validators.path_text)]
Cores = Annotated[
    float,
    BeforeValidator(units.cpu_cores),
    shown_as(type="number", minimum=units.CPU_LEAST_CORES, maximum=units.CPU_MOST_CORES),
]
Memory = Annotated[
    int, BeforeValidator(units.memory_bytes), shown_as(type=["string", "integer"], examples=["512MiB", "1g"])
]
Duration = Annotated[
    float, BeforeValidator(units.duration_s), shown_as(type=["string", "number"], examples=["250ms", "1.5s"])
]
Precision = Annotated[
    float,
    BeforeValidator(units.ratio),
    AfterValidator(validators.precision),
    shown_as(type=["string", "number"], examples=["5%"]),
]
Users = Annotated[int, Field(ge=1, le=validators.MOST_USERS)]
Money = Annotated[float, Field(ge=0, le=1_000_000)]
Word = Annotated[str, AfterValidator(validators.one_word)]
Listed = BeforeValidator(validators.listed)
OneOrMany = Many()
Replicas = Annotated[int, Field(ge=1, le=validators.MOST_REPLICAS)]
Port = Annotated[int, Field(ge=1, le=65535)]


class Section(BaseModel):
    """A mapping with known keys only. A key without a value counts as absent."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    @model_validator(mode="before")
    @classmethod
    def without_empty_keys(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        return {
            key: value for key, value in values.items() if value is not None or key not in cls.model_fields
        }


class SizeSection(Section):
    """Exactly one size."""

    cpus: Cores
    memory: Memory
