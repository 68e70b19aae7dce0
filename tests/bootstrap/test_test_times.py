"""The times of tests are summed by file."""

from tools.test_times import build_table

LOG = """\
tests/unit/test_a.py ..F                                              [100%]
============================= slowest durations ==============================
2.50s call     tests/unit/test_a.py::test_slow[x y]
0.25s setup    tests/unit/test_b.py::test_one
0.50s setup    tests/unit/test_a.py::test_fast
0.50s call     tests/unit/test_b.py::test_one
0.25s teardown tests/unit/test_b.py::test_one
(3 durations < 0.005s hidden.  Use -vv to show these durations.)
"""


def test_a_file_has_the_sum_of_all_parts_of_its_tests() -> None:
    """2.5 + 0.5 s, and 0.25 + 0.5 + 0.25 s."""
    assert build_table(LOG.splitlines())[2:] == [
        "| tests/unit/test_a.py | 2 | 3.0 | 2.5: test_slow[x y] |",
        "| tests/unit/test_b.py | 1 | 1.0 | 1.0: test_one |",
    ]
