"""A Dockerfile's port, HEALTHCHECK, images and builder are those that Docker would find."""

import pytest

from harness.plan.dockerfile import (
    choose_port,
    find_base,
    find_images,
    needs_buildkit,
    parse_dockerfile,
    read_dockerfile,
)


@pytest.mark.parametrize(
    ("text", "port"),
    [
        ("FROM x\nEXPOSE 8080/tcp\n", 8080),
        ("from x\nexpose 5000\n", 5000),
        ("FROM x\nEXPOSE 8080/TCP\n", 8080),
        ("FROM x\nEXPOSE 80:8080\n", 8080),
        ("FROM x\nEXPOSE 53/udp 8080/tcp\n", 8080),
        ("FROM x\nEXPOSE 53/UDP\n", None),
        ("FROM x\nEXPOSE 22 8000-8010\n", 8000),
        ("FROM x\nEXPOSE 22\n", None),
        ("FROM x\nEXPOSE 9229 3000\n", 3000),
        ("FROM x\nEXPOSE 443\nEXPOSE 80\n", 80),
        ("FROM x\nEXPOSE 443\n", 443),
        ("FROM x\nEXPOSE 8080\nEXPOSE 9090 8125/udp\n", 8080),
        ('FROM x\nEXPOSE ["80"]\n', None),
        ('FROM x\nEXPOSE "80"\n', 80),
        ("FROM x\nONBUILD EXPOSE 80\n", None),
        ("FROM x\n", None),
        ("", None),
    ],
)
def test_the_port_is_the_first_tcp_port_that_is_not_that_of_ssh(text: str, port: int | None) -> None:
    assert read_dockerfile(text) == (port, False)


@pytest.mark.parametrize(
    ("lines", "port"),
    [
        ("ENV PORT=8080\nEXPOSE ${PORT}", 8080),
        ("ENV PORT 8080\nEXPOSE $PORT/tcp", 8080),
        ('ENV HOST="0.0.0.0" PORT="8080"\nEXPOSE $PORT', 8080),
        ("ARG PORT=3000\nEXPOSE $PORT", 3000),
        ("ARG PORT=3000\nENV PORT=4000\nEXPOSE $PORT", 4000),
        ("ENV PORT=4000\nARG PORT=3000\nEXPOSE $PORT", 4000),
        ("ARG PORT\nEXPOSE ${PORT:-7000}", 7000),
        ("ENV A=1\nEXPOSE ${A:+9000}", 9000),
        ("ENV BASE=80\nENV PORT=${BASE}80\nEXPOSE $PORT", 8080),
        ("EXPOSE $UNKNOWN", None),
        ("EXPOSE ${UNKNOWN:-${OTHER:-81}}", 81),
        ("ENV P=8080/tcp\nEXPOSE ${P%/*}", 8080),
        ("ENV P=a.b.8080\nEXPOSE ${P##*.}", 8080),
        ("ENV P=a.b.8080\nEXPOSE ${P#*.}", None),
        ("ENV P=80x80\nEXPOSE ${P//x/}", 8080),
    ],
)
def test_variables_in_a_port_have_the_values_of_env_and_arg(lines: str, port: int | None) -> None:
    assert read_dockerfile(f"FROM x\n{lines}\n") == (port, False)


def test_an_argument_before_the_first_stage_counts_only_where_a_stage_declares_it() -> None:
    assert read_dockerfile("ARG PORT=81\nFROM x\nARG PORT\nEXPOSE $PORT\n") == (81, False)
    assert read_dockerfile("ARG PORT=81\nFROM x\nEXPOSE $PORT\n") == (None, False)


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("FROM x\nEXPOSE 80\nHEALTHCHECK CMD curl -f localhost\n", (80, True)),
        ("FROM x\nEXPOSE 80\nhealthcheck --interval=5s \\\n  cmd true\n", (80, True)),
        ("FROM x\nHEALTHCHECK NONE\nEXPOSE 80\n", (80, False)),
        ("FROM x\nHEALTHCHECK CMD true\nHEALTHCHECK none\nEXPOSE 80\n", (80, False)),
        ("FROM a AS build\nHEALTHCHECK CMD true\nEXPOSE 9999\nFROM b\nEXPOSE 80\n", (80, False)),
        ("FROM a AS Base\nHEALTHCHECK CMD true\nENV P=81\nFROM base\nEXPOSE $P\n", (81, True)),
        ("FROM a AS base\nEXPOSE 80\nFROM b AS other\nEXPOSE 81\nFROM base\n", (80, False)),
        ("FROM a AS base\nEXPOSE 80\nFROM base\nEXPOSE 81\n", (81, False)),
        ("FROM a AS base\nEXPOSE 80\nFROM base\nEXPOSE 82\nEXPOSE 81\n", (82, False)),
        ("FROM a AS base\nONBUILD EXPOSE 80\nONBUILD HEALTHCHECK CMD true\nFROM base\n", (80, True)),
        ("ARG END=two\nFROM a AS one\nEXPOSE 1\nFROM b AS two\nEXPOSE 2\nFROM $END\n", (2, False)),
    ],
)
def test_only_the_last_stage_and_those_that_it_starts_from_count(
    text: str, facts: tuple[int | None, bool]
) -> None:
    assert read_dockerfile(text) == facts


