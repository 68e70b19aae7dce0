"""`${NAME}` is filled in when a container starts, from the caller's environment."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.plan import resolve_variables
from harness.plan.env_refs import find_reference_faults


@pytest.mark.parametrize(
    ("text", "expected"),
    [("${A}", "1"), ("x${A}y${B}", "x1y2"), ("$A", "$A"), ("$${A}", "${A}"), ("$$", "$$"), ("100%", "100%")],
)
def test_only_references_are_replaced(text: str, expected: object) -> None:
    assert resolve_variables(text, {"A": "1", "B": "2"}) == expected


def test_references_within_a_value_are_not_replaced() -> None:
    assert resolve_variables("${A}", {"A": "${B}"}) == "${B}"


@given(st.text(alphabet="${}AB_", max_size=12))
def test_a_text_without_faults_can_be_resolved(text: str) -> None:
    if not list(find_reference_faults(text, {"A": "1"})):
        resolve_variables(text, {"A": "1"})
