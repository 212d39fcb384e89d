"""What is made of an interface schema, and of nothing else."""

from seer_rpc.generators.budgets import estimate_tokens
from seer_rpc.generators.documentation import library_docs
from seer_rpc.generators.examples import example_arguments, example_function
from seer_rpc.generators.library import library_files
from seer_rpc.generators.prompt import DEFAULT_TOKENS, interface_prompt
from seer_rpc.generators.skill import (
    SCHEMA,
    SCRIPT,
    skill_description,
    skill_files,
    skill_name,
)

__all__ = [
    "DEFAULT_TOKENS",
    "SCHEMA",
    "SCRIPT",
    "estimate_tokens",
    "example_arguments",
    "example_function",
    "interface_prompt",
    "library_docs",
    "library_files",
    "skill_description",
    "skill_files",
    "skill_name",
]
