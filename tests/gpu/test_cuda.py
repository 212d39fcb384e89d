"""What only a GPU can show: `make gpu` on a machine that has one."""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from seer_rpc.client import Session, TensorRef
from seer_rpc.environment import ModelConfig, SandboxConfig, ScopedSandbox
from seer_rpc.errors import DeviceMemoryError, RemoteError, StateLostError, WorkerDiedError

pytestmark = [
    pytest.mark.timeout(400),
    pytest.mark.skipif(
        not torch.cuda.is_available() and not os.environ.get("SEER_REQUIRE_GPU"),
        reason="this machine has no GPU",
    ),
]

TENSORS = """
    import torch

    held = []


    @expose
    def echo(x: torch.Tensor) -> torch.Tensor:
        return x.cuda() * 1


    @expose
    def ones(count: int, dtype: str) -> TensorRef:
        return TensorRef(torch.ones(count, dtype=getattr(torch, dtype), device="cuda"))


    @expose
    def double(x: torch.Tensor) -> TensorRef:
        return TensorRef(x * 2)


    @expose
    def allocated() -> int:
        return torch.cuda.memory_allocated()


    @expose
    def run_out() -> None:
        held.append(torch.empty(1 << 50, dtype=torch.uint8, device="cuda"))


    @expose
    def poison() -> None:
        x = torch.zeros(4, device="cuda")
        x[torch.tensor([9], device="cuda")] = 1
        torch.cuda.synchronize()
"""

GENERATE = """
    import time

    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    path = get_model_path(list(list_configured_models())[0])
    tokenizer = AutoTokenizer.from_pretrained(path)
    model = AutoModelForCausalLM.from_pretrained(path, dtype=torch.bfloat16).cuda()


    @expose
    def generate(prompt: str, count: int) -> tuple[str, float]:
        begun = time.perf_counter()
        ids = tokenizer(prompt, return_tensors="pt").to("cuda")
        out = model.generate(**ids, max_new_tokens=count, min_new_tokens=count, do_sample=False)
        text = tokenizer.decode(out[0])
        return text, time.perf_counter() - begun


    @expose
    def activation(prompt: str) -> TensorRef:
        ids = tokenizer(prompt, return_tensors="pt").to("cuda")
        return TensorRef(model(**ids, output_hidden_states=True).hidden_states[-1])
"""


@pytest.fixture
def tensors(open_session: Callable[[str], Session]) -> Session:
    return open_session(TENSORS)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16, torch.int64])
def test_tensors_come_back_from_the_device_as_they_were(
    tensors: Session, dtype: torch.dtype
) -> None:
    x = torch.arange(1 << 16).reshape(256, 256).to(dtype)
    result = tensors.call("echo", [x], {})
    assert result.dtype == dtype
    assert result.device.type == "cpu"
    assert torch.equal(result, x)


def test_references_stay_on_the_device_and_free_its_memory(
    tensors: Session, wait_until: Callable[..., None]
) -> None:
    before = tensors.call("allocated", [], {})
    ref = tensors.call("ones", [1 << 24, "bfloat16"], {})
    assert isinstance(ref, TensorRef)
    assert (ref.device, ref.dtype, ref.nbytes) == ("cuda:0", "bfloat16", 1 << 25)
    assert ref.norm() == pytest.approx(4096.0)
    doubled = tensors.call("double", [ref], {})
    assert doubled.device == "cuda:0"
    assert float(doubled.fetch().float().sum()) == 2.0 * (1 << 24)
    del ref, doubled
    wait_until(lambda: tensors.call("allocated", [], {}) <= before)


def test_a_device_that_runs_out_of_memory_says_how_much_there_is(tensors: Session) -> None:
    with pytest.raises(DeviceMemoryError, match="GiB free") as caught:
        tensors.call("run_out", [], {})
    assert caught.value.state == "kept"
    assert tensors.call("allocated", [], {}) >= 0


def test_a_poisoned_device_costs_the_worker_and_the_next_one_works(tensors: Session) -> None:
    with pytest.raises(RemoteError) as caught:
        tensors.call("poison", [], {})
    assert caught.value.state == "lost"
    with pytest.raises((StateLostError, WorkerDiedError)):
        tensors.call("allocated", [], {})
    assert float(tensors.call("echo", [torch.ones(3)], {}).sum()) == 3.0


@pytest.fixture
def language(model: str, write: Callable[..., Path]) -> Iterator[Session]:
    with ScopedSandbox(SandboxConfig(models=[ModelConfig(name=model)])) as scoped:
        library = scoped.serve(write(GENERATE))
        with Session(library.connection) as session:
            yield session


def test_generation_costs_what_it_costs_in_process(language: Session) -> None:
    overheads = []
    for _ in range(6):
        begun = time.perf_counter()
        _, inside = language.call("generate", ["The cat", 64], {})
        overheads.append((time.perf_counter() - begun) / inside)
    sys.stdout.write(f"\nwhole path / in process: {statistics.median(overheads[1:]):.4f}\n")
    assert language.call("activation", ["The cat"], {}).dtype == "bfloat16"
