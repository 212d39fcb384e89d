"""Skills: folders that agents find, read in steps, and call with."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import jsonschema
import pytest
from google.protobuf.json_format import Parse

from seer_rpc.errors import ConfigError
from seer_rpc.generators import (
    SCHEMA,
    SCRIPT,
    estimate_tokens,
    example_arguments,
    skill_description,
    skill_files,
    skill_name,
)
from seer_rpc.presentation import Exit
from seer_rpc.workspace import Library, Skill, Workspace
from seer_runtime.wire.pb.interface_pb2 import Function, InterfaceSchema, Type
from tests.corpus import InterfaceFile, interface_files, schemas

HOSTILE = "x: y # no\n---\nname: other\n<b>{{a}}</b> \"quoted\" \\ \x85 \u2028 \x7f 'it' ``` 🚀 é"


def front_matter(text: str) -> dict[str, object]:
    _, head, _ = text.split("---\n", 2)
    # Whatever is quoted is so in JSON's way, which is YAML's, too.
    pairs = [line.partition(": ") for line in head.splitlines() if ": " in line]
    return {name: json.loads(value) if '"' in value else value for name, _, value in pairs}


@pytest.mark.parametrize(
    ("interface", "name"),
    [
        ("tools", "tools"),
        ("model_tools", "model-tools"),
        ("__Model__Tools2_", "model-tools2"),
        ("ModelTools", "model-tools"),
        ("_" + "a" * 63 + "_b", "a" * 63),
        ("naïve", "na-ve"),
    ],
)
def test_names_are_words_of_small_letters_with_hyphens(interface: str, name: str) -> None:
    assert skill_name(interface) == name


def test_a_name_of_which_nothing_is_left_is_another_one() -> None:
    assert re.fullmatch(r"interface-[0-9a-f]{8}", skill_name("名前"))
    assert skill_name("名前") != skill_name("名")


@pytest.mark.parametrize("file", interface_files(), ids=lambda file: file.name)
def test_the_skills_of_the_corpus_keep_the_limits(file: InterfaceFile) -> None:
    schema = schemas()[file.name]
    files = skill_files(schema, sys.executable)

    text = files["SKILL.md"]
    assert len(text.splitlines()) <= 500
    assert estimate_tokens(text) < 5000
    head = front_matter(text)
    assert head["name"] == skill_name(file.name)
    assert head["description"] == skill_description(schema)
    assert len(skill_description(schema)) <= 1024
    named = set(re.findall(r"\]\((references/[^)]+)\)", text))
    assert named == {name for name in files if name.startswith("references/")}
    assert all(f"- {int(each)}: " in text for each in Exit)
    assert Parse(files[SCHEMA], InterfaceSchema()) == schema
    compile(files[SCRIPT], SCRIPT, "exec")
    told = "\n".join(files.values())
    assert all(f"## {function.name}\n" in told for function in schema.functions)


@pytest.mark.parametrize("file", interface_files(), ids=lambda file: file.name)
def test_examples_fit_the_schema_of_the_arguments(file: InterfaceFile) -> None:
    for function in schemas()[file.name].functions:
        schema = json.loads(function.input_schema)
        jsonschema.Draft202012Validator(schema).validate(json.loads(example_arguments(function)))


@pytest.mark.parametrize(
    ("schema", "example"),
    [
        ({"type": "integer", "minimum": 5}, 6),
        ({"type": "integer", "minimum": 0, "maximum": 1}, 1),
        ({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}, 0.5),
        ({"type": "integer", "maximum": -3}, -4),
        ({"type": "number"}, 1),
        ({"type": "string", "minLength": 6}, "textxx"),
        ({"type": "string", "format": "date"}, "2026-01-31"),
        ({"type": "array", "items": {"type": "boolean"}, "minItems": 2}, [True, True]),
        ({"type": "array", "prefixItems": [{"type": "integer"}, {"type": "null"}]}, [1, None]),
        ({"anyOf": [{"enum": ["a", "b"]}, {"type": "null"}]}, "a"),
        ({"const": 7}, 7),
        ({}, "..."),
    ],
)
def test_an_example_is_made_of_what_the_schema_says(schema: object, example: object) -> None:
    arguments = {"properties": {"value": schema}, "required": ["value"]}
    function = Function(name="f", input_schema=json.dumps(arguments))

    assert json.loads(example_arguments(function)) == {"value": example}
    jsonschema.Draft202012Validator(arguments).validate({"value": example})


def nested_lists(levels: int) -> dict[str, object]:
    inner: dict[str, object] = {"type": "integer"}
    for _ in range(levels):
        inner = {"type": "array", "items": inner, "minItems": 1000}
    return inner


WIDE = {
    f"Level{level}": {
        "type": "object",
        "properties": {f"field{n}": {"$ref": f"#/$defs/Level{level - 1}"} for n in range(10)},
        "required": [f"field{n}" for n in range(10)],
    }
    for level in range(10)
}


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "integer", "minimum": 10**400},
        {"type": "number", "minimum": 10**400},
        {"type": "number", "minimum": 10**400, "maximum": 10**401},
        {"type": "integer", "exclusiveMaximum": -(10**400)},
        {"type": "number", "minimum": float("inf")},
        {"type": "string", "minLength": 10**9},
        {"type": "array", "items": {"type": "integer"}, "minItems": 10**9},
        nested_lists(8),
        {"$ref": "#/$defs/Level9"},
        {"const": "x" * 10**6},
        {"type": "array", "prefixItems": [{"type": "integer"}] * 3 + [nested_lists(8)] * 3},
    ],
)
def test_an_example_is_short_whatever_its_bounds_are(schema: object) -> None:
    arguments = {"properties": {"value": schema}, "required": ["value"], "$defs": WIDE}
    function = Function(name="f", input_schema=json.dumps(arguments))

    begun = time.thread_time()
    example = example_arguments(function)
    assert time.thread_time() - begun < 5
    assert len(example) < 5000
    assert json.loads(example)["value"] is not None


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "integer", "minimum": 10**400},
        {"type": "number", "minimum": -(10**401), "maximum": -(10**400)},
        {"type": "string", "minLength": 500},
        {"type": "array", "items": {"type": "boolean"}, "minItems": 100},
        {"type": "array", "items": {"type": "boolean"}, "maxItems": 0},
    ],
)
def test_large_bounds_are_kept_as_long_as_there_is_room(schema: object) -> None:
    arguments = {"properties": {"value": schema}, "required": ["value"]}
    function = Function(name="f", input_schema=json.dumps(arguments))

    jsonschema.Draft202012Validator(arguments).validate(json.loads(example_arguments(function)))


def test_an_example_of_a_recursive_type_has_an_end() -> None:
    tree = {
        "type": "object",
        "properties": {
            "children": {"type": "array", "items": {"$ref": "#/$defs/Tree"}},
            "next": {"anyOf": [{"$ref": "#/$defs/Tree"}, {"type": "null"}]},
        },
        "required": ["children", "next"],
    }
    arguments = {
        "properties": {"tree": {"$ref": "#/$defs/Tree"}},
        "required": ["tree"],
        "$defs": {"Tree": tree},
    }
    example = example_arguments(Function(name="f", input_schema=json.dumps(arguments)))

    assert len(example) < 2000
    jsonschema.Draft202012Validator(arguments).validate(json.loads(example))


def test_docs_cannot_break_out_of_their_places() -> None:
    function = Function(name="f", doc=HOSTILE, result=Type(name="none"))
    schema = InterfaceSchema(name="tools", doc=HOSTILE, functions=[function])
    files = skill_files(schema, sys.executable)

    head = front_matter(files["SKILL.md"])
    assert set(head) == {"name", "description", "  interface", "  schema"}
    assert head["name"] == "tools"
    description = str(head["description"])
    assert description.startswith("x: y # no - name: other b {{a}} /b ")
    assert description.isprintable()
    assert HOSTILE in files["references/functions.md"]
    # The fence is longer than any inside.
    assert files["references/functions.md"].count("````") == 2


def test_a_thousand_functions_have_a_short_skill() -> None:
    doc = "What it does, in words enough to fill a line of the list. " * 3
    result = Type(name="none")
    for count in (100, 290, 1000, 5000):
        functions = [Function(name=f"function_{n}", doc=doc, result=result) for n in range(count)]
        schema = InterfaceSchema(name="many", doc="Long. " * 4000, functions=functions)
        text = skill_files(schema, sys.executable)["SKILL.md"]
        assert estimate_tokens(text) < 5000
        assert len(text.splitlines()) <= 500
        assert "Long." in text
        assert "function_0" in text
        assert len(skill_description(schema)) <= 1024


def test_a_skill_is_installed_where_agents_look_and_its_secrets_apart(tmp_path: Path) -> None:
    files = {"SKILL.md": "first", "references/a.md": "a"}
    skill = Skill("my-tools", files, "Does things.", private_files={"tools.json": "secret"})

    folder = skill.install(tmp_path)
    assert folder == tmp_path / ".claude" / "skills" / "my-tools"
    assert (folder / "references" / "a.md").read_text() == "a"
    private = tmp_path / ".seer" / "tools.json"
    assert private.read_text() == "secret"
    assert private.stat().st_mode & 0o077 == 0
    assert (tmp_path / ".seer" / ".gitignore").read_text() == "*\n"
    assert not [
        file for file in folder.rglob("*") if file.is_file() and "secret" in file.read_text()
    ]

    Workspace(skills=[Skill("my-tools", {"SKILL.md": "second"})]).install(tmp_path)
    assert (folder / "SKILL.md").read_text() == "second"
    assert not (folder / "references" / "a.md").exists()


def test_a_skill_that_is_someone_elses_is_left_alone(tmp_path: Path) -> None:
    own = tmp_path / ".claude" / "skills" / "tools" / "SKILL.md"
    own.parent.mkdir(parents=True)
    own.write_text("mine")
    library = Library.from_code("x = 1\n", "helpers")
    workspace = Workspace(libraries=[library], skills=[Skill("tools", {"SKILL.md": "ours"})])

    with pytest.raises(ConfigError, match="in the way of skill 'tools'"):
        workspace.install(tmp_path)
    assert own.read_text() == "mine"


@pytest.mark.parametrize(
    ("name", "file"), [("tools", "../x"), ("tools", "/x"), ("../tools", "x"), ("", "x"), ("t", "")]
)
def test_a_skill_stays_inside_its_folder(name: str, file: str) -> None:
    with pytest.raises(ConfigError, match="outside the skill"):
        Skill(name, {file: ""})


def test_many_lines_of_docs_do_not_make_the_skill_too_long() -> None:
    schema = InterfaceSchema(name="tools", doc="What it does.\n\n" + "- more\n" * 480)
    schema.functions.add(name="run", input_schema="{}", result=Type(name="none"))
    text = skill_files(schema, sys.executable)["SKILL.md"]
    assert "What it does." in text
    assert text.count("\n") <= 500


def skill_folder(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True)
    (folder / "SKILL.md").write_text(text)
    (folder / "scripts").mkdir()
    (folder / "scripts" / "go.sh").write_text("#!/bin/sh\necho went\n")
    (folder / "logo.png").write_bytes(b"\x89PNG\xff")
    return folder


HEAD = "---\nname: my-tools\ndescription: >\n  Does things;\n  use it when.\n---\nRead on.\n"


def test_a_folder_becomes_a_skill_with_all_its_files(tmp_path: Path) -> None:
    folder = skill_folder(tmp_path / "my-tools", HEAD)
    skill = Skill.from_directory(folder)

    installed = skill.install(tmp_path / "work")

    assert (skill.name, skill.description) == ("my-tools", "Does things; use it when.")
    assert skill.data_files == {"logo.png": b"\x89PNG\xff"}
    assert (installed / "logo.png").read_bytes() == b"\x89PNG\xff"
    assert (installed / "SKILL.md").read_text() == HEAD
    # Agents run scripts as they stand.
    assert subprocess.check_output([installed / "scripts" / "go.sh"], text=True) == "went\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("# No head\n", "there is no head"),
        ("---\nname: my-tools\n", "there is no head"),
        ("---\nname: my-tools\ndescription: a: b: c\n---\n", "no YAML"),
        ("---\n- a\n---\n", "has no fields"),
        ("---\nname: my-tools\n---\n", "there is no description"),
        ("---\nname: my-tools\ndescription: 3\n---\n", "there is no description"),
        ("---\ndescription: x\n---\n", "there is no name"),
        ("---\nname: My_Tools\ndescription: x\n---\n", "name 'My_Tools' is none"),
        ("---\nname: my--tools\ndescription: x\n---\n", "is none"),
        ("---\nname: other\ndescription: x\n---\n", "name is 'other'"),
        (f"---\nname: my-tools\ndescription: {'x' * 1025}\n---\n", "1025 characters"),
        (f"---\nname: {'x' * 65}\ndescription: x\n---\n", "65 characters"),
    ],
)
def test_a_folder_that_agents_would_not_take_is_refused(
    tmp_path: Path, text: str, words: str
) -> None:
    folder = skill_folder(tmp_path / "my-tools", text)

    with pytest.raises(ConfigError, match=words):
        Skill.from_directory(folder)
    with pytest.raises(ConfigError, match=words):
        Workspace(skill_dirs=[folder])


def test_a_folder_without_a_text_is_no_skill(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()

    with pytest.raises(ConfigError, match=r"has no SKILL\.md"):
        Skill.from_directory(tmp_path / "empty")


def test_fields_that_some_agents_know_are_warned_of(tmp_path: Path) -> None:
    folder = skill_folder(tmp_path / "my-tools", HEAD.replace("---\nR", "version: 1\n---\nR"))

    with pytest.warns(UserWarning, match="does not know: version"):
        Skill.from_directory(folder)
