"""Load models into a kernel as its sandbox is configured, and say what there is."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from seer_runtime.kernel.tuple_outputs import adapt

_MODELS = "application/vnd.seer.models+json"


def load_model(path: str, adapter: str | None = None, *, hidden: bool = False) -> tuple[Any, Any]:
    """Load a model and its tokenizer from directories, ready to be used.

    On a GPU it is in the precision that it was saved in, bfloat16 rather than float32; over all
    GPUs, where accelerate is there. On a CPU it is in float32.

    Args:
        path: The model's directory.
        adapter: The directory of a PEFT adapter to put on it.
        hidden: Whether what is loaded is not to say where it comes from.
    """
    try:
        model, tokenizer = _load(path, adapter)
    except Exception as error:
        if not hidden:
            raise
        raise _anonymous(error, [path, adapter]) from None
    if hidden:
        _forget_names(model, tokenizer)
    return model, tokenizer


def tokenizer_name(var_name: str) -> str:
    """Give the variable of a model's tokenizer."""
    return "tokenizer" if var_name == "model" else f"{var_name}_tokenizer"


def preload(shell: Any, models: Iterable[Mapping[str, Any]]) -> None:
    """Load models into a kernel's variables.

    Args:
        shell: IPython's.
        models: Each one's `var_name`, `path`, `adapter` and `hidden`.
    """
    for each in models:
        model, tokenizer = load_model(each["path"], each["adapter"], hidden=each["hidden"])
        name = each["var_name"]
        shell.push({name: model, tokenizer_name(name): tokenizer})


def describe(shell: Any, models: Iterable[Mapping[str, Any]]) -> None:
    """Tell whoever runs the kernel what models are in its variables.

    Args:
        shell: IPython's.
        models: Each one's `var_name`, and as it may be called: its `name` and that of its `base`.
    """
    from IPython.display import display

    lines: list[str] = []
    for each in models:
        name = each["var_name"]
        model, tokenizer = shell.user_ns[name], shell.user_ns[tokenizer_name(name)]
        lines += _model_lines(name, each, model)
        lines += _tokenizer_lines(tokenizer_name(name), each, tokenizer)
    display({_MODELS: {"text": "\n".join([*_HEAD, *lines, _FOOT])}}, raw=True)


_HEAD = (
    "### Pre-loaded Models",
    "",
    "The following models are already loaded in the kernel:",
    "",
)
_FOOT = "**IMPORTANT:** Do NOT reload these models. They are already loaded and ready to use."


def _model_lines(variable: str, each: Mapping[str, Any], model: Any) -> list[str]:
    kind = model.get_base_model() if each["hidden"] and hasattr(model, "peft_config") else model
    return [
        f"**{variable}** ({each['name']})",
        f"- Type: {type(kind).__name__}",
        *([f"- Base model: {each['base']}"] if each["base"] else []),
        f"- Device: {_device(model)}",
        f"- Parameters: {_count(sum(each.numel() for each in model.parameters()))}",
        "",
    ]


def _tokenizer_lines(variable: str, each: Mapping[str, Any], tokenizer: Any) -> list[str]:
    return [
        f"**{variable}** ({each['base'] or each['name']})",
        f"- Type: {type(tokenizer).__name__}",
        f"- Vocab size: {len(tokenizer):,}",
        "",
    ]


def _device(model: Any) -> str:
    spread = {str(device) for device in getattr(model, "hf_device_map", {}).values()}
    if len(spread) < 2:
        return str(model.device)
    return ", ".join(sorted(f"cuda:{each}" if each.isdigit() else each for each in spread))


def _count(parameters: int) -> str:
    if parameters >= 1e9:
        return f"{parameters / 1e9:.2f}B"
    return f"{parameters / 1e6:.2f}M"


def _load(path: str, adapter: str | None) -> tuple[Any, Any]:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(path, **_options(path))
    model = model.to(_device_without_map(model))
    if adapter is not None:
        from peft import PeftModel

        model = PeftModel.from_pretrained(model, adapter)
    has_own = adapter is not None and Path(adapter, "tokenizer_config.json").exists()
    tokenizer = AutoTokenizer.from_pretrained(adapter if has_own else path)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    adapt(model)
    return model.eval(), tokenizer


def _options(path: str) -> dict[str, Any]:
    """Give what `from_pretrained` is told."""
    import torch
    import transformers

    has_gpu = torch.cuda.is_available()
    precision: Any = torch.float32
    if has_gpu:
        config = transformers.AutoConfig.from_pretrained(path)
        saved = getattr(config, "dtype", None) or getattr(config, "torch_dtype", None)
        precision = saved
        if saved in (None, torch.float32, "float32"):
            precision = torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    major, minor = (int(each) for each in transformers.__version__.split(".")[:2])
    options = {"dtype" if (major, minor) >= (4, 56) else "torch_dtype": precision}
    if has_gpu and importlib.util.find_spec("accelerate") is not None:
        options["device_map"] = "auto"
    return options


def _device_without_map(model: Any) -> Any:
    import torch

    if hasattr(model, "hf_device_map"):
        return model.device
    return "cuda" if torch.cuda.is_available() else "cpu"


def _anonymous(error: Exception, paths: Iterable[str | None]) -> Exception:
    text = str(error)
    for path in filter(None, paths):
        text = text.replace(path, "(hidden)").replace(Path(path).name, "(hidden)")
    return RuntimeError(f"{type(error).__name__}: {text}")


def _forget_names(model: Any, tokenizer: Any) -> None:
    for config in getattr(model, "peft_config", {}).values():
        config.base_model_name_or_path = ""
    for each in model.modules():
        if hasattr(each, "config") and hasattr(each.config, "_name_or_path"):
            each.config._name_or_path = ""
        if hasattr(each, "name_or_path") and not isinstance(
            type(each).__dict__.get("name_or_path"), property
        ):
            each.name_or_path = ""
    tokenizer.name_or_path = ""
    tokenizer.init_kwargs.pop("name_or_path", None)
