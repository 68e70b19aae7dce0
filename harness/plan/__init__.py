"""Read matrix.yaml into a Plan: parse, validate, expand its cells, fit them to a host. Starts nothing."""

from harness.plan.build_context import choose_context
from harness.plan.cli_values import (
    find_price_note,
    parse_any_requirement,
    parse_burst_length,
    parse_factor,
    parse_growth,
    parse_mix,
    parse_price,
    parse_ratio,
    parse_requirement,
    parse_size,
    parse_soak_length,
)
from harness.plan.compose.file_choice import FileChoice, choose_files
from harness.plan.compose.summary import summarize_service
from harness.plan.compose.syntax import to_target_name
from harness.plan.container_options import find_nearest_parent
from harness.plan.content_hashes import hash_build, hash_contents, is_in_context, read_build_file
from harness.plan.dockerfile import (
    choose_port,
    drop_syntax,
    find_images,
    has_standard_syntax,
    needs_buildkit,
    parse_dockerfile,
    read_dockerfile,
)
from harness.plan.dockerfile_stages import insert_stages, shorten_image
from harness.plan.dockerignore import DOCKERIGNORE_FILE, find_ignore_file, list_build_context
from harness.plan.env_refs import resolve_variables
from harness.plan.host_fit import fit_to_host
from harness.plan.init_templates import ServiceFacts, format_matrix, format_target
from harness.plan.loader import load_plan
from harness.plan.locustfile_text import format_locustfile
from harness.plan.openapi.operations import Api, read_api
from harness.plan.schema.quoting import quote
from harness.plan.serialization import plan_from_json, plan_to_json
from harness.plan.size_presets import find_smallest_size, read_preset
from harness.plan.slos import parse_slo
from harness.plan.source_files import find_named_variables, find_scenario_files, is_campaign
from harness.plan.yaml.large import read_large_document

__all__ = [
    "DOCKERIGNORE_FILE",
    "Api",
    "FileChoice",
    "ServiceFacts",
    "choose_context",
    "choose_files",
    "choose_port",
    "drop_syntax",
    "find_ignore_file",
    "find_images",
    "find_named_variables",
    "find_nearest_parent",
    "find_price_note",
    "find_scenario_files",
    "find_smallest_size",
    "fit_to_host",
    "format_locustfile",
    "format_matrix",
    "format_target",
    "has_standard_syntax",
    "hash_build",
    "hash_contents",
    "insert_stages",
    "is_campaign",
    "is_in_context",
    "list_build_context",
    "load_plan",
    "needs_buildkit",
    "parse_any_requirement",
    "parse_burst_length",
    "parse_dockerfile",
    "parse_factor",
    "parse_growth",
    "parse_mix",
    "parse_price",
    "parse_ratio",
    "parse_requirement",
    "parse_size",
    "parse_slo",
    "parse_soak_length",
    "plan_from_json",
    "plan_to_json",
    "quote",
    "read_api",
    "read_build_file",
    "read_dockerfile",
    "read_large_document",
    "read_preset",
    "resolve_variables",
    "shorten_image",
    "summarize_service",
    "to_target_name",
]
