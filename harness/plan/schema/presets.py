"""Define `sizes.preset` of matrix.yaml, and the files that hold the presets: sizes as they are sold."""

from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from harness.plan.schema.quoting import quote
from harness.plan.schema.types import Cores, Memory, Money, OneOrMany, Replicas, Section

PresetName = Literal["aws-fargate", "azure-container-apps", "gcp-cloud-run", "kubernetes-quarters"]
"""The names of the files in `harness/plan/presets`, without their ending."""


class RangeSection(Section):
    """A range of amounts; an end without a value is open."""

    at_least: float | None = None
    at_most: float | None = None

    @model_validator(mode="before")
    @classmethod
    def require_ends(cls, value: Any) -> Any:
        if value is None or isinstance(value, dict):
            return value
        raise ValueError(f"{quote(value)} is not a range; write {_suggest_range(value)}")

    @model_validator(mode="after")
    def check_order(self) -> Self:
        if self.at_least is not None and self.at_most is not None and self.at_most < self.at_least:
            raise ValueError("at_most is less than at_least; write the smaller amount as at_least")
        return self

    def includes(self, amount: float) -> bool:
        """Return True if the amount lies within the range."""
        return (self.at_least is None or amount >= self.at_least) and (
            self.at_most is None or amount <= self.at_most
        )


def _suggest_range(value: Any) -> str:
    """Return the range to write instead of a list of amounts, or of a single one."""
    listed = value if isinstance(value, list) else [value]
    amounts = [each for each in listed if isinstance(each, int | float | str)]
    first, last = (amounts[0], amounts[-1]) if amounts else ("…", "…")
    return f"{{at_least: {first}, at_most: {last}}}"


class CoresRange(RangeSection):
    at_least: Cores | None = None
    at_most: Cores | None = None


class MemoryRange(RangeSection):
    at_least: Memory | None = None
    at_most: Memory | None = None


class PresetSection(Section):
    """`sizes` with a preset: those of its sizes that lie within the ranges."""

    preset: PresetName | None = None
    cpus: CoresRange = CoresRange()
    memory: MemoryRange = MemoryRange()
    replicas: Annotated[tuple[Replicas, ...], OneOrMany(), Field(min_length=1)] = (1,)


def names_preset(sizes: Any) -> bool:
    """Return True if `sizes` of matrix.yaml names a preset instead of sizes of its own."""
    return isinstance(sizes, dict) and isinstance(sizes.get("preset"), str)


def drop_preset(sizes: Any) -> Any:
    """Return the named sizes in `sizes` of matrix.yaml; none if it names a preset."""
    return {} if names_preset(sizes) else sizes


# The files of the presets


def _check_date(text: str) -> str:
    date.fromisoformat(text)
    return text


class MemorySteps(Section):
    at_least: Memory
    at_most: Memory
    step: Memory


class SoldSizes(Section):
    """Numbers of cores, and the memory that each of them is sold with: listed, in steps, or by core."""

    cpus: Annotated[tuple[Cores, ...], OneOrMany()]
    memory: Annotated[tuple[Memory, ...], OneOrMany()] = ()
    memory_steps: MemorySteps | None = None
    gib_per_cpu: Annotated[tuple[float, ...], OneOrMany()] = ()


class SoldPrice(Section):
    """List prices by core and by GiB, with their day, where they stand, and what they hold for."""

    cpu_hour: Money
    gib_hour: Money
    currency: str
    as_of: Annotated[str, AfterValidator(_check_date)]
    source: str
    terms: str


class PresetFile(Section):
    """The content of a preset's file; without `price` nobody sells these sizes at a common price.

    `any_memory_between`: the memory of a number of cores may be any amount from its smallest to its largest.
    """

    title: str
    sizes: Annotated[tuple[SoldSizes, ...], OneOrMany()]
    any_memory_between: bool = False
    price: SoldPrice | None = None
