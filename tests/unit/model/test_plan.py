"""The values of a plan: which indicators an SLO knows, and which kinds of probe can be chosen."""

import inspect
import re
from typing import get_args

import pytest

from harness.model import IndicatorKind, ReadinessProbe, Slo, choose_probe
from tests.summary_schema import SCHEMA


@pytest.mark.parametrize(
    ("indicator", "kind", "is_response_time"),
    [
        ("p50", IndicatorKind.PERCENTILE, True),
        ("p99.9", IndicatorKind.PERCENTILE, True),
        ("p0.5", IndicatorKind.PERCENTILE, True),
        ("mean", IndicatorKind.MEAN, True),
        ("errors", IndicatorKind.ERRORS, False),
        ("shortfall", IndicatorKind.SHORTFALL, False),
        ("drift", IndicatorKind.DRIFT, False),
    ],
)
def test_an_indicator_has_a_kind_and_a_unit(
    indicator: str, kind: IndicatorKind, is_response_time: bool
) -> None:
    slo = Slo(indicator, 1.0)
    assert (slo.kind, slo.is_response_time) == (kind, is_response_time)


def test_summary_json_may_name_every_indicator() -> None:
    pattern = SCHEMA["$defs"]["slo"]["properties"]["indicator"]["pattern"]
    named = [kind for kind in IndicatorKind if kind is not IndicatorKind.PERCENTILE]
    assert [name for name in (*named, "p95", "p99.9") if not re.search(pattern, name)] == []


@pytest.mark.parametrize(
    "indicator",
    [
        "peak",
        "percentile",
        "p",
        "p0",
        "p100",
        "p0.0",
        "p-5",
        "p95.",
        "p9_5",
        "p1e1",
        "pnan",
        "p95\n",
        "P95",
        "",
    ],
)
def test_an_unknown_indicator_is_named_with_the_known_ones(indicator: str) -> None:
    known = r"unknown indicator .*mean, errors, shortfall, drift, and percentiles"
    with pytest.raises(ValueError, match=known):
        _ = Slo(indicator, 1.0).kind


def test_every_kind_of_probe_is_a_parameter_of_the_choice() -> None:
    parameters = inspect.signature(choose_probe).parameters.values()
    kinds = [set(get_args(each.annotation)) - {type(None)} or {each.annotation} for each in parameters]
    assert set.union(*kinds) == set(get_args(ReadinessProbe))
