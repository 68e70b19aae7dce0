"""Whatever the arguments are, a command ends with a documented exit code and a message, never a traceback."""

import gc
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.cli import run_command
from harness.measure import doctor
from tests.builders import make_plan
from tests.examples import count_examples
from tests.fakes import Service
from tests.unit.campaign.fake_campaign import FakeCampaign

CODES = {0, 1, 2, 3}
"""All documented exit codes but that of an interrupt."""

VALUES = (
    *("", " ", "-", "--", "0", "-1", "-0.5", "1", "3.7", "1e3", "1e999", "nan", "inf", "-inf", "1" * 30),
    *("0x10", "1_000", "1,5", "٣", "5%", "-5%", "5 %", "1000%", "1s", "1ms", "1 s", "-1s", "1h1m", "1mib"),
    *("abc", "p95", "p95=1s", "=", "@", "a b", "a\nb", "a\0b", "é", "\ud800", "[red]x", "${HOME}", "a" * 300),
    *("a" * 5000, "../..", "/", "/dev/null", "/proc/self/mem", "~", "*", "results/latest"),
)
SLOS = ("p95=500", "p95=3600s", "mean=1h", "p50=1ms", "p95@/nope=1s", "errors=0%", "drift=1000%", "p99.9=59m")
REQUIREMENTS = (
    "users >= 0",
    "users >= 999999999",
    "users >= 1 at cpus <= 0",
    "users >= 1 at cpus <= 1e3",
    "users >= 1 at memory <= 0",
    "users >= 1 at memory <= 99999999999g",
    "users >= 1 at cpus <= 1 and cpus <= 2",
    "users>=1at cpus<=1",
    "users >= ٣",
    "recovers within 60s",
    "recovers within 1e9s",
    "recovers within -1s at cpus <= 1",
    "memory level",
    "memory level at memory <= 0",
)
PRICES = (
    "cpu_hour=0",
    "cpu_hour=-1",
    "cpu_hour=999999 EUR",
    "gib_hour=nan",
    "cpu_hour=1 EUR, gib_hour=1 USD",
)

