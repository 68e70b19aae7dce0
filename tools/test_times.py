"""Print how long the tests of each file take, from a log of pytest with --durations=0, as on standard input.

`make check ARGS=--durations=0 | python -m tools.test_times`
"""

import re
import sys
from collections import defaultdict
from collections.abc import Iterable

_DURATION = re.compile(r"([\d.]+)s (?:setup|call|teardown) +(\S+?)::(.+)")


def build_table(lines: Iterable[str]) -> list[str]:
    """Return the rows of a Markdown table: a file, its tests, their seconds in all, and the slowest test.

    Tests whose parts all took less than 5 ms are not in pytest's list, and not counted.
    """
    files: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for line in lines:
        if found := _DURATION.match(line.strip()):
            files[found[2]][found[3]] += float(found[1])
    table = ["| file | tests | seconds | slowest |", "|---|---|---|---|"]
    for file, tests in sorted(files.items(), key=lambda each: -sum(each[1].values())):
        slowest = max(tests, key=lambda test: tests[test])
        seconds = sum(tests.values())
        table.append(f"| {file} | {len(tests)} | {seconds:.1f} | {tests[slowest]:.1f}: {slowest} |")
    return table


if __name__ == "__main__":
    print("\n".join(build_table(sys.stdin)))
