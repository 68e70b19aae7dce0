"""Simulate closed users and a quota-limited target, event by event, behind the harness's own protocols.

The harness's own code (`open_session`, `judge_steps`, `choose_next_step`) runs on the simulation unchanged
and takes milliseconds a step. `bench.search` compares strategies on the simulation, and the fakes of the
tests are built on it. It promises nothing about any real target.
"""
