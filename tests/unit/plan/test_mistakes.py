"""Every mistake gets one line: the file, the place, the key, and what to write instead."""

# ruff: noqa: E501 - a message stays one line, as people see it

import pytest

from harness.errors import InputError
from harness.plan import load_plan
from tests.unit.plan.project import Project

SIZES = "sizes: {s: {cpus: 1, memory: 64m}}\n"
MATRIX = "target: targets/web\n" + SIZES
TARGET = "build: {context: .}\nport: 80\n"
POWERS = "write 512MiB, 512m or 0.5g (Docker's meaning: powers of two)"
NAMES = "write lower-case letters, digits, _ . and -, a letter or a digit first, at most 63"

IN_THE_MATRIX = {
    # text of matrix.yaml: what follows "matrix.yaml:"
    "": " is empty; write at least target: and limits:",
    "# only a comment\n": " is empty; write at least target: and limits:",
    "- a\n": "1:1: this must be a mapping of keys, such as target: targets/web",
    "just text": "1:1: this must be a mapping of keys, such as target: targets/web",
    MATRIX
    + "a: [1\n": "4:1: not YAML: while parsing a flow sequence expected ',' or ']', but got '<stream end>'",
    MATRIX + "users:\n\tlimit: 1\n": (
        "4:1: not YAML: while scanning for the next token found character '\\t' that cannot start any token"
        "; indent with spaces, not tabs"
    ),
    MATRIX
    + "a: 1\n--- \nb: 2\n": "4:1: not YAML: expected a single document in the stream but found another document",
    MATRIX
    + "repetitions: 1\nrepetitions: 2\n": '4:1: "repetitions" is given twice (first in line 3); keep one',
    MATRIX + "users: {limit: 1, limit: 2}\n": '3:19: "limit" is given twice (first in line 3); keep one',
    MATRIX
    + "users: &a {limit: 1}\nsteps: *a\n": "3:8: anchors and aliases (&name, *name) are not supported; write the value out",
    MATRIX + "x: " + "[" * 40: "3:27: nested deeper than 24 levels; nothing here needs that",
    MATRIX + "users: {limit: !!python/name:os.system x}\n": (
        "3:16: users.limit: the tag tag:yaml.org,2002:python/name:os.system is not supported; write plain YAML"
    ),
    MATRIX
    + "repetitions: .nan\n": "3:14: repetitions: .nan is not a number to measure with; write a finite one",
    MATRIX + "repetitions: 1e999\n": "3:14: repetitions: 1e999 is too large; write a number up to 10^15",
    MATRIX
    + f"repetitions: {'9' * 5000}\n": "3:14: repetitions: this number has more than 40 digits; write a shorter one",
    MATRIX + 'scenario: {users: "a\\0b"}\n': (
        "3:19: scenario.users: holds a control character; write plain text"
    ),
    MATRIX + "? [a]\n: 1\n": "3:3: a key must be plain text",
    MATRIX + "usrs: {}\n": '3:1: unknown key "usrs"; did you mean "users"?',
    MATRIX + "users:\n  limt: 3\n": '4:3: users: unknown key "limt"; did you mean "limit"?',
    MATRIX
    + "users: {colour: 3}\n": '3:9: users: unknown key "colour"; known here: headroom, limit, required, spawn_rate',
    MATRIX + "users: 3\n": "3:8: users: 3 is not a mapping; write keys with values, as in {key: value}",
    MATRIX + "users: {limit: 0}\n": "3:16: users.limit: 0 is out of range; write 1 or more",
    MATRIX + "users: {limit: 1000001}\n": "3:16: users.limit: 1000001 is out of range; write at most 1000000",
    MATRIX
    + "users: {limit: true}\n": "3:16: users.limit: true is not a whole number; write it plainly, such as 10",
    MATRIX
    + "users: {limit: '5'}\n": '3:16: users.limit: "5" is not a whole number; write it plainly, such as 10',
    MATRIX + "users: {spawn_rate: 0}\n": "3:21: users.spawn_rate: 0 is out of range; write a number above 0",
    MATRIX
    + "users: {spawn_rate: fast}\n": '3:21: users.spawn_rate: "fast" is not a number; write it plainly, such as 10',
    MATRIX
    + "repetitions: 1.5\n": "3:14: repetitions: 1.5 is not a whole number; write it plainly, such as 10",
    MATRIX
    + "exclude: {cpus: 1}\n": "3:10: exclude: a mapping is not a list; write each item on its own line after a -, or [a, b]",
    MATRIX + "price: {gb_hour: 1, gib_hour: 1}\n": (
        "3:8: price: names gib_hour and its old name gb_hour; keep gib_hour"
    ),
    MATRIX + "price: {disk: 1}\n": (
        '3:9: price: unknown key "disk"; known here: cpu_hour, currency, gib_hour'
    ),
    MATRIX + "load: {image: locust:2}\n": (
        "3:7: load: image is only for workers on engines; name the engines, such as "
        "engines: [ssh://me@load-1], or drop image"
    ),
    MATRIX + "scenario: {arguments: [--users=4]}\n": (
        '3:23: scenario.arguments: "--users" is set by the harness; write only options that the locustfile '
        "adds itself (users, tags and files have keys of their own)"
    ),
    MATRIX + "exclude: [{}]\n": "3:11: exclude: names nothing to exclude; write cpus, memory or replicas",
    MATRIX
    + "exclude: [{cpus: 3}]\n": "3:11: exclude: matches no size of limits; write values that are listed there, or drop the rule",
    MATRIX
    + "include: [{cpus: 2}]\n": '3:11: include: missing key "memory"; write amounts, such as memory: [256MiB, 512MiB]',
    MATRIX + "include: [{cpus: 1, memory: 64MiB}]\n": (
        "2:12: sizes.s: the size of 1.00 cores and 64MiB is there already, in include; keep one"
    ),
    MATRIX
    + "limits: {cpus: [], memory: 64m}\n": "3:16: limits.cpus: is an empty list; give at least one value",
    MATRIX + "limits: {cpus: [2, 2.0], memory: 64m}\n": "3:20: limits.cpus: 2.00 is listed twice; keep one",
    MATRIX
    + "limits: {cpus: 2, memory: [1g, 1024m]}\n": "3:32: limits.memory: 1024MiB is listed twice; keep one",
    MATRIX
    + "limits:\n  cpus: 2\n  memory: 512 mb\n": f'5:11: limits.memory: "512 mb" is not an amount of memory; {POWERS}',
    MATRIX
    + "limits: {cpus: 500m, memory: 1g}\n": '3:16: limits.cpus: "500m" is not a number of cores; write 0.5',
    MATRIX + "repetitions: 100\nlimits: {cpus: [" + ", ".join(map(str, range(1, 102))) + "], memory: 1g}\n": (
        "4:9: limits: makes more than 10000 cells; write fewer values"
    ),
    "target: targets/web\n": "1:1: no size to measure; write limits: {cpus: [0.5, 1], memory: [256MiB]} or sizes:",
    "target: targets/web\nlimits: {cpus: 1, memory: 1g}\nexclude: [{cpus: 1}]\n": "3:10: exclude: excludes every size; keep at least one",
    "target: targets/web\nsizes: {a: {cpus: 1, memory: 1g}, b: {cpus: 1.0, memory: 1024m}}\n": (
        '2:38: sizes.b: the size of 1.00 cores and 1024MiB is there already, named "a"; keep one'
    ),
    "target: targets/web\nsizes: {../x: {cpus: 1, memory: 1g}}\n": f'2:9: sizes: "../x" can\'t be a name; {NAMES}',
    MATRIX
    + "slos: {p95: 1 sec}\n": '3:13: slos.p95: "1 sec" is not a duration; write 250ms, 1.5s or a plain number of seconds',
    MATRIX
    + "slos: {p95: 0s}\n": '3:13: slos.p95: "0s" leaves no time to answer; write a duration such as 500ms',
    MATRIX + "slos: {eror: 1%}\n": '3:8: slos: unknown indicator "eror"; did you mean "errors"?',
    MATRIX + "slos: {p100: 1s}\n": '3:8: slos: "p100" is not measured; write a percentile from p50 to p99.9',
    MATRIX + "slos: {p0: 1s}\n": '3:8: slos: "p0" is not how a percentile is written; write p95 or p99.9',
    MATRIX
    + "slos: {errors: 1}\n": '3:16: slos.errors: 1 could mean two things; write "1%" or a number below 1',
    MATRIX
    + "slos: {errors: 101%}\n": '3:16: slos.errors: "101%" is out of range; write a ratio up to "100%"',
    MATRIX
    + "slos: {p95: off, errors: off, shortfall: off}\n": "3:7: slos: no SLO is left, any load would pass; keep at least one",
    MATRIX + "slos: [p95]\n": "3:7: slos: a list is not a mapping; write p95: 1s, errors: 1%",
    MATRIX + "slos: {by_name: {/a b: {p9: 1s}}}\n": (
        '3:25: slos.by_name."/a b": "p9" is not measured; write a percentile from p50 to p99.9'
    ),
    MATRIX + "slos: {by_name: {/a: {drift: 1%}}}\n": (
        '3:30: slos.by_name."/a".drift: drift describes the whole scenario; move it out of by_name'
    ),
    MATRIX + "steps: {window: {at_least: 30s, at_most: 20s}}\n": (
        "3:17: steps.window: at_most (20s) is less than at_least (30s); write at_most: 30s or more"
    ),
    MATRIX
    + "search: {precision: 0.1%}\n": '3:21: search.precision: 0.1% is out of range; write a precision from "0.5%" to "50%"',
    MATRIX + "search: {elsewhere: 3%}\n": (
        "3:9: search: elsewhere (3%) is finer than precision (5%); write elsewhere: 5% for the same precision of "
        "all sizes, or more"
    ),
    MATRIX
    + "search: {strategy: guess}\n": "3:20: search.strategy: \"guess\" is not known; write 'predict', 'bisect' or 'ladder'",
    MATRIX + "search: {soak: 500ms}\n": (
        "3:9: search: soak is under 1s, too short for a verdict; write 1s or more, or 0s for no soak"
    ),
    MATRIX
    + "users: {limit: 20}\nsearch: {first_users: 21}\n": "4:23: search.first_users: 21 is more than users.limit (20); write 20 or less",
    MATRIX + "scenario: {locustfile: targets/web/locustfle.py}\n": (
        '3:24: scenario.locustfile: no locustfile "targets/web/locustfle.py"; did you mean "targets/web/locustfile.py"?'
    ),
    MATRIX
    + "scenario: {locustfile: old}\n": '3:24: scenario.locustfile: the folder "old" holds no Python file; write a locustfile',
    MATRIX
    + "scenario: {locustfile: https://example.org/a.py}\n": '3:24: scenario.locustfile: "https://example.org/a.py" is an address; write the path of a file here',
    MATRIX
    + "scenario: {locustfile: targets/web/Dockerfile}\n": '3:24: scenario.locustfile: Locust loads only files that end in .py; rename "targets/web/Dockerfile"',
    MATRIX
    + "scenario: {folder: target}\n": '3:20: scenario.folder: no folder "target"; did you mean "targets"?',
    MATRIX
    + "scenario: {base: api}\n": '3:18: scenario.base: "api" is not a path on the target; write one such as "/healthz"',
    MATRIX
    + "scenario: {locustfile: [a.py, ./a.py]}\n": "3:31: scenario.locustfile: this file is listed twice; keep one",
    SIZES: '1:1: target: missing key "target"; write the folder that holds target.yaml, such as target: targets/web',
    SIZES
    + "target: 3\n": "2:9: target: 3 is neither a folder nor a mapping; write the folder that holds target.yaml, such as target: targets/web",
    SIZES + "target: targets/wbe\n": '2:9: target: no folder "targets/wbe"; did you mean "targets/web"?',
    SIZES
    + "target: targets/web/target.yaml\n": '2:9: target: "targets/web/target.yaml" is a file; write the folder that holds it',
    SIZES + "target: targets\n": '2:9: target: "targets" holds no target.yaml; write one there',
    SIZES + "target: old\n": '2:9: target: "old" holds target.yml; rename it to target.yaml',
    SIZES + "target: {image: a, port: 80}\nscenario: {locustfile: a.py}\n": (
        '2:9: target: missing key "name"; a target given inline needs one, such as name: web'
    ),
    SIZES + "target: {name: a, image: a, port: 80}\n": (
        "2:9: target: a target given inline needs a scenario; write scenario: {locustfile: locustfile.py}"
    ),
    SIZES + "target: {name: ../a, image: a, port: 80}\nscenario: {locustfile: a.py}\n": (
        f'2:16: target.name: "../a" can\'t be a name; {NAMES}'
    ),
}