def test_a_stage_that_is_named_and_arguments_that_are_given_count() -> None:
    text = "ARG BASE=a\nFROM $BASE AS dev\nARG PORT=3000\nEXPOSE $PORT\nFROM dev AS prod\nEXPOSE 80\n"
    assert read_dockerfile(text, {"PORT": "4000"}, "dev") == (4000, False)
    assert read_dockerfile(text, {"PORT": "4000"}, "Prod") == (80, False)
    assert read_dockerfile(text, {}) == (80, False)


def test_the_image_that_a_stage_begins_with_is_found_through_the_stages_before() -> None:
    text = 'ARG BASE=postgres:16\nFROM $BASE AS db\nCMD ["postgres"]\nFROM tools\nFROM db\nENTRYPOINT start\n'
    assert find_base(text, {}) == ("postgres:16", '["postgres"] start')
    assert find_base(text, {"BASE": "mysql"}, "db") == ("mysql", '["postgres"]')
    assert find_base(text, {}, "1") == ("tools", "")
    assert find_base("", {}) == ("", "")


@pytest.mark.parametrize(
    "text",
    [
        "FROM x\nEXPOSE \\\n  8080\n",
        "FROM x\nEXPOSE \\ \n# a comment between\n\n  8080\n",
        "FROM x\r\nEXPOSE \\\r\n  8080\r\n",
        "\ufeffFROM x\n\tEXPOSE\t8080\n",
        "# escape=`\nFROM x\nEXPOSE `\n22\nRUN dir c:\\\nEXPOSE 8080\n",
        "FROM x\nRUN <<E\nEXPOSE 7\nE\nEXPOSE 8080\n",
        "FROM x\nRUN python3 <<-'END' > /x && cat <<\"TWO\"\nEXPOSE 7\n\tEND\nEXPOSE 6\nTWO\nEXPOSE 8080\n",
        "FROM x\nCOPY <<a.conf <<b.conf /etc/\nEXPOSE 1\na.conf\nEXPOSE 2\nb.conf\nEXPOSE 8080\n",
        "FROM x\nRUN cat <<< EXPOSE\nEXPOSE 8080\n",
        "FROM x\nRUN echo 1 << 2\nEXPOSE 8080\n",
        'FROM x\nRUN echo "a <<E b"\nEXPOSE 8080\n',
        "# EXPOSE 1\nFROM x\n # EXPOSE 2\nEXPOSE 8080 \n#EXPOSE 3",
    ],
)
def test_lines_are_joined_and_skipped_as_docker_does(text: str) -> None:
    assert read_dockerfile(text) == (8080, False)


def test_a_directive_counts_only_before_everything_else() -> None:
    assert parse_dockerfile("# syntax = docker/dockerfile:1\n# escape=`\nFROM x\n").escape == "`"
    assert parse_dockerfile("# Syntax=docker/dockerfile:1\nFROM x\n").syntax == "docker/dockerfile:1"
    assert parse_dockerfile("# a comment\n# syntax=docker/dockerfile:1\nFROM x\n").syntax is None
    assert parse_dockerfile("\n# escape=`\nFROM x\n").escape == "\\"


@pytest.mark.parametrize(
    ("ports", "port"),
    [(["53/udp", "8080/tcp"], 8080), (["22/tcp"], None), (["70000"], None), (["0"], None), ([], None)],
)
def test_a_port_is_chosen_among_those_of_an_image(ports: list[str], port: int | None) -> None:
    assert choose_port(ports) == port


