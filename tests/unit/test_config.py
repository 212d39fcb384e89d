"""Configs: what cannot work is refused when it is written down."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from seer_rpc.environment import ExecutionMode, ModelConfig, RepoConfig, SandboxConfig
from seer_rpc.environment.config.model_sizes import count_parameters, model_size
from seer_rpc.environment.config.repo_urls import parse_repo
from seer_rpc.errors import ConfigError, UnknownFieldError


def test_a_config_without_anything_is_a_cpu_sandbox() -> None:
    config = SandboxConfig()

    assert (config.gpu, config.gpu_count, config.timeout) == (None, 1, 3600)
    assert (config.models, config.python_packages, config.secrets, config.env) == ([], [], [], {})


def test_configs_do_not_share_their_lists() -> None:
    first, second = SandboxConfig(), SandboxConfig()

    for field in dataclasses.fields(first):
        value = getattr(first, field.name)
        if isinstance(value, list | dict):
            assert value is not getattr(second, field.name), field.name


@pytest.mark.parametrize("gpu", ["T4", "L4", "A10G", "A100", "A100-40GB", "A100-80GB", "H100"])
def test_known_gpus_are_accepted(gpu: str) -> None:
    assert SandboxConfig(gpu=gpu, gpu_count=2).gpu == gpu


MODEL = ModelConfig(name="org/model")
REPO = RepoConfig(url="owner/repo")


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"gpu": "A1000"}, "gpu='A1000' is not known; did you mean 'A100'"),
        ({"gpu": ""}, "gpu='' is not known"),
        ({"gpu": "H100:2"}, "gpu='H100:2': how many there are is a field of its own"),
        ({"gpu": 1}, "gpu=1 must be text or None, not int"),
        ({"gpu": "A100", "gpu_count": 0}, "gpu_count=0 must be at least 1"),
        ({"gpu": "A100", "gpu_count": 9}, "gpu_count=9 must be at least 1 and at most 8"),
        ({"gpu": "A100", "gpu_count": "2"}, "gpu_count='2' must be a whole number, not str"),
        ({"gpu_count": True}, "gpu_count=True must be a whole number"),
        ({"execution_mode": "notebook"}, "execution_mode='notebook' is not known"),
        ({"isolation": "namespaces"}, "isolation='namespaces' is not known; did you mean 'namesp"),
        ({"timeout": "60"}, "timeout='60' must be a number, not str"),
        ({"timeout": float("nan")}, "timeout=nan must be a positive number"),
        ({"timeout": float("inf")}, "timeout=inf must be a positive number"),
        ({"idle_timeout": 0}, "idle_timeout=0 must be a positive number"),
        ({"memory": -1}, "memory=-1 must be a positive number"),
        ({"disk": 0}, "disk=0 must be a positive number"),
        ({"processes": -3}, "processes=-3 must be a positive number"),
        ({"cpus": 0.0}, "cpus=0.0 must be a positive number"),
        ({"block_network": "yes"}, "block_network='yes' must be True or False or None, not str"),
        ({"python_packages": "numpy"}, "python_packages='numpy' must be a list of text"),
        ({"python_packages": ["numpy=="]}, "'numpy==' is no requirement"),
        ({"python_packages": [1]}, "must be a list of text: 1 is none"),
        ({"system_packages": ["git; rm -rf /"]}, "is no Debian package"),
        ({"system_packages": ["-o"]}, "is no Debian package"),
        ({"system_packages": ["Git"]}, "is no Debian package"),
        ({"models": ["org/model"]}, "must be a list of ModelConfig: 'org/model' is none"),
        ({"models": MODEL}, "must be a list of ModelConfig"),
        ({"repos": ["owner/repo"]}, "must be a list of RepoConfig"),
        ({"repos": [REPO, RepoConfig(url="other/repo")]}, "2 repos have name='repo'"),
        ({"local_files": ["data.txt"]}, "must be a list of pairs of text"),
        ({"local_files": [(__file__, "../x")]}, "'../x' is no path in the sandbox"),
        ({"local_files": [(__file__, " ")]}, "' ' is no path in the sandbox"),
        ({"local_dirs": [(".", "/root/../x")]}, "is no path in the sandbox"),
        ({"env": {"A": "x\0y"}}, "has a null character"),
        ({"env": ["A=1"]}, "env must be a mapping from text to text, not list"),
        ({"timeout": 0}, "timeout=0 must be a positive number"),
        ({"timeout": -5}, "timeout=-5 must be a positive number"),
        ({"models": [MODEL, ModelConfig(name="org/other")]}, "2 models have var_name='model'"),
        ({"secrets": ["sk-1234 secret"]}, "is no name of an environment variable"),
        ({"secrets": ["HF_TOKEN=abc"]}, "is no name of an environment variable"),
        ({"secrets": ["1TOKEN"]}, "is no name of an environment variable"),
        ({"env": {"A B": "1"}}, "'A B' is no name of an environment variable"),
        ({"env": {"": "1"}}, "'' is no name of an environment variable"),
        ({"env": {"A\n": "1"}}, "is no name of an environment variable"),
        ({"env": {"A": 1}}, r"env\['A'\] must be text, not int"),
        ({"local_files": [("gone.txt", "/root/x")]}, "there is no file gone.txt"),
        ({"local_files": [(".", "/root/x")]}, "there is no file"),
        ({"local_dirs": [("gone", "/root/x")]}, "there is no folder gone"),
        ({"local_dirs": [(__file__, "/root/x")]}, "there is no folder"),
        ({"image": ""}, "image='' is no image"),
        ({"image": "ubuntu 22.04"}, "is no image"),
        ({"image": "ubuntu:22.04\n"}, "is no image"),
        ({"image": "ubuntu:22.04 AS base"}, "is no image"),
        ({"image": "./Dockerfile"}, "is no image"),
        ({"image": "ubuntu@sha256:12"}, "is no image"),
        ({"image": "a" * 600}, "is no image"),
        ({"image": ["ubuntu"]}, "must be text or None, not list"),
        ({"docker": "yes"}, "docker='yes' must be True or False"),
        ({"region": "US East"}, "is no region"),
        ({"allow_from": "203.0.113.0/24"}, "must be a list of text or None, not str"),
        ({"allow_from": []}, "would let nobody in"),
        ({"allow_from": ["203.0.113.0/33"]}, "is no network"),
        ({"allow_from": ["example.org"]}, "is no network"),
    ],
)
def test_a_sandbox_that_cannot_work_is_refused(fields: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        SandboxConfig(**fields)


def test_what_can_work_is_accepted(tmp_path: Path) -> None:
    file = tmp_path / "data.txt"
    file.touch()

    SandboxConfig(
        models=[MODEL, ModelConfig(name="org/other", var_name="other")],
        secrets=["HF_TOKEN", "_x1"],
        env={"MODE": "fast"},
        local_files=[(str(file), "/root/data.txt")],
        local_dirs=[(tmp_path, "/root/data")],
        execution_mode=ExecutionMode.CLI,
        system_packages=["git", "libstdc++6", "g++=4:12.2.0-3", "zlib1g:amd64"],
        repos=[REPO, RepoConfig(url="owner/other", install="pip install -e '.[dev]'")],
        image="nvidia/cuda:12.8.1-devel-ubuntu22.04",
        docker=True,
        region="us-east",
        allow_from=["203.0.113.0/24", "2001:db8::/32"],
        isolation="none",
        timeout=0.5,
        cpus=1,
    )


@pytest.mark.parametrize(
    "image",
    [
        *("ubuntu", "ubuntu:22.04", "ghcr.io/org/a_b__c--d.e:V1.0", "localhost:5000/x"),
        *("registry:5000/x/y:latest", f"ubuntu:22.04@sha256:{'0a' * 32}"),
    ],
)
def test_an_image_is_written_as_docker_takes_it(image: str) -> None:
    assert SandboxConfig(image=image).image == image


@pytest.mark.parametrize(
    ("image", "hint"),
    [
        ("docker://ubuntu", "leave 'docker://' out"),
        ("Ubuntu:22.04", "lower case"),
        ("ubuntu:", "as docker pull takes it"),
    ],
)
def test_what_is_no_image_comes_with_what_to_write(image: str, hint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        SandboxConfig(image=image)
    assert hint in caught.value.hint


def test_networks_are_written_in_one_way() -> None:
    config = SandboxConfig(allow_from=["203.0.113.7", "2001:0db8::/32"])

    assert config.allowed == ("203.0.113.7/32", "2001:db8::/32")
    assert SandboxConfig().allowed == ()
    with pytest.raises(ConfigError) as caught:
        SandboxConfig(allow_from=["203.0.113.7/24"])
    assert '"203.0.113.0/24", or "203.0.113.7"' in caught.value.hint


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"name": ""}, "a model needs a name"),
        ({"name": "m", "var_name": "my model"}, "cannot be the name of a variable"),
        ({"name": "m", "var_name": ""}, "cannot be the name of a variable"),
        ({"name": "m", "var_name": "class"}, "cannot be the name of a variable"),
        ({"name": "m", "is_peft": True}, "needs the model that it adapts"),
        ({"name": "m", "base_model": "base"}, "is no adapter"),
    ],
)
def test_a_model_that_cannot_work_is_refused(fields: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        ModelConfig(**fields)


def test_an_adapter_names_its_base() -> None:
    assert ModelConfig(name="org/adapter", is_peft=True, base_model="org/base").is_peft


def test_a_model_has_these_five_parameters_and_no_others() -> None:
    assert [field.name for field in dataclasses.fields(ModelConfig)] == [
        *("name", "var_name", "hidden", "is_peft", "base_model")
    ]
    with pytest.raises(TypeError, match="torch_dtype"):
        ModelConfig(name="m", torch_dtype="float16")  # type: ignore[call-arg]


def test_an_error_about_a_gpu_lists_the_known_ones() -> None:
    with pytest.raises(ConfigError) as caught:
        SandboxConfig(gpu="V100")
    assert "H100" in caught.value.hint


@pytest.mark.parametrize(
    ("written", "name"), [("h100", "H100"), ("a100-80gb", "A100-80GB"), (" A10g", "A10G")]
)
def test_a_gpu_may_be_written_in_any_case(written: str, name: str) -> None:
    assert SandboxConfig(gpu=written).gpu == name


def test_the_number_of_gpus_in_a_name_is_told_where_it_belongs() -> None:
    with pytest.raises(ConfigError) as caught:
        SandboxConfig(gpu="h100:2")
    assert 'gpu="H100", gpu_count=2' in caught.value.hint


@pytest.mark.parametrize(
    ("config", "field", "advice"),
    [
        (SandboxConfig, "python_package", "did you mean 'python_packages'"),
        (SandboxConfig, "packages", "write python_packages="),
        (SandboxConfig, "name", "start(name="),
        (SandboxConfig, "xyzzy", "its fields are gpu, gpu_count"),
        (ModelConfig, "torch_dtype", "is decided for you"),
        (ModelConfig, "device_map", "is decided for you"),
        (ModelConfig, "revision", "org/model@revision"),
        (ModelConfig, "varname", "did you mean 'var_name'"),
        (RepoConfig, "branch", "@revision"),
        (RepoConfig, "Dockerfile", "did you mean 'dockerfile'"),
    ],
)
def test_a_field_that_there_is_not_is_told_with_what_to_write(
    config: Any, field: str, advice: str
) -> None:
    with pytest.raises(
        UnknownFieldError, match=f"{config.__name__} has no field '{field}'"
    ) as caught:
        config(**{field: "x"})

    assert advice in str(caught.value)
    assert isinstance(caught.value, TypeError)
    assert isinstance(caught.value, ConfigError)


SECRET = "hf_Qz81XkPq07mTtYw93vBnLr"


@pytest.mark.parametrize("secrets", [[SECRET], [f"HF_TOKEN={SECRET}"], SECRET, [f"{SECRET}-x"]])
def test_a_secret_where_its_name_belongs_is_not_told_again(secrets: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        SandboxConfig(secrets=secrets)
    assert SECRET not in str(caught.value)
    assert "secrets" in str(caught.value)


def test_what_may_be_secret_is_not_shown() -> None:
    config = SandboxConfig(
        secrets=["HF_TOKEN"],
        env={"KEY": SECRET},
        python_packages=[f"tool @ https://me:{SECRET}@host/tool-1-py3-none-any.whl"],
        repos=[RepoConfig(url=f"https://me:{SECRET}@host/owner/repo")],
    )

    for shown in (repr(config), str(config), repr(config.repos), repr(config.repos[0].source)):
        assert SECRET not in shown
    assert "env={'KEY': ...}" in repr(config)
    assert "url='https://host/owner/repo'" in repr(config)


@pytest.mark.parametrize("value", [1, None, ["x"]])
def test_the_value_of_a_variable_is_not_told(value: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        SandboxConfig(env={"KEY": value, "OTHER": SECRET})
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "url", "name", "revision"),
    [
        ("owner/repo", "https://github.com/owner/repo", "repo", ""),
        ("owner/repo@v1.0", "https://github.com/owner/repo", "repo", "v1.0"),
        ("owner/repo@feature/x", "https://github.com/owner/repo", "repo", "feature/x"),
        ("https://host/a/b.git", "https://host/a/b.git", "b", ""),
        ("https://host:8443/a/b.git@1f", "https://host:8443/a/b.git", "b", "1f"),
        ("https://me:pw@host/a/b@main", "https://host/a/b", "b", "main"),
        ("git@github.com:a/b.git", "git@github.com:a/b.git", "b", ""),
        ("git@github.com:a/b.git@v2", "git@github.com:a/b.git", "b", "v2"),
        ("ssh://git@host:22/a/b@v2", "ssh://git@host:22/a/b", "b", "v2"),
        ("ssh://git:pw@host/a/b", "ssh://git@host/a/b", "b", ""),
        ("http://localhost:3000/a/b", "http://localhost:3000/a/b", "b", ""),
        ("git://127.0.0.1:9418/b", "git://127.0.0.1:9418/b", "b", ""),
    ],
)
def test_repositories_are_read(text: str, url: str, name: str, revision: str) -> None:
    source = parse_repo(text)

    assert (source.url, source.name, source.revision) == (url, name, revision)


def test_a_folder_here_is_a_repository_with_or_without_a_revision(tmp_path: Path) -> None:
    folder = tmp_path / "odd@name"
    folder.mkdir()

    for text in (str(folder), folder.as_uri(), folder.as_uri().replace("%40", "@")):
        assert parse_repo(text).url == str(folder)
        assert parse_repo(text).name == "odd-name"
    assert parse_repo(f"{folder}@v1").revision == "v1"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "is no repository"),
        ("repo", "there is no such folder here"),
        ("/nowhere/at/all", "there is no such folder here"),
        ("file:///nowhere/at/all", "there is no such folder here"),
        ("--upload-pack=touch /tmp/x", "is no repository"),
        ("ext::sh -c touch% /tmp/x", "is no repository"),
        ("ssh://-oProxyCommand=x/a/b", "names no host"),
        ("ssh://-o@host/a/b", "names no user"),
        ("http://github.com/a/b", "can be changed on its way"),
        ("git://github.com/a/b", "can be changed on its way"),
        ("ftp://host/a/b", "come by https, ssh, file alone"),
        ("javascript://x/y", "come by https, ssh, file alone"),
        ("https:///a/b", "names no host"),
        ("https://host:port/a/b", "is no URL"),
        ("https://me:pass/word@host/a/b", "what follows https:// is no URL"),
        ("https://host/", "has no name"),
        ("https://host/a/..", "has no name"),
        ("owner/repo@", "'' is no branch, tag or commit"),
        ("owner/repo@--force", "'--force' is no branch, tag or commit"),
        ("owner/repo@a..b", "'a..b' is no branch, tag or commit"),
        ("owner/repo@a b", "'a b' is no branch, tag or commit"),
        ("a/b\x00", "is no repository"),
    ],
)
def test_what_is_no_repository_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        RepoConfig(url=text)


@pytest.mark.parametrize("dockerfile", ["/Dockerfile", "../Dockerfile", "a/../../b", ""])
def test_a_dockerfile_is_in_its_repository(dockerfile: str) -> None:
    with pytest.raises(ConfigError, match="no path in the repository"):
        RepoConfig(url="owner/repo", dockerfile=dockerfile)


LLAMA_70B = {
    "hidden_size": 8192,
    "num_hidden_layers": 80,
    "num_attention_heads": 64,
    "num_key_value_heads": 8,
    "intermediate_size": 28672,
    "vocab_size": 128256,
    "hidden_act": "silu",
    "torch_dtype": "bfloat16",
}
MIXTRAL = {
    "hidden_size": 4096,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "intermediate_size": 14336,
    "num_local_experts": 8,
    "vocab_size": 32000,
    "hidden_act": "silu",
}
GEMMA_2_9B = {
    "hidden_size": 3584,
    "num_hidden_layers": 42,
    "num_attention_heads": 16,
    "num_key_value_heads": 8,
    "head_dim": 256,
    "intermediate_size": 14336,
    "vocab_size": 256000,
    "hidden_act": "gelu_pytorch_tanh",
    "tie_word_embeddings": True,
}


@pytest.mark.parametrize(
    ("config", "billions"), [(LLAMA_70B, 70.6), (MIXTRAL, 46.7), (GEMMA_2_9B, 9.24)]
)
def test_parameters_are_counted_from_a_config(config: dict[str, Any], billions: float) -> None:
    assert count_parameters(config) / 1e9 == pytest.approx(billions, rel=0.01)


@pytest.mark.parametrize("config", [{}, {"hidden_size": "x"}, {"vocab_size": 5}])
def test_a_config_that_does_not_tell_counts_nothing(config: dict[str, Any]) -> None:
    assert count_parameters(config) == 0


@pytest.mark.parametrize(
    ("name", "billions"),
    [
        ("meta-llama/Llama-3-70b-hf", 70),
        ("google/gemma-2-9b-it", 9),
        ("Qwen/Qwen2.5-0.5B", 0.5),
        ("mistralai/Mixtral-8x7B-v0.1", 56),
        ("org/model@7b", None),
        ("gpt2", None),
        ("org/b2b-7bit", None),
    ],
)
def test_a_name_may_tell_a_size(
    name: str, billions: float | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    size = model_size(name)

    assert (size.parameters / 1e9 if size else None) == billions


def test_a_model_that_is_here_tells_its_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    snapshot = tmp_path / "hub" / "models--org--x" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text(json.dumps({**LLAMA_70B, "torch_dtype": "float32"}))
    refs = tmp_path / "hub" / "models--org--x" / "refs"
    refs.mkdir()
    (refs / "main").write_text("abc")

    for name in (str(snapshot), "org/x", "org/x@main", "org/x@abc"):
        size = model_size(name)
        assert size is not None
        assert size.gigabytes == pytest.approx(70.6 * 4, rel=0.01)
    assert model_size("org/x@other") is None
    index = {"metadata": {"total_size": 8_000_000_000}}
    (snapshot / "model.safetensors.index.json").write_text(json.dumps(index))
    size = model_size("org/x")
    assert size is not None
    assert (size.gigabytes, size.parameters) == (8, 2e9)


@pytest.mark.parametrize(
    ("fields", "advice"),
    [
        ({"gpu": "T4", "models": [ModelConfig(name="org/x-9b")]}, "T4 has 16 GB .*A10G|L4"),
        ({"gpu": "H100", "models": [ModelConfig(name="org/x-70b")]}, 'A100-80GB", gpu_count=2'),
        (
            {"gpu": "A100", "gpu_count": 2, "models": [ModelConfig(name="org/x-70b")]},
            "2 x A100 have 80 GB",
        ),
        (
            {
                "gpu": "L4",
                "models": [
                    ModelConfig(
                        name="org/adapter", is_peft=True, base_model="org/x-30b", hidden=True
                    )
                ],
            },
            "about 60 GB.*a hidden one: 30.0B x 2 bytes, by its name.*A100-80GB",
        ),
        (
            {
                "gpu": "L4",
                "models": [
                    ModelConfig(name="org/x-7b", var_name="a"),
                    ModelConfig(name="org/y-7b", var_name="b"),
                ],
            },
            "about 28 GB",
        ),
        ({"gpu": "H100", "gpu_count": 8, "models": [ModelConfig(name="org/x-671b")]}, "smaller"),
    ],
)
def test_models_that_cannot_fit_are_a_warning(fields: dict[str, Any], advice: str) -> None:
    with pytest.warns(UserWarning, match=advice) as caught:
        SandboxConfig(**fields)
    assert caught[0].filename == __file__


@pytest.mark.parametrize(
    "fields",
    [
        {"gpu": "A10G", "models": [ModelConfig(name="org/x-7b")]},
        {"gpu": "A100-40GB", "models": [ModelConfig(name="google/gemma-2-9b-it")]},
        {"gpu": "A100-80GB", "gpu_count": 2, "models": [ModelConfig(name="org/x-70b")]},
        {"gpu": "T4", "models": [ModelConfig(name="org/unknown")]},
        {"models": [ModelConfig(name="org/x-70b")]},
        {
            "gpu": "A10G",
            # One base, however many adapters.
            "models": [
                ModelConfig(name=f"org/{v}", var_name=v, is_peft=True, base_model="org/x-7b")
                for v in "abc"
            ],
        },
    ],
)
def test_models_that_fit_are_none(fields: dict[str, Any]) -> None:
    SandboxConfig(**fields)