IN_THE_TARGET = {
    "build: {context: .}\n": '1:1: missing key "port"; write the port inside the container, such as port: 8000',
    "port: 80\n": "1:1: names nothing to run; write build: {context: .} or image: nginx:1.27",
    TARGET + "image: nginx\n": "3:8: image: image and build are both given; keep one",
    TARGET + "prot: 80\n": '3:1: unknown key "prot"; did you mean "port"?',
    TARGET + "host_port: 0\n": "3:12: host_port: 0 is out of range; write 1 or more",
    TARGET + "host_port: 65536\n": "3:12: host_port: 65536 is out of range; write at most 65535",
    TARGET + "name: Web\n": f'3:7: name: "Web" can\'t be a name; {NAMES}',
    TARGET
    + "ready: {http: healthz}\n": '3:15: ready.http: "healthz" is not a path on the target; write one such as "/healthz"',
    TARGET + "ready: {http: /, tcp: true}\n": "3:8: ready: asks for http and tcp at once; keep one of them",
    TARGET + "ready: {status: 99}\n": "3:17: ready.status: 99 is out of range; write 100 or more",
    TARGET + "ready: {within: 0}\n": "3:8: ready: within is 0s; give the target some time, such as 60s",
    TARGET + "ready: {tcp: 1}\n": "3:14: ready.tcp: 1 is neither true nor false; write true or false",
    TARGET + "environment: {A: 1.10}\n": '3:18: environment.A: 1.10 is not text; write "1.10"',
    TARGET
    + "environment: {a b: x}\n": '3:15: environment: "a b" can\'t name a variable; write it without = and spaces: LOG_LEVEL',
    TARGET
    + "environment: {A: '${GONE}'}\n": "3:18: environment.A: ${GONE} is not set in your environment; export GONE=… and try again",
    TARGET
    + "environment: {A: '${B:-c}'}\n": "3:18: environment.A: ${ begins a reference; write ${NAME}, or $${ for a plain ${",
    TARGET + "command: run it 'a b'\n": (
        '3:10: command: a command is a list, no shell reads it; write ["run", "it", "a b"]'
    ),
    TARGET + "ready: {command: []}\n": "3:18: ready.command: is an empty list; give at least one value",
    "port: 80\nimage: a b\n": '2:8: image: "a b" is not an image; write one such as nginx:1.27',
    "port: 80\nbuild: .\n": '2:8: build: "." is not a mapping; write keys with values, as in {key: value}',
    "port: 80\nbuild: {context: src}\n": "2:18: build.context: no folder targets/web/src; write the one to build from",
    "port: 80\nbuild: {dockerfile: Dockerfil}\n": (
        '2:21: build.dockerfile: no file targets/web/Dockerfil; did you mean "Dockerfile"?'
    ),
}

