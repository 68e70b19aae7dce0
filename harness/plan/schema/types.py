"""Define the types of the values in matrix.yaml and target.yaml. Their errors say what to write instead."""

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


class OneOrMany:
    """A marker of a list type: a single value counts as a list of one, also in the JSON Schema."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(validators.wrap_single, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        list_schema = handler(schema)
        return {"anyOf": [list_schema["items"], list_schema]}


class OrMapping:
    """A marker of a section: a single value counts as a mapping with that value at these keys."""

    def __init__(self, *keys: str) -> None:
        self.keys = keys

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self._wrap, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        section = handler(schema)
        properties = handler.resolve_ref_schema(section)["properties"]
        return {"anyOf": [properties[self.keys[0]], section]}

    def _wrap(self, value: Any) -> Any:
        return value if value is None or isinstance(value, dict) else dict.fromkeys(self.keys, value)


def declare_json_schema(**schema: Any) -> WithJsonSchema:
    """Declare the JSON Schema of a value that is written in another type than its Python value has."""
    return WithJsonSchema(schema)


Name = Annotated[str, AfterValidator(validators.check_name)]
Image = Annotated[str, AfterValidator(validators.check_image)]
PathText = Annotated[str, AfterValidator(validators.check_path)]
Cores = Annotated[
    float,
    BeforeValidator(units.parse_cores),
    declare_json_schema(type="number", minimum=units.CPU_LEAST_CORES, maximum=units.CPU_MOST_CORES),
]
Memory = Annotated[
    int,
    BeforeValidator(units.parse_memory_bytes),
    declare_json_schema(type=["string", "integer"], examples=["512MiB", "1g"]),
]
Duration = Annotated[
    float,
    BeforeValidator(units.parse_duration_s),
    declare_json_schema(type=["string", "number"], examples=["250ms", "1.5s"]),
]
Horizon = Annotated[
    float,
    BeforeValidator(units.parse_horizon_s),
    declare_json_schema(type=["string", "number"], examples=["1h", "2d"]),
]
Precision = Annotated[
    float,
    BeforeValidator(units.parse_ratio),
    AfterValidator(validators.check_precision),
    declare_json_schema(type=["string", "number"], examples=["5%"]),
]
Headroom = Annotated[
    float,
    BeforeValidator(units.parse_ratio),
    declare_json_schema(type=["string", "number"], examples=["30%"]),
]
Users = Annotated[int, Field(ge=1, le=validators.MOST_USERS)]
Money = Annotated[float, Field(ge=0, le=1_000_000)]
Word = Annotated[str, AfterValidator(validators.check_word)]
AsTuple = BeforeValidator(validators.to_tuple)
Replicas = Annotated[int, Field(ge=1, le=validators.MOST_REPLICAS)]
Port = Annotated[int, Field(ge=1, le=65535)]


class Section(BaseModel):
    """A mapping with known keys only. A key without a value counts as absent."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    @model_validator(mode="before")
    @classmethod
    def drop_empty_keys(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        return {
            key: value for key, value in values.items() if value is not None or key not in cls.model_fields
        }


class SizeSection(Section):
    """One size: the limits of a container."""

    cpus: Cores
    memory: Memory
