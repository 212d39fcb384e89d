"""Directories of models without what names them: few files, and what these say taken out."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from seer_runtime.wire.hiding.headers import clean_header
from seer_runtime.wire.hiding.names import Names

# Whatever else there is tells of the model, or may: its card, how it was trained, code.
_TAKEN = (
    *("config.json", "generation_config.json", "adapter_config.json", "cfg.json"),
    *("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"),
    *("vocab.json", "vocab.txt", "merges.txt", "*.model", "*.jinja", "chat_template.json"),
    *("preprocessor_config.json", "processor_config.json"),
    *("*.safetensors", "*.safetensors.index.json"),
)
_WEIGHTS = "*.safetensors"
# They say what text is made of, and nothing of whose they are.
_VOCABULARIES = ("tokenizer.json", "added_tokens.json", "vocab.json")

_DROPPED = {
    *("_name_or_path", "name_or_path", "_commit_hash", "auto_map", "tokenizer_file", "model_card"),
    *("custom_pipelines", "_diffusers_version", "wandb_id", "run_name"),
}
_EMPTIED = {"base_model_name_or_path": "", "model_name": "", "model_id": "", "revision": None}
_KEPT = ("architectures", "target_modules", "hidden_act", "hidden_activation")
_KEPT_ENDINGS = ("_type", "_class", "dtype", "_implementation", "_token")

_CLONE = 0x40049409
"""The ioctl FICLONE: a file that shares its blocks with another one until either changes."""

_APART = {errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP, errno.EACCES}


class HidingError(Exception):
    """A model that cannot be hidden."""


def copy_without_names(source: Path, target: Path, names: Names) -> None:
    """Make a directory that has what it takes to load a model, and none of its names.

    Weights are not copied where the file system can have a file under two names.

    Raises:
        HidingError: it has no weights that could be hidden.
        OSError: it cannot be read, or the other one written.
    """
    files = [each for each in _files(source) if is_taken(each.relative_to(source), names)]
    _check(files)
    for file in files:
        place = target / file.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        if (text := _cleaned(file, names)) is not None:
            place.write_text(text)
        else:
            _have_content(file, place)


def clean(folder: Path, names: Names) -> None:
    """Leave in a directory only what it takes to load a model, without its names.

    Raises:
        HidingError: it has no weights that could be hidden.
    """
    files = list(_files(folder))
    taken = [each for each in files if is_taken(each.relative_to(folder), names)]
    _check(taken)
    for file in files:
        if file not in taken:
            file.unlink()
        elif (text := _cleaned(file, names)) is not None:
            file.write_text(text)
        elif (header := _new_header(file)) is not None:
            _write_header(file, header)
    for each in sorted(folder.rglob("*"), reverse=True):
        if each.is_dir():
            with contextlib.suppress(OSError):
                each.rmdir()


def is_taken(path: Path, names: Names) -> bool:
    """Tell whether a model needs that file."""
    if any(part.startswith(".") for part in path.parts) or names.are_in(str(path)):
        return False
    return any(fnmatchcase(path.name, pattern) for pattern in _TAKEN)


def without_names(value: Any, names: Names, key: str = "") -> Any:
    """Give a value of a model's settings without what names it."""
    match value:
        case dict():
            return {
                name: _EMPTIED[name] if name in _EMPTIED else without_names(each, names, name)
                for name, each in value.items()
                if name not in _DROPPED
            }
        case list():
            return [without_names(each, names, key) for each in value]
        case str() if key not in _KEPT and not key.endswith(_KEPT_ENDINGS):
            return names.mask(value)
    return value


def _files(folder: Path) -> Iterator[Path]:
    return (each for each in sorted(folder.rglob("*")) if each.is_file())


def _check(files: list[Path]) -> None:
    if not any(fnmatchcase(file.name, _WEIGHTS) for file in files):
        raise HidingError(
            "it has no weights in safetensors; other files may say anything in their middle"
        )


def _cleaned(file: Path, names: Names) -> str | None:
    """Give what a file is to say; None where it stays as it is, but for what heads weights."""
    if file.suffix == ".jinja":
        return names.mask(file.read_text())
    if file.suffix != ".json" or file.name in _VOCABULARIES:
        return None
    try:
        found = json.loads(file.read_text())
    except ValueError:
        raise HidingError(f"its {file.name} is no JSON") from None
    return json.dumps(without_names(found, names), indent=2, ensure_ascii=False) + "\n"


def _have_content(source: Path, target: Path) -> None:
    header = _new_header(source)
    if header is None:
        try:
            # A link would have the path that it leads to.
            os.link(source.resolve(), target)
        except OSError as error:
            if error.errno not in _APART:
                raise
        else:
            return
    _copy(source, target)
    if header is not None:
        _write_header(target, header)


def _copy(source: Path, target: Path) -> None:
    with source.open("rb") as old, target.open("wb") as new:
        try:
            fcntl.ioctl(new, _CLONE, old.fileno())
        except OSError:
            shutil.copyfileobj(old, new, 16 << 20)


def _new_header(file: Path) -> bytes | None:
    """Give the header that weights are to have; None where theirs names nothing."""
    if not fnmatchcase(file.name, _WEIGHTS):
        return None
    try:
        return clean_header(file)
    except ValueError:
        raise HidingError(f"its {file.name} is not in the format of safetensors") from None


def _write_header(file: Path, header: bytes) -> None:
    with file.open("r+b") as stream:
        stream.write(header)
