"""Name the tests that take most of the time: `make test` runs them, and `make check` leaves them out.

They measure whole campaigns on fakes, simulate sizes, try every case there is, or start further processes.
"""

_CAMPAIGN = "tests/unit/campaign/test_"
_CLI = "tests/unit/cli/test_"
_SIMULATED = "tests/unit/bench/test_"
_ANALYSE = "tests/unit/analyse/"

MODULES = (
    *(f"{_CAMPAIGN}{name}.py" for name in ("ab", "checks", "engines", "faults", "live", "live_ab")),
    *(f"{_CAMPAIGN}{name}.py" for name in ("request_costs", "soak", "trials", "variants")),
    *(
        f"{_CLI}{name}.py"
        for name in ("any_arguments", "change_pairs", "costs", "export", "metrics", "watch")
    ),
    *(f"{_SIMULATED}{name}.py" for name in ("drift", "holds", "lanes")),
)
FUNCTIONS = {
    f"{_CAMPAIGN}lanes.py": (
        "each_size_is_measured_on_a_lane_that_has_its_cores_and_the_reference_on_all",
        "sizes_on_lanes_take_less_time_than_one_after_the_other",
    ),
    f"{_CAMPAIGN}scheduler.py": (
        "a_campaign_goes_on_where_it_was_interrupted_however_often",
        "a_campaign_notes_why_its_windows_are_longer_than_the_matrix_says",
        "a_demand_measures_the_sizes_between_enough_and_too_small_and_infers_the_rest",
        "a_failed_step_is_followed_by_a_fresh_container",
        "brackets_are_in_proportion_to_the_cpu_limits",
        "every_end_of_a_bracket_is_a_step_of_that_cell",
        "stored_facts_give_the_same_answer_as_the_run",
        "stricter_slos_never_raise_a_stored_capacity",
    ),
    f"{_SIMULATED}search.py": (
        "a_matrix_gives_the_same_results_twice",
        "a_run_that_is_stopped_goes_on_where_it_was",
        "every_class_can_be_measured",
        "every_scenario_can_be_measured",
        "every_strategy_ends_near_the_capacity_of_a_quiet_target",
        "the_classes_are_one_table_with_both_strategies",
        "the_ground_truth_of_slots_is_calculated_for_each_kind_of_slo",
        "the_limiting_factor_of_a_simulated_target_can_be_memory",
    ),
    f"{_SIMULATED}ab.py": ("equal_versions_are_seldom_told_apart_however_the_host_drifts",),
    f"{_SIMULATED}simulation.py": (
        "the_mean_response_time_of_a_shared_cpu_depends_only_on_the_mean_cpu_time",
    ),
    f"{_ANALYSE}search/test_demand.py": (
        "rows_plus_columns_less_one_steps_give_every_size_its_true_verdict",
    ),
    f"{_ANALYSE}search/test_search.py": (
        "a_search_takes_two_steps_with_a_good_estimate_and_few_more_with_a_bad_one",
        "no_sequence_of_verdicts_breaks_the_rules_of_the_search",
    ),
    f"{_ANALYSE}search/test_shown_memory.py": (
        "a_second_simulated_size_with_as_little_memory_does_not_wait_for_it",
    ),
    f"{_ANALYSE}step/test_judge.py": ("a_tighter_slo_never_raises_a_capacity",),
    f"{_ANALYSE}step/test_soak_memory.py": ("no_leak_is_found_in_50_healthy_saw_teeth",),
    f"{_ANALYSE}step/test_steady.py": (
        "a_garbage_collector_breaks_nothing",
        "a_leak_that_fills_the_memory_within_the_hour_sustains_nobody",
        "sessions_that_fill_up_are_waited_for",
    ),
    "tests/unit/measure/locust/test_seeds.py": (
        "the_same_seed_gives_each_user_the_same_choices_again_and_no_two_users_the_same",
    ),
    "tests/unit/measure/locust/test_telemetry.py": (
        "grpc_is_told_of_gevent_before_locust_sets_its_export_up",
    ),
    "tests/unit/plan/test_any_input.py": (
        "any_value_at_any_key_of_the_matrix_is_read_or_refused",
        "any_value_at_any_key_of_the_target_is_read_or_refused",
    ),
    "tests/unit/plan/test_locustfile_text.py": ("no_document_can_put_code_into_the_file",),
    "tests/unit/report/test_any_campaign.py": ("every_report_of_any_campaign_is_well_formed_and_harmless",),
    "tests/unit/report/test_growth.py": ("the_choice_is_the_recommended_size_wherever_one_was_measured",),
    "tests/unit/test_fuzz.py": ("every_reader_accepts_or_refuses_a_broken_file",),
    "tests/unit/test_pipelines.py": (
        "a_change_from_a_fork_has_no_comment_but_a_summary_and_its_own_verdict",
        "a_merge_request_gets_one_note_and_the_job_its_verdict",
        "the_first_run_writes_a_comment_and_the_next_one_updates_it",
    ),
}
"""The names of functions by their modules, without the `test_` before them."""


def is_slow(test: str) -> bool:
    """Return True for a test by its name, as pytest writes it: `tests/….py::test_name[example]`."""
    module, _, name = test.partition("::")
    function = name.partition("[")[0].rpartition("::")[2].removeprefix("test_")
    return module in MODULES or function in FUNCTIONS.get(module, ())
