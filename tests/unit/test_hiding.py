"""Names that are hidden: what stands for them, texts and files without them."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path

import pytest

from seer_runtime.wire.hiding import HidingError, Names, SealedName, clean, copy_without_names, seal

_NAME = "some-org/secret-7b"


def test_what_stands_for_a_name_knows_it_and_does_not_tell() -> None:
    text = seal(f"{_NAME}@v1", "subject")
    sealed = SealedName.parse(text)

    assert sealed is not None
    assert "secret" not in text
    assert seal(f"{_NAME}@v1", "subject") != text
    for name in (_NAME, f"{_NAME}@v1", "subject"):
        assert sealed.stands_for(name)
    for name in ("", "secret-7b", f"{_NAME}@v2", f"{_NAME} "):
        assert not sealed.stands_for(name)
    assert SealedName.parse(_NAME) is None
    assert SealedName.parse("hidden:subject:00:11") is None


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (f"see {_NAME} there", "see hidden there"),
        ("SOME-ORG/Secret-7B", "hidden"),
        ("/cache/models--some-org--secret-7b/refs", "/cache/models--hidden/refs"),
        ("q=some-org%2Fsecret-7b", "q=hidden"),
        ("a secret-7b-like one", "a hidden-like one"),
        ("at 0123456789abcdef", "at hidden"),
        ("some-org/other", "some-org/other"),
        ("", ""),
    ],
)
def test_texts_are_left_without_names(text: str, masked: str) -> None:
    assert Names([f"{_NAME}@0123456789abcdef"]).mask(text) == masked


def test_what_everything_is_called_is_no_name(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()

    names = Names([str(folder)])

    assert names.mask("the model") == "the model"
    assert names.mask(f"at {folder}/x") == "at hidden/x"
    assert Names([]).mask("the model") == "the model"
    assert not Names([]).are_in("the model")


def test_bytes_stay_as_long_as_they_were() -> None:
    names = Names([_NAME])
    code = base64.b64encode(b"x" + _NAME.encode() + b"y")
    content = b"\x93" + _NAME.upper().encode() + b" " + code + b" " + b"secret-7b".hex().encode()

    masked, hits = names.blot_bytes(content)

    assert (len(masked), hits) == (len(content), 3)
    assert masked.startswith(b"\x93" + b"*" * len(_NAME) + b" ")
    assert b"7365" not in masked
    assert Names([]).blot_bytes(content) == (content, 0)


def _weights(notes: dict[str, str]) -> bytes:
    header = json.dumps({"__metadata__": notes, "x": {"dtype": "U8", "data_offsets": [0, 3]}})
    return len(header).to_bytes(8, "little") + header.encode() + b"abc"


def _write(folder: Path) -> None:
    files = {
        "config.json": json.dumps(
            {"model_type": "secret-7b", "_name_or_path": _NAME, "n": [{"from": f"a {_NAME}"}]}
        ),
        "tokenizer.json": '{"vocab": {"secret-7b": 1}}',
        "adapter_config.json": json.dumps({"base_model_name_or_path": _NAME, "r": 2}),
        "chat_template.jinja": "You are secret-7b",
        "README.md": _NAME,
        "sub/secret-7b/config.json": "{}",
        ".cache/config.json": "{}",
    }
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(content)
    (folder / "plain.safetensors").write_bytes(_weights({"format": "pt"}))
    (folder / "named.safetensors").write_bytes(_weights({"format": "pt", "of": _NAME}))


@pytest.mark.parametrize("is_copy", [True, False])
def test_a_directory_is_left_without_names(tmp_path: Path, is_copy: bool) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    _write(source)
    if is_copy:
        copy_without_names(source, target, Names([_NAME]))
    else:
        clean(source, Names([_NAME]))
        target = source

    kept = {str(each.relative_to(target)) for each in target.rglob("*")}
    assert kept == {
        *("config.json", "tokenizer.json", "adapter_config.json", "chat_template.jinja"),
        *("plain.safetensors", "named.safetensors"),
    }
    settings = json.loads((target / "config.json").read_text())
    assert settings == {"model_type": "secret-7b", "n": [{"from": "a hidden"}]}
    adapter = json.loads((target / "adapter_config.json").read_text())
    assert adapter == {"base_model_name_or_path": "", "r": 2}
    assert (target / "chat_template.jinja").read_text() == "You are hidden"
    named = (target / "named.safetensors").read_bytes()
    assert len(named) == len(_weights({"format": "pt", "of": _NAME}))
    length = int.from_bytes(named[:8], "little")
    assert json.loads(named[8 : 8 + length])["__metadata__"] == {"format": "pt"}
    assert named[8 + length :] == b"abc"


def test_weights_are_not_copied_and_the_originals_stay(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    _write(source)
    before = {each: each.read_bytes() for each in source.rglob("*") if each.is_file()}
    # As in the cache of the hub's library.
    (source / "plain.safetensors").rename(tmp_path / "blob")
    (source / "plain.safetensors").symlink_to(tmp_path / "blob")

    copy_without_names(source, target, Names([_NAME]))

    assert os.path.samefile(target / "plain.safetensors", tmp_path / "blob")
    assert not (target / "plain.safetensors").is_symlink()
    assert not os.path.samefile(target / "named.safetensors", source / "named.safetensors")
    assert {each: each.read_bytes() for each in before} == before


def test_where_files_have_one_name_they_are_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    _write(source)

    def refuse(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    copy_without_names(source, target, Names([_NAME]))

    assert (target / "plain.safetensors").read_bytes() == _weights({"format": "pt"})


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ({"config.json": b"{}", "pytorch_model.bin": b"x"}, "no weights in safetensors"),
        ({"config.json": b"{", "model.safetensors": _weights({})}, "config.json is no JSON"),
        ({"model.safetensors": b"\xff" * 16}, "not in the format"),
        ({"model.safetensors": b"x"}, "not in the format"),
    ],
)
def test_what_cannot_be_hidden_is_refused(
    tmp_path: Path, files: dict[str, bytes], problem: str
) -> None:
    (tmp_path / "source").mkdir()
    for name, content in files.items():
        (tmp_path / "source" / name).write_bytes(content)

    with pytest.raises(HidingError, match=problem):
        copy_without_names(tmp_path / "source", tmp_path / "target", Names([_NAME]))
    with pytest.raises(HidingError, match=problem):
        clean(tmp_path / "source", Names([_NAME]))