IN_THE_LOCUSTFILE = {
    "def f(:\n": "1:7: the scenario is not Python: invalid syntax",
    "x = 1\nreturn x\n": "2:1: the scenario is not Python: 'return' outside function",
    "if x:\n  a\n b\n": "3:3: the scenario is not Python: unindent does not match any outer indentation level",
}


@pytest.mark.parametrize(("text", "message"), IN_THE_MATRIX.items())
def test_a_mistake_in_the_matrix_is_named_with_its_place(project: Project, text: str, message: str) -> None:
    project.write({"matrix.yaml": text, "a.py": "", "old/target.yml": ""})
    assert project.find_mistakes() == [f"matrix.yaml:{message}"]


@pytest.mark.parametrize(("text", "message"), IN_THE_TARGET.items())
def test_a_mistake_in_the_target_is_named_with_its_place(project: Project, text: str, message: str) -> None:
    project.write({"targets/web/target.yaml": text})
    assert project.find_mistakes() == [f"targets/web/target.yaml:{message}"]


@pytest.mark.parametrize(("text", "message"), IN_THE_LOCUSTFILE.items())
def test_a_locustfile_that_is_not_python_is_named_with_the_place_in_it(
    project: Project, text: str, message: str
) -> None:
    project.write({"targets/web/locustfile.py": text})
    assert project.find_mistakes() == [f"targets/web/locustfile.py:{message}"]


