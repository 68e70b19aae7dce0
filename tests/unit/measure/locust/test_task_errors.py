"""The part of the plugin that counts exceptions, in a Python of its own, which Locust may change."""

import json
from pathlib import Path
from typing import Any

import harness
from tests.unit.measure.locust.prepared_python import PreparedPython

FOLDER = Path(harness.__file__).parent / "measure/locust_side"
HEAD = f"""
import json, sys
sys.path.insert(0, {str(FOLDER)!r})
import harness_task_errors as plugin
log = plugin.task_log
def catch(raise_it):
    try:
        raise_it()
    except Exception as error:
        return error
"""


def run_plugin(python: PreparedPython, code: str, folder: Path) -> Any:
    """Run code beside the plugin, as a module of the folder, and return what it leaves in `result`."""
    ran = python.run(f"{HEAD}{code}\nsys.stdout.write(json.dumps(result))\n", folder)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def test_endless_messages_of_one_line_are_one_kind(tmp_path: Path, python: PreparedPython) -> None:
    result = run_plugin(
        python,
        """
def fail(number):
    raise ValueError(f"order {number}  at 0x7f{number:x}\\n" + "x" * 10_000)
for number in range(1000):
    error = catch(lambda: fail(number))
    log.add("task", error, plugin.find_place(error.__traceback__), None)
result = log.take_page_part()
""",
        tmp_path,
    )
    ((origin, text, place),) = result["task_error_kinds"]
    assert (origin, place) == ("task", "scenario.py:13")
    assert text.startswith("ValueError: order 0 at 0x… xxx")
    assert len(text) == 200
    assert result["task_errors"] == [[0, 1000, 0, 0]]


def test_more_than_a_hundred_lines_share_one_kind(tmp_path: Path, python: PreparedPython) -> None:
    result = run_plugin(
        python,
        """
for line in range(150):
    log.add("task", KeyError(line), f"locustfile.py:{line}", None)
first, second = log.take_page_part(), log.take_page_part()
result = [first["task_error_kinds"], first["task_errors"][-1], second]
""",
        tmp_path,
    )
    kinds, last, second = result
    assert len(kinds) == 101
    assert kinds[-1] == ["task", "(other exceptions)", ""]
    assert last == [100, 50, 0, 0]
    assert second == {"tasks": 0, "task_errors": [], "task_error_kinds": []}


def test_the_line_is_the_innermost_of_the_users_own_code(tmp_path: Path, python: PreparedPython) -> None:
    """`json` raises the exception: its lines, and those of Locust, are none of the user's."""
    (tmp_path / "steps").mkdir()
    (tmp_path / "steps/orders.py").write_text("import json\ndef read():\n    return json.loads('{')\n")
    result = run_plugin(
        python,
        """
from steps import orders
error = catch(orders.read)
result = [plugin.find_place(error.__traceback__), plugin.describe(error), plugin.find_place(None)]
result.append(plugin.name_own_file(plugin.locust.__file__))
""",
        tmp_path,
    )
    assert result[0] == "steps/orders.py:3"
    assert result[1].startswith("JSONDecodeError: Expecting property name")
    assert result[2:] == ["", ""]


def test_an_exception_of_a_pause_says_whose_pause_it_is(tmp_path: Path, python: PreparedPython) -> None:
    """No line of the user's own raises it: `wait_time` is a number, and Locust calls it."""
    result = run_plugin(
        python,
        """
import types
from locust.user.task import TaskSet
class Visitor(plugin.locust.User):
    wait_time = 1
    tasks = [print]
user = Visitor.__new__(Visitor)
user._state = "running"
tasks = TaskSet.__new__(TaskSet)
tasks._user = user
error = catch(tasks.wait)
result = [plugin.describe(error), plugin.find_place(error.__traceback__)]
result.append(plugin.name_wait(error.__traceback__, user))
result.append(plugin.name_wait(catch(lambda: [][1]).__traceback__, user))
""",
        tmp_path,
    )
    assert result == ["TypeError: 'int' object is not callable", "scenario.py:8", "wait_time of Visitor", ""]


def test_exceptions_while_locust_creates_users_are_counted_although_no_line_is_the_users_own(
    tmp_path: Path, python: PreparedPython
) -> None:
    """An exception of another greenlet without a line of the user's own is not the scenario's."""
    result = run_plugin(
        python,
        """
import types, gevent, harness_other_errors as others
from locust.env import Environment
plugin.task_log.harness = harness = types.SimpleNamespace(task_log=plugin.task_log)
harness.find_place, harness.find_calling_place = plugin.find_place, plugin.find_calling_place
others.on_init(types.SimpleNamespace(harness=harness))
class Visitor(plugin.locust.User):
    tasks = [print]
    def __init__(self):
        super().__init__(None)
runner = Environment(user_classes=[Visitor]).create_local_runner()
gevent.spawn(runner.spawn_users, {"Visitor": 1}).join()
gevent.spawn(int, "x").join()
result = log.take_page_part()
""",
        tmp_path,
    )
    ((origin, text, place),) = result["task_error_kinds"]
    assert (origin, place) == ("greenlet", "")
    assert "takes 1 positional argument but 2 were given" in text
    assert result["task_errors"] == [[0, 1, 0, 0]]