READING: tuple[tuple[str, ...], ...] = (
    ("judge", "CAMPAIGN", "--slo", "VALUE"),
    ("size", "CAMPAIGN", "--users", "VALUE"),
    ("size", "CAMPAIGN", "--users", "10", "--headroom", "VALUE"),
    ("size", "CAMPAIGN", "--users", "10", "--price", "VALUE"),
    ("report", "CAMPAIGN", "--price", "VALUE"),
    ("check", "CAMPAIGN", "--require", "VALUE"),
    ("check", "CAMPAIGN", "--require", "users >= 1", "--junit", "VALUE"),
    ("compare", "CAMPAIGN", "CAMPAIGN", "--threshold", "VALUE"),
    ("compare", "CAMPAIGN", "VALUE"),
    ("compare", "VALUE", "CAMPAIGN"),
    ("report", "VALUE"),
    ("judge", "VALUE"),
    ("size", "VALUE", "--users", "10"),
    ("export", "CAMPAIGN", "--as", "VALUE"),
    ("export", "CAMPAIGN", "--as", "kubernetes", "--size", "VALUE"),
    ("export", "CAMPAIGN", "--as", "compose", "--users", "VALUE"),
    ("export", "VALUE", "--as", "kubernetes"),
    ("export", "CAMPAIGN", "--as", "compose", "--output", "VALUE"),
    ("export", "CAMPAIGN", "--as", "parquet", "--output", "VALUE"),
    ("metrics", "VALUE", "--once"),
    ("metrics", "CAMPAIGN", "VALUE", "--once"),
    ("burst", "CAMPAIGN", "--to", "VALUE"),
    ("burst", "CAMPAIGN", "--for", "VALUE"),
    ("burst", "CAMPAIGN", "--size", "VALUE"),
    ("burst", "CAMPAIGN", "--matrix", "VALUE"),
    ("soak", "CAMPAIGN", "--for", "VALUE"),
    ("soak", "CAMPAIGN", "--users", "VALUE"),
    ("soak", "VALUE"),
    ("check", "VALUE", "--require", "users >= 1"),
    ("watch", "VALUE"),
    ("watch", "nowhere", "--port", "VALUE"),
    ("metrics", "CAMPAIGN", "--once", "--port", "VALUE"),
    ("costs", "VALUE"),
    ("costs", "CAMPAIGN", "--size", "VALUE"),
    ("costs", "CAMPAIGN", "--mix", "VALUE"),
    ("size", "CAMPAIGN", "--users", "10", "--growth", "VALUE"),
    ("report", "CAMPAIGN", "--growth", "VALUE"),
    ("report", "CAMPAIGN", "--brief", "--price", "VALUE"),
    ("burst", "CAMPAIGN", "--users", "VALUE"),
    ("soak", "CAMPAIGN", "--size", "VALUE"),
    ("soak", "CAMPAIGN", "--matrix", "VALUE"),
)
STARTING: tuple[tuple[str, ...], ...] = (
    ("plan", "VALUE"),
    ("run", "VALUE"),
    ("run", "matrix.yaml", "--results", "VALUE"),
    ("run", "matrix.yaml", "--resume", "VALUE"),
    ("run", "matrix.yaml", "--for-users", "VALUE"),
    ("ab", "VALUE", "--head", "shop:2"),
    ("ab", "--head", "VALUE"),
    ("ab", "--head", "shop:2", "--for", "VALUE"),
    ("ab", "--head", "shop:2", "--difference", "VALUE"),
    ("ab", "--head", "shop:2", "--users", "VALUE"),
    ("ab", "--head", "shop:2", "--size", "VALUE"),
    ("ab", "--head", "shop:2", "--base", "VALUE"),
    ("ab", "--head", "shop:2", "--results", "VALUE"),
    ("change", "--base", "VALUE"),
    ("change", "--base", "HEAD", "VALUE"),
    ("change", "--base", "HEAD", "--results", "VALUE"),
    ("change", "--base", "HEAD", "--require", "VALUE"),
    ("change", "--base", "HEAD", "--for", "VALUE"),
    ("change", "--base", "HEAD", "--by", "VALUE"),
    ("change", "--base", "HEAD", "--size", "VALUE"),
    ("change", "--base", "HEAD", "--threshold", "VALUE"),
    ("comment", "VALUE"),
    ("comment", "matrix.yaml", "--name", "VALUE"),
    ("comment", "matrix.yaml", "--page", "VALUE"),
    ("doctor", "--results", "VALUE"),
    ("doctor", "--matrix", "VALUE"),
    ("clean", "--results", "VALUE"),
    ("clean", "--matrix", "VALUE"),
    ("init", "VALUE"),
    ("init", "shop", "--image", "VALUE"),
    ("init", "shop", "--dockerfile", "VALUE"),
    ("init", "shop", "--dockerfile", "Dockerfile", "--port", "VALUE"),
    ("init", "shop", "--dockerfile", "Dockerfile", "--ready", "VALUE"),
    ("init", "shop", "--compose", "VALUE"),
    ("init", "shop", "--compose", "compose.yaml", "--service", "VALUE"),
    ("init", "shop", "--dockerfile", "Dockerfile", "--port", "80", "--openapi", "VALUE"),
    ("VALUE",),
    ("--VALUE",),
)


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Measure a campaign with one size, which no test changes."""
    folder = tmp_path_factory.mktemp("any") / "results"
    folder.mkdir()
    campaign = FakeCampaign(folder, make_plan((0.5, 256), users_limit=40), Service())
    campaign.measure_cells()
    return campaign.folder.path


@pytest.fixture
def campaign(measured: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Copy the campaign into a project whose engine does not exist, and whose matrix has a mistake."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")
    files = {
        "matrix.yaml": "target: nowhere\nlimits: {cpus: 1, memory: 64MiB}\n",
        "Dockerfile": "FROM scratch\n",
        "compose.yaml": "services: {web: {image: x}, none: null}\n",
        "empty": "",
        "binary": "\udc80\udcff\0",
    }
    for name, text in files.items():
        (tmp_path / name).write_bytes(text.encode(errors="surrogateescape"))
    (tmp_path / "folder").mkdir()
    (tmp_path / "dangling").symlink_to("gone")
    return Path(shutil.copytree(measured, tmp_path / "results" / measured.name))


def run_with(words: tuple[str, ...], campaign: Path, value: str) -> None:
    """Run the command with the campaign and the value in their places; fail unless it ends as documented."""
    arguments = [word.replace("CAMPAIGN", str(campaign)).replace("VALUE", value) for word in words]
    try:
        code = run_command(arguments)
    except Exception as error:
        raise AssertionError(f"harness {arguments!r} raised {type(error).__name__}: {error}") from error
    assert code in CODES, arguments


def list_values(words: tuple[str, ...]) -> tuple[str, ...]:
    """Return the odd values for a command, with those that its options read."""
    paths = ("empty", "binary", "folder", "dangling", "matrix.yaml", "nowhere", "empty/x")
    more = {"--slo": SLOS, "--require": REQUIREMENTS, "--price": PRICES}
    return (*VALUES, *paths, *more.get(words[-2] if len(words) > 1 else "", ()))


@pytest.mark.parametrize("words", READING, ids=" ".join)
def test_commands_that_read_campaigns_bear_any_value(
    words: tuple[str, ...], campaign: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for value in list_values(words):
        run_with(words, campaign, value)
    assert "Traceback" not in "".join(capsys.readouterr())


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("words", STARTING, ids=" ".join)
def test_commands_that_start_something_bear_any_value(
    words: tuple[str, ...],
    campaign: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Docker's library leaves a socket open if no engine answers; its warning must not reach another test.

    The doctor does not watch other load for two seconds each time.
    """
    monkeypatch.setattr(doctor, "WATCH_S", 0.0)
    for value in list_values(words):
        shutil.rmtree("targets", ignore_errors=True)
        Path("shop.yaml").unlink(missing_ok=True)
        run_with(words, campaign, value)
    gc.collect()
    assert "Traceback" not in "".join(capsys.readouterr())


