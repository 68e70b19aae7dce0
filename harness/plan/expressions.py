"""Replace expressions of a size in a text: `{2 * cpus + 1}` becomes `5` at 2 cores.

No code is run: Python's parser reads an expression, and only the numbers, names, operators and functions
listed here are computed, as exact fractions.
"""

import ast
import math
import operator
import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from harness.model import GIB, MIB, Limits
from harness.plan.schema.quoting import quote
from harness.plan.schema.units import format_cores, format_mib
from harness.plan.yaml.problems import suggest_nearest

_TOKEN = re.compile(
    r"(?P<reference>\$+\{[^{}]*\}?)|(?P<brace>\{\{|\}\})|\{(?P<expression>[^{}]*)\}|(?P<lone>[{}])"
)
_UNITS = {"KiB": 1024, "MiB": MIB, "GiB": GIB}
_MOST_CHARACTERS = 200
_MOST_DECIMALS = 6
_LARGEST_NUMBER = 10**15

_OPERATORS: Mapping[type[ast.operator], Callable[[Fraction, Fraction], Fraction | int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_KNOWN = "cpus, memory, replicas, KiB, MiB, GiB, numbers, + - * / // %, min, max, floor, ceil and round"


def _round_half_up(number: Fraction) -> int:
    """Return the nearest whole number; a half is rounded away from zero."""
    rounded = math.floor(abs(number) + Fraction(1, 2))
    return rounded if number >= 0 else -rounded


_ROUNDING: Mapping[str, Callable[[Fraction], int]] = {
    "floor": math.floor,
    "ceil": math.ceil,
    "round": _round_half_up,
}
_CHOOSING: Mapping[str, Callable[[list[Fraction]], Fraction]] = {"min": min, "max": max}


@dataclass(frozen=True, slots=True)
class Template:
    """A text with expressions. `parts` are plain texts, and expressions with their text as written."""

    parts: tuple[str | tuple[str, ast.expr], ...]

    def fill(self, limits: Limits) -> str:
        """Return the text with the value of each expression at a size.

        `cpus` and `memory` (bytes) are those of one replica. Whole numbers are written without a point, all
        others with up to six decimals. Raises ValueError with what is wrong, and what to write instead.
        """
        values = {
            "cpus": Fraction(repr(limits.cpu_cores)),
            "memory": Fraction(limits.memory_bytes),
            "replicas": Fraction(limits.replicas),
            **{name: Fraction(size) for name, size in _UNITS.items()},
        }
        return "".join(
            part if isinstance(part, str) else _fill_expression(*part, values, limits) for part in self.parts
        )


def parse_template(text: str) -> Template:
    """Parse a text; `{{` and `}}` are plain braces, and `${NAME}` is left as it is.

    Raises ValueError with what is wrong, and what to write instead.
    """
    parts: list[str | tuple[str, ast.expr]] = []
    end = 0
    for match in _TOKEN.finditer(text):
        parts.append(text[end : match.start()])
        end = match.end()
        if match["lone"]:
            plain = f"write {match[0] * 2} for a plain {match[0]}"
            raise ValueError(f"{match[0]} is half of an expression such as {{cpus}}; {plain}")
        if match["expression"] is not None:
            parts.append((match[0], _parse_expression(match["expression"].strip(), match[0])))
        else:
            parts.append(match[0][0] if match["brace"] else match[0])
    return Template((*parts, text[end:]))


def _parse_expression(source: str, shown: str) -> ast.expr:
    plain = "write {{ and }} for plain braces"
    if not source:
        raise ValueError(f"{quote(shown)} holds no expression; write one such as {{cpus}}, or {plain}")
    if len(source) > _MOST_CHARACTERS:
        raise ValueError(f"{quote(shown)} has more than {_MOST_CHARACTERS} characters; {plain}")
    try:
        with warnings.catch_warnings():  # such as of `1if`: the parser's remarks on its syntax
            warnings.simplefilter("ignore")
            return ast.parse(f"({source})", mode="eval").body  # in parentheses it may have several lines
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise ValueError(
            f"{quote(shown)} is not an expression; write one such as {{2 * cpus + 1}}, or {plain}"
        ) from None


def _fill_expression(shown: str, node: ast.expr, values: Mapping[str, Fraction], limits: Limits) -> str:
    try:
        number = _compute(node, values)
    except ZeroDivisionError:
        size = f"{format_cores(limits.cpu_cores)} cores and {format_mib(limits.memory_bytes)}MiB"
        raise ValueError(f"{quote(shown)} divides by zero at {size}") from None
    except ValueError as error:
        raise ValueError(f"{quote(shown)}: {error}") from None
    if abs(number) > _LARGEST_NUMBER:
        raise ValueError(f"{quote(shown)} is too large; write a number up to 10^15")
    return _format_number(number)


def _format_number(number: Fraction) -> str:
    scaled = Decimal(_round_half_up(number * 10**_MOST_DECIMALS)).scaleb(-_MOST_DECIMALS)
    text = format(scaled, "f").rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _compute(node: ast.expr, values: Mapping[str, Fraction]) -> Fraction:
    """Return the value of a parsed expression. Raises ValueError if it holds anything else than is known."""
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return _read_number(number)
        case ast.Name(id=name):
            return _get_value(name, values)
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=operand):
            value = _compute(operand, values)
            return -value if isinstance(sign, ast.USub) else value
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _OPERATORS:
            return Fraction(_OPERATORS[type(sign)](_compute(left, values), _compute(right, values)))
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
            return _call(name, [_compute(argument, values) for argument in arguments])
        case _:
            raise ValueError(f"only {_KNOWN} are understood")


def _read_number(number: float) -> Fraction:
    if not math.isfinite(number):
        raise ValueError("a number is too large; write one up to 10^15")
    return Fraction(repr(number))


def _get_value(name: str, values: Mapping[str, Fraction]) -> Fraction:
    if name not in values:
        raise ValueError(f"{name} is not known{suggest_nearest(name, values)}")
    return values[name]


def _call(name: str, arguments: list[Fraction]) -> Fraction:
    if name in _ROUNDING:
        if len(arguments) != 1:
            raise ValueError(f"{name} takes one number; write {name}(cpus)")
        return Fraction(_ROUNDING[name](arguments[0]))
    if name not in _CHOOSING:
        known = ", ".join(sorted([*_ROUNDING, *_CHOOSING]))
        raise ValueError(f"{name} is no function that is known; known here: {known}")
    if len(arguments) < 2:
        raise ValueError(f"{name} takes two numbers or more; write {name}(cpus, 4)")
    return _CHOOSING[name](arguments)
