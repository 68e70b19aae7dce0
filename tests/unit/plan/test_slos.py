"""SLOs on the command line are read, or refused with an example."""

import pytest

from harness.errors import UsageError
from harness.model import Slo
from harness.plan import parse_slo
from harness.plan.slos import find_shortfall_notes


@pytest.mark.parametrize(
    ("text", "slo"),
    [
        ("p95=500ms", Slo("p95", 0.5)),
        ("p99.9 = 2", Slo("p99.9", 2.0)),
        ("mean=1.5s", Slo("mean", 1.5)),
        ("errors=0.5%", Slo("errors", 0.005)),
        ("errors=0", Slo("errors", 0.0)),
        ("added_errors=1%", Slo("added_errors", 0.01)),
        ("added_errors@/icon=1%", Slo("added_errors", 0.01, "/icon")),
        ("shortfall=0.2", Slo("shortfall", 0.2)),
        ("drift=150%", Slo("drift", 1.5)),
        ("p99@/item/[id]=2s", Slo("p99", 2.0, "/item/[id]")),
        ("p99@/find?q=a@b=2s", Slo("p99", 2.0, "/find?q=a@b")),
    ],
)
def test_an_slo_is_an_indicator_with_an_optional_request_name_and_a_value(text: str, slo: Slo) -> None:
    assert parse_slo(text) == slo


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", '--slo "": is not an SLO'),
        ("p95", '--slo "p95": is not an SLO'),
        ("p95@=1s", '--slo "p95@=1s": is not an SLO'),
        ("p59.55=1s", '--slo "p59.55=1s": "p59.55" is not measured; write a percentile from p50 to p99.9'),
        ("p95.0=1s", '--slo "p95.0=1s": "p95.0" is not how a percentile is written; write p95 or p99.9'),
        ("eror=1%", '--slo "eror=1%": unknown indicator "eror"; did you mean "errors"?'),
        ("p95=1%", '--slo "p95=1%": "1%" is not a duration; write 250ms, 1.5s or a plain number of seconds'),
        ("errors=1s", '--slo "errors=1s": "1s" is not a ratio; write "1%" or 0.01'),
    ],
)
def test_anything_else_is_refused_with_an_example(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_slo(text)
    assert caught.value.what == message
    assert caught.value.hint == "p95=500ms, errors=0.5% or p99@/item/[id]=2s"


def test_a_relaxed_response_time_is_noted_if_the_shortfall_stops_a_size_before() -> None:
    """At p95 = 4 s the mean is about 1.2 s. Users who think for 1.2 · 0.85 / 0.15 = 6.8 s miss 15 % then."""
    (note,) = find_shortfall_notes([Slo("p95", 4.0), Slo("errors", 0.01), Slo("shortfall", 0.15)])
    assert note == (
        "slos.shortfall (15 %) stops a size before p95 reaches 4 s, if users think for less than about 7 s; "
        "write shortfall: null if only response times and errors count"
    )


@pytest.mark.parametrize(
    "slos",
    [
        (Slo("p95", 1.0), Slo("shortfall", 0.15)),
        (Slo("p99", 8.0), Slo("p95", 1.9), Slo("shortfall", 0.15)),
        (Slo("p95", 8.0), Slo("errors", 0.01)),
        (Slo("p95", 8.0), Slo("shortfall", 1.0)),
        (Slo("p95", 8.0, "/slow"), Slo("shortfall", 0.15)),
    ],
)
def test_without_a_relaxed_response_time_or_a_shortfall_nothing_is_noted(slos: tuple[Slo, ...]) -> None:
    assert find_shortfall_notes(slos) == ()
