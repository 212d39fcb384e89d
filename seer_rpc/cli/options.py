"""Options that several commands share."""

from __future__ import annotations

import argparse
from typing import Any, TypeAlias

from seer_rpc.environment import ModelConfig, SandboxConfig

Commands: TypeAlias = "argparse._SubParsersAction[Any]"


def add_interface_options(parser: argparse.ArgumentParser) -> None:
    """Add what it takes to serve an interface file for one command."""
    parser.add_argument(
        "interface",
        metavar="FILE",
        help="the interface file, or the name of one that comes with this library",
    )
    parser.add_argument(
        "--model",
        action="append",
        default=[],
        metavar="NAME",
        help="a model to have: a Hugging Face id, a directory or a GGUF file; repeatable",
    )
    parser.add_argument(
        "--secret",
        action="append",
        default=[],
        metavar="VARIABLE",
        help="an environment variable to pass on; repeatable",
    )


def count(text: str) -> int:
    """Read how many there are to be: at least one."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


def model_variable(number: int) -> str:
    """Give what the model at a place, from 0, is called where nothing else is said."""
    return f"model_{number}" if number else "model"


def sandbox_config(parsed: argparse.Namespace) -> SandboxConfig:
    """Give the config that the options ask for."""
    models = [
        ModelConfig(name=name, var_name=model_variable(number))
        for number, name in enumerate(parsed.model)
    ]
    return SandboxConfig(models=models, secrets=parsed.secret)
