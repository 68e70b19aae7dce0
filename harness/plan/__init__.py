"""Read matrix.yaml into a Plan: parse, validate, expand its cells, fit them to a host. Starts nothing."""

from harness.plan.cli_values import find_price_note, parse_price, parse_ratio, parse_requirement
from harness.plan.compose.convert import list_services
from harness.plan.compose.syntax import to_target_name
from harness.plan.container_options import find_nearest_parent
from harness.plan.content_hashes import hash_build, hash_contents
from harness.plan.dockerignore import list_build_context
from harness.plan.env_refs import resolve_variables
from harness.plan.host_fit import fit_to_host
from harness.plan.init_templates import (
    Operation,
    ServiceFacts,
    format_locustfile,
    format_matrix,
    format_target,
    read_dockerfile,
    read_operations,
)
from harness.plan.loader import load_plan
from harness.plan.schema.quoting import quote
from harness.plan.serialization import plan_from_json, plan_to_json
from harness.plan.slos import parse_slo
from harness.plan.source_files import find_named_variables, find_scenario_files, is_campaign
from harness.plan.yaml.document import read_any_yaml

__all__ = [
    "Operation",
    "ServiceFacts",
    "find_named_variables",
    "find_nearest_parent",
    "find_price_note",
    "find_scenario_files",
    "fit_to_host",
    "format_locustfile",
    "format_matrix",
    "format_target",
    "hash_build",
    "hash_contents",
    "is_campaign",
    "list_build_context",
    "list_services",
    "load_plan",
    "parse_price",
    "parse_ratio",
    "parse_requirement",
    "parse_slo",
    "plan_from_json",
    "plan_to_json",
    "quote",
    "read_any_yaml",
    "read_dockerfile",
    "read_operations",
    "resolve_variables",
    "to_target_name",
]
