"""What `seer notebook` can be told."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from seer_rpc.cli.options import count, model_variable
from seer_rpc.environment import ModelConfig, SandboxConfig
from seer_rpc.errors import ConfigError
from seer_rpc.shell.calls import seconds
from seer_rpc.workspace import Library, Workspace

_SKILL = "SKILL.md"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add them."""
    _add_models(parser)
    _add_machine(parser.add_argument_group("the sandbox"))
    _add_contents(parser.add_argument_group("what is in it"))
    _add_session(parser.add_argument_group("the session"))


def notebook_config(parsed: argparse.Namespace) -> SandboxConfig:
    """Give the sandbox that the options ask for.

    Raises:
        ConfigError: it cannot be so.
    """
    return SandboxConfig(
        gpu=parsed.gpu,
        gpu_count=parsed.gpu_count,
        models=_models(parsed.models, parsed.peft, parsed.hidden),
        python_packages=parsed.package,
        secrets=parsed.secret,
        timeout=parsed.timeout,
        idle_timeout=parsed.idle_timeout,
    )


def notebook_workspace(parsed: argparse.Namespace) -> Workspace:
    """Give what the session is to work with.

    Raises:
        ConfigError: it cannot be so.
    """
    files = [_placed(text) for text in parsed.file]
    return Workspace(
        libraries=[_library(path) for path in parsed.library],
        skill_dirs=list(parsed.skill),
        local_files=[(local, path) for local, path in files if not local.is_dir()],
        local_dirs=[(local, path) for local, path in files if local.is_dir()],
        custom_init_code=_code(parsed.init) if parsed.init is not None else "",
        hidden_model_loading=not parsed.show_loading,
    )


def _add_models(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "models",
        nargs="*",
        metavar="MODEL",
        help="a model to have in the kernel: a Hugging Face id, a directory or a GGUF file; "
        "VARIABLE=MODEL for one of another name there",
    )
    parser.add_argument(
        "--peft",
        nargs=2,
        action="append",
        default=[],
        metavar=("ADAPTER", "BASE"),
        help="a PEFT adapter, and the model to load it on; repeatable",
    )
    parser.add_argument(
        "--hidden", action="store_true", help="keep from agents which models they are"
    )
    parser.add_argument(
        "--show-loading", action="store_true", help="have the cells that load them in the notebook"
    )


def _add_machine(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--gpu", metavar="KIND", help="H100, A100-80GB, L4 and so on; else the CPU")
    group.add_argument("--gpu-count", type=count, default=1, metavar="N", help="1 by default")
    group.add_argument(
        "--backend", metavar="NAME", help="local or modal; without it modal for a GPU, else local"
    )
    group.add_argument(
        "--timeout",
        type=seconds,
        default=SandboxConfig.timeout,
        metavar="SECONDS",
        help=f"after which it ends by itself; {SandboxConfig.timeout:g} by default",
    )
    group.add_argument(
        "--idle-timeout",
        type=seconds,
        metavar="SECONDS",
        help="without any use, after which it ends as well",
    )
    group.add_argument(
        "--package",
        action="append",
        default=[],
        metavar="REQUIREMENT",
        help="a Python package to have, as pip takes it; repeatable",
    )
    group.add_argument(
        "--secret",
        action="append",
        default=[],
        metavar="VARIABLE",
        help="an environment variable to pass on; repeatable",
    )


def _add_contents(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--library",
        action="append",
        default=[],
        type=Path,
        metavar="PATH",
        help="a Python file, a package's folder or a skill with code, to import; repeatable",
    )
    group.add_argument(
        "--skill",
        action="append",
        default=[],
        type=Path,
        metavar="FOLDER",
        help="a skill for an agent that works there; repeatable",
    )
    group.add_argument(
        "--file",
        action="append",
        default=[],
        metavar="PATH[:PLACE]",
        help="a file or folder to have in /workspace, under its name or at PLACE; repeatable",
    )
    group.add_argument(
        "--init", type=Path, metavar="FILE", help="Python that runs first in the kernel, unseen"
    )


def _add_session(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--name", help="what the sandbox and the notebook are called")
    group.add_argument(
        "--notebook-dir",
        type=Path,
        metavar="FOLDER",
        help="keep a copy of the notebook there; the command goes on until Ctrl-C for that",
    )
    group.add_argument(
        "--open", action="store_true", help="open the notebook in a browser on this machine"
    )


def _models(
    models: Sequence[str], adapters: Sequence[Sequence[str]], hidden: bool
) -> list[ModelConfig]:
    wanted = [(text, None) for text in models] + [(text, base) for text, base in adapters]
    return [
        ModelConfig(name, variable or model_variable(number), hidden, base is not None, base)
        for number, (text, base) in enumerate(wanted)
        for variable, name in [_named(text)]
    ]


def _named(text: str) -> tuple[str, str]:
    """Take a variable from the front of a model, where there is one."""
    variable, separator, name = text.partition("=")
    if separator and variable.isidentifier() and not Path(text).exists():
        return variable, name
    return "", text


def _placed(text: str) -> tuple[Path, str]:
    """Read a path here, and where it is to be."""
    if Path(text).exists() or ":" not in text:
        return Path(text), Path(text).absolute().name
    local, _, place = text.rpartition(":")
    return Path(local), place


def _library(path: Path) -> Library:
    if (path / _SKILL).exists():
        return Library.from_skill_dir(path)
    return Library.from_directory(path) if path.is_dir() else Library.from_file(path)


def _code(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"--init: cannot read {file}: {error}") from error
