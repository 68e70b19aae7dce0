"""Simulate closed users and a quota-limited target, event by event, behind the harness's own protocols.

The harness's own code (`open_session`, `judge_steps`, `choose_next_step`) runs on the simulation unchanged,
and measures a step in milliseconds. `bench.search` compares strategies on the simulation, and the fakes of
the tests are built on it. Its capacities are not those of any real target.
"""
