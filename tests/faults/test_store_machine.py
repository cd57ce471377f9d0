"""The state machine of `machine.py`: a few runs in every check, 500 in the slow tier."""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.faults.machine import StoreMachine

ALL = list(HealthCheck)


def test_nothing_live_is_lost_in_any_order_of_events() -> None:
    run_state_machine_as_test(
        StoreMachine,
        settings=settings(max_examples=6, stateful_step_count=8, deadline=None, suppress_health_check=ALL),
    )


@pytest.mark.slow
def test_nothing_live_is_lost_in_500_runs() -> None:
    run_state_machine_as_test(
        StoreMachine,
        settings=settings(max_examples=500, stateful_step_count=12, deadline=None, suppress_health_check=ALL),
    )
