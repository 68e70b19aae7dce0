"""Images of further contexts become stages where the Dockerfile then says the same."""

import pytest

from harness.plan import insert_stages


def test_stages_stand_before_the_first_one_and_after_the_arguments() -> None:
    text = "# syntax=docker/dockerfile:1\nARG A=1\n# FROM nowhere\n  from x\nCOPY --from=shared /a /a\n"
    assert insert_stages(text, {"shared": "shop:1", "base": "alpine:3.20"}, {}) == (
        "# syntax=docker/dockerfile:1\nARG A=1\n# FROM nowhere\n"
        "FROM shop:1 AS shared\nFROM alpine:3.20 AS base\n"
        "  from x\nCOPY --from=shared /a /a\n"
    )


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("FROM x AS Shared\n", "shared"),
        ("FROM x\nFROM y\nCOPY --from=0 /a /a\n", "shared"),
        ("FROM x\nRUN --mount=type=bind,from=0,target=/a true\n", "shared"),
        ("ARG BASE=shop:dev\nFROM $BASE\n", "shop:dev"),
        ("FROM alpine:latest\n", "alpine"),
        ("FROM docker.io/library/alpine\n", "alpine"),
        ("RUN true\n", "shared"),
    ],
)
def test_a_dockerfile_that_would_say_something_else_is_left_alone(text: str, name: str) -> None:
    assert insert_stages(text, {name: "shop:1"}, {}) is None


def test_an_image_that_is_named_as_the_context_is_found() -> None:
    assert insert_stages("FROM alpine\n", {"alpine": "shop:1"}, {}) == "FROM shop:1 AS alpine\nFROM alpine\n"


def test_a_name_that_only_an_image_can_have_is_replaced_where_it_stands() -> None:
    text = (
        "FROM --platform=linux/amd64 shop-base:latest AS one\nfrom shop:dev\nCOPY --from=shop:dev /a /a\n"
        "RUN --mount=type=bind,from=shop-base:latest,target=/b true\nRUN echo shop:dev\nFROM shop:dev2\n"
    )
    replaced = insert_stages(text, {"shop-base:latest": "x:1", "shop:dev": "y:2"}, {})
    assert replaced == (
        "FROM --platform=linux/amd64 x:1 AS one\nfrom y:2\nCOPY --from=y:2 /a /a\n"
        "RUN --mount=type=bind,from=x:1,target=/b true\nRUN echo shop:dev\nFROM shop:dev2\n"
    )
    assert insert_stages("FROM docker.io/library/alpine\n", {"alpine:latest": "x:1"}, {}) == "FROM x:1\n"