@settings(max_examples=count_examples(60))
@given(value=st.text(max_size=12), number=st.integers(0, len(READING) - 1))
def test_commands_bear_any_text(measured: Path, value: str, number: int) -> None:
    if READING[number][0] not in ("report", "compare", "check", "export"):  # these write
        run_with(READING[number], measured, value)


def cut_in_half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def replace_by_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGES: dict[str, Callable[[Path], object]] = {
    "missing": Path.unlink,
    "empty": lambda path: path.write_bytes(b""),
    "cut": cut_in_half,
    "noise": lambda path: path.write_bytes(bytes(range(256)) * 20),
    "another kind": lambda path: path.write_text("[1]\n"),
    "null": lambda path: path.write_text("null\n"),
    "an empty object": lambda path: path.write_text("{}\n"),
    "a folder": replace_by_folder,
}


def group_files(campaign: Path, damage: str) -> list[list[Path]]:
    """Return each file that commands read in a group of its own, and all others in one group.

    A folder in place of a file that is only written matters too.
    """
    files = [path for path in sorted(campaign.rglob("*")) if path.is_file() and not path.is_symlink()]
    kinds = (".json", ".jsonl", ".json.gz")
    read = [path for path in files if path.name.endswith(kinds) or damage == "a folder"]
    return [*([path] for path in read), [path for path in files if path not in read]]


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("command", ["judge", "report", "size", "check", "compare", "metrics", "export"])
def test_damaged_campaigns_are_refused(
    command: str, damage: str, campaign: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = {"size": ("--users", "5"), "check": ("--require", "users >= 1"), "compare": ("CAMPAIGN",)}
    more |= {"metrics": ("--once",), "export": ("--as", "parquet", "--output", "all.parquet")}
    for files in group_files(campaign, damage):
        contents = {file: file.read_bytes() for file in files}
        for file in files:
            DAMAGES[damage](file)
        run_with((command, "CAMPAIGN", *more.get(command, ())), campaign, "")
        for file, content in contents.items():
            if file.is_dir():
                file.rmdir()
            file.write_bytes(content)
    assert "Traceback" not in "".join(capsys.readouterr())


def test_an_slo_longer_than_the_stored_windows_is_an_error(
    campaign: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(["judge", str(campaign), "--slo", "p95=500"]) == 1
    said = capsys.readouterr().err
    assert "p95 of RT ≤ 500 s can't be judged: no step was held for so long" in said
    assert "write p95=500ms" in said


def test_a_file_that_may_not_be_read_is_named(campaign: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if os.geteuid() == 0:
        pytest.skip("the superuser may read every file")
    (campaign / "plan.json").chmod(0)
    assert run_command(["judge", str(campaign)]) == 2
    assert "plan.json" in capsys.readouterr().err
