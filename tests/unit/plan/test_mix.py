"""A mix of requests, as it is written on the command line."""

import pytest

from harness.errors import UsageError
from harness.plan import parse_mix

KNOWN = ("GET /a", "POST /b", "GET /items?page=1", "GET /x,y=2", "log in")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("GET /a=3,POST /b=1", [("GET /a", 3), ("POST /b", 1)]),
        (" GET /a = 3 , POST /b = 0.5 ", [("GET /a", 3), ("POST /b", 0.5)]),
        ("/a=60%,/b=40%", [("/a", 60), ("/b", 40)]),
        ("GET /items?page=1=2,log in=1", [("GET /items?page=1", 2), ("log in", 1)]),
        ("GET /x,y=2=5,/x,y=2=1", [("GET /x,y=2", 5), ("/x,y=2", 1)]),
        ("GET /unknown?q=z=4", [("GET /unknown?q=z", 4)]),
        ("GET /a=1,POST /b=0", [("GET /a", 1), ("POST /b", 0)]),
    ],
)
def test_names_and_weights_are_read(text: str, parts: list[tuple[str, float]]) -> None:
    assert parse_mix(text, KNOWN) == parts


@pytest.mark.parametrize("text", ["GET /a", "GET /a=", "GET /a=-1", "GET /a=x", "GET /a=1e9"])
def test_what_is_no_mix_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError, match="is not a mix of requests") as refused:
        parse_mix(text, KNOWN)
    assert "GET /item=3, POST /cart=1" in str(refused.value)


@pytest.mark.parametrize("text", ["", "GET /a=0", "GET /a=0%,POST /b=0%"])
def test_a_mix_without_requests_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="asks for no requests"):
        parse_mix(text, KNOWN)


def test_per_cent_and_plain_weights_can_not_be_mixed() -> None:
    with pytest.raises(UsageError, match="with % and without"):
        parse_mix("GET /a=3,POST /b=40%", KNOWN)


@pytest.mark.parametrize("text", ["/a=30%,/b=30%", "/a=60%,/b=41.5%", "/a=300%"])
def test_shares_that_are_not_a_whole_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="and not to 100%"):
        parse_mix(text, KNOWN)


def test_shares_may_be_rounded() -> None:
    assert len(parse_mix("/a=33.3%,/b=33.3%,log in=33.3%", KNOWN)) == 3