def test_the_mistakes_of_all_files_come_at_once_in_order(project: Project) -> None:
    project.write(
        {
            "matrix.yaml": "target: targets/web\nusrs: 1\nlimits: {cpus: 0, memory: 1GB}\nslos: {p95: 1x}\n",
            "targets/web/target.yaml": "port: 0\nbuild: {}\n",
            "targets/web/Dockerfile": None,
            "targets/web/locustfile.py": "(",
        }
    )
    assert project.find_mistakes() == [
        'matrix.yaml:2:1: unknown key "usrs"; did you mean "users"?',
        "matrix.yaml:3:16: limits.cpus: 0 cores is out of range; write a number from 0.01 to 4096",
        'matrix.yaml:3:27: limits.memory: "1GB" is not an amount of memory; write 1GiB or 1g (Docker\'s meaning: powers of two)',
        'matrix.yaml:4:13: slos.p95: "1x" is not a duration; write 250ms, 1.5s or a plain number of seconds',
        "targets/web/locustfile.py:1:1: the scenario is not Python: '(' was never closed",
        "targets/web/target.yaml:1:7: port: 0 is out of range; write 1 or more",
        "targets/web/target.yaml:2:8: build.dockerfile: no file targets/web/Dockerfile",
    ]


def test_a_byte_that_is_not_utf8_is_named_with_its_place(project: Project) -> None:
    project.write({"matrix.yaml": b"target: web\n# caf\xe9\n"})
    assert project.find_mistakes() == ["matrix.yaml:2:6: byte 0xe9 is not UTF-8; save the file as UTF-8"]