@pytest.mark.parametrize(
    ("text", "args", "images"),
    [
        ("FROM debian:12\n", {}, ["debian:12"]),
        ("ARG BASE=debian:12\nFROM ${BASE}\n", {}, ["debian:12"]),
        ("ARG BASE=debian:12\nFROM $BASE\n", {"BASE": "mine:1"}, ["mine:1"]),
        ("ARG V=12\nARG BASE=debian:$V\nFROM $BASE\n", {"V": "13"}, ["debian:13"]),
        ("FROM ${BASE:-debian:12}\n", {}, ["debian:12"]),
        ("FROM --platform=linux/amd64 a AS build\nFROM b\nFROM build\nFROM scratch\n", {}, ["a", "b"]),
        ("from a as one\nFROM a\n", {}, ["a"]),
        ("FROM ${UNKNOWN}\n", {}, []),
        (
            "FROM a AS x\nFROM b\nCOPY --from=x / /\nCOPY --from=0 / /\nCOPY --from=c:1 / /\n",
            {},
            ["a", "b", "c:1"],
        ),
        (
            "FROM a\nRUN --mount=type=bind,from=d,target=/d ls\nRUN --mount=type=cache,target=/c ls\n",
            {},
            ["a", "d"],
        ),
        ("FROM a\nRUN <<E\nFROM b\nE\n", {}, ["a"]),
    ],
)
def test_the_images_of_a_build_are_found(text: str, args: dict[str, str], images: list[str]) -> None:
    assert find_images(parse_dockerfile(text), args) == images


def test_images_of_stages_after_the_target_are_left_out() -> None:
    dockerfile = parse_dockerfile("FROM a AS Dev\nFROM b AS prod\nFROM c\n")
    assert find_images(dockerfile, {}, "dev") == ["a"]
    assert find_images(dockerfile, {}, "1") == ["a", "b"]


@pytest.mark.parametrize(
    "line",
    [
        "RUN --mount=type=cache,target=/x apt-get update",
        "RUN --network=none true",
        "COPY --link a /a",
        "COPY --chmod=755 a /a",
        "ADD --checksum=sha256:0 https://x.example/a /a",
        "ADD https://git.example/a.git#v1 /a",
        "ONBUILD RUN --mount=type=secret,id=x true",
        "RUN <<E\ntrue\nE",
        "COPY <<E /x\ntrue\nE",
        "ARG TARGETARCH",
        "HEALTHCHECK --start-interval=1s CMD true",
        "FROM --platform=$BUILDPLATFORM b",
    ],
)
def test_what_only_buildkit_builds_is_known(line: str) -> None:
    assert needs_buildkit(parse_dockerfile(f"FROM a\n{line}\n"))


@pytest.mark.parametrize(
    "text",
    [
        "# syntax=docker/dockerfile:1\nFROM a\n",
        "# syntax=docker.io/docker/dockerfile:1.4\nFROM a\n",
        "FROM --platform=linux/amd64 a AS b\nFROM a\nCOPY --from=b --chown=1:1 / /\n",
        "FROM a\nHEALTHCHECK --interval=5s --timeout=3s --start-period=5s --retries=3 CMD true\n",
        "FROM a\nADD https://x.example/a.tar.gz /a\nRUN echo '<<E' --mount\n",
        'FROM a\nCMD ["--mount=x"]\n',
    ],
)
def test_what_the_classic_builder_builds_needs_no_other(text: str) -> None:
    assert not needs_buildkit(parse_dockerfile(text))


def test_another_frontend_needs_buildkit() -> None:
    assert needs_buildkit(parse_dockerfile("# syntax=example.org/mine:1\nFROM a\n"))


def test_a_name_that_depends_on_the_platform_is_that_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    stages = "FROM one AS base-arm64\nFROM two AS base-amd64\n"
    text = f"{stages}FROM base-${{TARGETARCH}}${{TARGETVARIANT}}\nEXPOSE 80\n"
    assert find_base(text, {}) == ("one", "")
    assert find_images(parse_dockerfile(text), {}) == ["one", "two"]


def test_a_name_that_nobody_knows_is_none_to_look_for() -> None:
    text = "FROM node:${VERSION}\nFROM node:${VERSION:-20}\nCOPY --from=x-${OTHER} /a /a\n"
    assert find_images(parse_dockerfile(text), {}) == ["node:20"]


@pytest.mark.parametrize(
    ("line", "needs"),
    [
        ("ENV MAJOR=${VERSION%%.*}", True),
        ("COPY ${A/b/c} /", True),
        ("RUN echo ${VERSION%%.*}", False),
        ("ENV A=${B:-c}", False),
    ],
)
def test_only_buildkit_cuts_variables(line: str, needs: bool) -> None:
    assert needs_buildkit(parse_dockerfile(f"FROM x\n{line}\n")) is needs
