"""References of a compose file to variables are replaced as the compose specification says."""

import pytest

from harness.plan.compose.interpolation import References, Variables, interpolate_tree, substitute

VALUES = {"SET": "value", "EMPTY": "", "PORT": "80"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("$SET and ${SET}", "value and value"),
        ("${SET}s and $SETs", "values and "),
        ("$$SET and $${SET}", "$SET and ${SET}"),
        ("$$$SET", "$value"),
        ("costs 5$, or $ 5, or $5", "costs 5$, or $ 5, or $5"),
        ("${SET:-other}${EMPTY:-other}${NONE:-other}", "valueotherother"),
        ("${SET-other}${EMPTY-other}${NONE-other}", "valueother"),
        ("${SET:+other}|${EMPTY:+other}|${NONE:+other}", "other||"),
        ("${SET+other}|${EMPTY+other}|${NONE+other}", "other|other|"),
        ("${SET:?needed}${SET?needed}${EMPTY?needed}", "valuevalue"),
        ("${NONE:-${OTHER:-${SET}}}", "value"),
        ("${NONE:-$SET-$$}", "value-$"),
        ('${NONE:-{"a": {"b": 1}}}!', '{"a": {"b": 1}}!'),
        ("${NONE:-}${NONE-}", ""),
        ("${NONE:-a:b?c+d}", "a:b?c+d"),
        ("http://${NONE:-host}:${PORT}/", "http://host:80/"),
    ],
)
def test_every_form_of_a_reference_is_replaced(text: str, expected: str) -> None:
    assert substitute(text, Variables(VALUES)) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("${NONE:?set NONE first}", "the variable NONE must have a value: set NONE first"),
        ("${EMPTY:?}", "the variable EMPTY must have a value"),
        ("${NONE?say ${SET}}", "the variable NONE must have a value: say value"),
        ("${SET", "without its }"),
        ("${}", "no reference"),
        ("${5}", "no reference"),
        ("${SET:x}", "no reference"),
    ],
)
def test_a_reference_that_cannot_be_replaced_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011
        substitute(text, Variables(VALUES))
    assert message in str(refused.value)


def test_only_texts_are_replaced_and_a_fault_names_its_place() -> None:
    tree = {"services": {"${SET}": {"ports": ["${PORT}:80", 90], "cpus": 0.5, "init": True}}}
    assert interpolate_tree(tree, Variables(VALUES)) == {
        "services": {"${SET}": {"ports": ["80:80", 90], "cpus": 0.5, "init": True}}
    }
    with pytest.raises(ValueError, match=r"^services\.web\.image: the variable NONE must have a value$"):
        interpolate_tree({"services": {"web": {"image": "${NONE:?}"}}}, Variables(VALUES))


def test_variables_are_recorded_by_whether_only_an_environment_sees_them() -> None:
    references = References()
    tree = {
        "services": {
            "web": {"image": "x:$SET", "environment": {"A": "${PORT}", "B": "${NONE}", "C": "${X:-}"}}
        },
        "configs": {"site": {"content": "$EMPTY"}},
    }
    interpolate_tree(tree, Variables(VALUES, references))
    assert references.elsewhere == {"SET"}
    assert references.in_texts == {"PORT", "NONE", "EMPTY", "X"}
    assert list(references.unset) == ["NONE"]


def test_a_tree_that_aliases_blow_up_is_refused() -> None:
    tree: object = "x"
    for _ in range(20):
        tree = [tree, tree]
    with pytest.raises(ValueError, match="more than 100000 values"):
        interpolate_tree(tree, Variables(VALUES))