def test_a_file_over_one_mebibyte_is_refused(project: Project) -> None:
    project.write({"matrix.yaml": "#" * (1024 * 1024 + 1)})
    assert project.find_mistakes() == ["matrix.yaml: is larger than 1 MiB; is it the right file?"]


def test_a_missing_locustfile_of_the_target_is_named_at_the_target(project: Project) -> None:
    project.write({"targets/web/locustfile.py": None})
    assert project.find_mistakes() == ['matrix.yaml:1:9: target: no locustfile "targets/web/locustfile.py"']


def test_a_missing_matrix_is_named_with_the_nearest_file(project: Project) -> None:
    with pytest.raises(InputError) as caught:
        load_plan(project.folder / "matrx.yaml")
    assert str(caught.value) == 'matrx.yaml: no such file; did you mean "matrix.yaml"?'


def test_a_file_outside_the_current_directory_is_named_in_full(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project.folder / "targets")
    project.write({"matrix.yaml": ""})
    assert project.find_mistakes() == [
        f"{project.folder}/matrix.yaml: is empty; write at least target: and limits:"
    ]


def test_at_most_fifty_mistakes_are_reported(project: Project) -> None:
    repeated = "include:\n" + "- {cpus: 1, memory: 64m}\n" * 60
    project.write({"matrix.yaml": MATRIX + repeated + "".join(f"key_{number}: 1\n" for number in range(60))})
    assert len(project.find_mistakes()) == 50
