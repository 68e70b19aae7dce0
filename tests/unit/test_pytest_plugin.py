"""The mark `capacity` of pytest: what fails a test, what is an error or skipped, and what it costs unused."""

import sys
import textwrap
import tomllib
from pathlib import Path

import pytest

# numpy can't be loaded twice in a process, which pytester would do to all that its runs import first
import harness.campaign
import harness.cli
import harness.plan.loader
import harness.report  # noqa: F401
from harness.pytest_plugin import build_matrix

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[2]
LOCUSTFILE = """
from locust import HttpUser, task

class Visitor(HttpUser):
    @task
    def look(self):
        self.client.get("/")
"""
TARGET = '{"name": "shop", "image": "shop:1.4", "port": 8000}'
FAKE = """
import sys
sys.path.insert(0, {root!r})
from tests.fakes import Service
from tests.unit.campaign.fake_campaign import FakeCampaign

def pytest_capacity_measure(config, plan):
    folder = config.rootpath / "results"
    folder.mkdir()
    campaign = FakeCampaign(folder, plan, Service(cpu_s={cpu_s}))
    return campaign.measure(), campaign.folder.path
"""


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("DOCKER_CONTEXT", "no-such-context-anywhere")
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    pytester.makefile(".py", locustfile=LOCUSTFILE)
    return pytester


def run(project: pytest.Pytester, mark: str, *options: str, body: str = "pass") -> pytest.RunResult:
    test = f"""
    import pytest

    @pytest.mark.capacity({mark})
    def test_shop():
        {body}
    """
    project.makepyfile(test_shop=textwrap.dedent(test))
    return project.runpytest("-p", "harness.pytest_plugin", "-p", "no:cacheprovider", *options)


SMALL = (
    f'users=20, cpus=0.5, memory="256MiB", target={TARGET}, locustfile="locustfile.py", '
    'search={"soak": "0s"}'
)


def test_a_target_that_sustains_its_users_lets_the_test_run(project: pytest.Pytester) -> None:
    project.makeconftest(FAKE.format(root=str(ROOT), cpu_s=0.006))
    result = run(project, SMALL, "-s", body="print('the body', 'ran')")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*the body ran*"])


def test_a_target_that_is_too_small_fails_the_test_with_the_sentence_of_the_answer(
    project: pytest.Pytester,
) -> None:
    project.makeconftest(FAKE.format(root=str(ROOT), cpu_s=0.5))
    result = run(project, SMALL, body="print('the body', 'ran')")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "NOT MET: users >= 20 at cpus <= 0.5 and memory <= 256MiB: 0.5 CPU / 256 MiB*",
            "*report.html",
        ]
    )
    result.stdout.no_fnmatch_line("*the body ran*")
    result.stdout.no_fnmatch_line("*Traceback*")


def test_without_an_engine_the_test_is_an_error_and_no_failure(project: pytest.Pytester) -> None:
    result = run(project, SMALL)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["capacity was not measured: *no-such-context-anywhere*"])


def test_a_test_is_skipped_only_if_that_is_asked_for(project: pytest.Pytester) -> None:
    result = run(project, SMALL, "--capacity=off", "-rs")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["*capacity is not measured (--capacity=off)*"])


@pytest.mark.parametrize(
    ("mark", "words"),
    [
        ("", "missing 4 required positional arguments"),
        ('users=20, cpus=1, memory="1GiB", target="gone"', "gone"),
        (f'users=20, cpus=1, memory="1", target={TARGET}, locustfile="locustfile.py"', "memory"),
        (SMALL + ', slos={"p95": "quick"}', "p95"),
        (SMALL + ", limits={}", "says limits twice"),
        (SMALL + ", nonsense=1", "nonsense"),
    ],
)
def test_a_mark_with_a_mistake_is_an_error_that_names_it(
    project: pytest.Pytester, mark: str, words: str
) -> None:
    result = run(project, mark)
    result.assert_outcomes(errors=1)
    assert words in result.stdout.str()
    assert "Traceback" not in result.stdout.str()


def test_every_mark_of_a_test_is_measured_also_those_of_its_class(project: pytest.Pytester) -> None:
    project.makeconftest(
        """
        def pytest_capacity_measure(config, plan):
            from harness.errors import EngineError
            print("asked for", plan.users_limit)
            raise EngineError("no engine")
        """
    )
    project.makepyfile(
        test_shop=f"""
        import unittest
        import pytest

        @pytest.mark.capacity({SMALL})
        class TestShop(unittest.TestCase):
            def test_shop(self):
                pass
        """
    )
    result = project.runpytest("-p", "harness.pytest_plugin", "-p", "no:cacheprovider")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["capacity was not measured: no engine", "*", "asked for 20"])


def test_the_mark_and_the_options_are_registered(project: pytest.Pytester) -> None:
    result = project.runpytest("-p", "harness.pytest_plugin", "--markers")
    result.stdout.fnmatch_lines(["@pytest.mark.capacity(users, cpus, memory, target, *"])
    result = project.runpytest("-p", "harness.pytest_plugin", "--help")
    result.stdout.fnmatch_lines(["*--capacity={on,off}*", "*--capacity-results=DIR*"])


def test_an_unused_plugin_imports_nothing_that_measures(project: pytest.Pytester) -> None:
    project.makepyfile(
        test_other="""
        import sys

        def test_other():
            heavy = {"docker", "numpy", "pydantic", "jinja2", "typer", "psutil", "locust", "gevent"}
            assert not heavy & set(sys.modules)
        """
    )
    result = project.run(
        *(sys.executable, "-m", "pytest", "-p", "harness.pytest_plugin", "-p", "no:cacheprovider", "-q")
    )
    result.assert_outcomes(passed=1)


def test_pytest_finds_the_plugin_of_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["pytest11"] == {"capacity": "harness.pytest_plugin"}


def test_the_matrix_of_a_mark_has_one_size_and_asks_only_for_its_users() -> None:
    assert build_matrix(400, 1, "256MiB", "targets/web", "locustfile.py", 20, slos={"p95": "1s"}) == {
        "slos": {"p95": "1s"},
        "target": "targets/web",
        "users": {"limit": 400, "required": 400, "spawn_rate": 20},
        "limits": {"cpus": 1, "memory": "256MiB"},
        "scenario": {"locustfile": "locustfile.py"},
    }
