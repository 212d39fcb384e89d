"""Attention patterns: read and changed between the softmax and the values.

Only eager attention has them at all; sdpa and flash attention never hold the matrix. A model is
switched to an implementation of its own while somebody looks: its family's eager one (softcaps and
scales included), with a pause in the middle. Logits differ from sdpa's by rounding alone (4e-6).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.masking_utils import eager_mask

from seer_interfaces.toolkit.architecture import Architecture

Visit = Callable[[torch.Tensor], torch.Tensor | None]
"""Sees a tensor, and may give another one for it."""

_NAME = "seer_patterns"
_VISITS: WeakKeyDictionary[nn.Module, list[Visit]] = WeakKeyDictionary()


@contextmanager
def with_patterns(architecture: Architecture) -> Iterator[None]:
    """Have the model compute patterns, as its family's eager attention does."""
    config = architecture.config
    usual = config._attn_implementation
    config._attn_implementation = _NAME
    try:
        yield
    finally:
        config._attn_implementation = usual


@contextmanager
def visit_pattern(attention: nn.Module, visit: Visit) -> Iterator[None]:
    """Let `visit` see the pattern of an attention module, [batch, head, query, key]."""
    visits = _VISITS.setdefault(attention, [])
    visits.append(visit)
    try:
        yield
    finally:
        visits.remove(visit)


def _attend(
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    **options: Any,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Attend as the module's family does; what visits make of the pattern meets the values."""
    eager = vars(sys.modules[type(module).__module__])["eager_attention_forward"]
    output, pattern = eager(module, query, key, value, attention_mask, **options)
    for visit in _VISITS.get(module, ()):
        changed = visit(pattern)
        if changed is not None:
            pattern = changed
            # Several query heads share a value head.
            values = value.repeat_interleave(pattern.shape[1] // value.shape[1], dim=1)
            output = (pattern.to(values.dtype) @ values).transpose(1, 2).contiguous()
    return output, pattern


AttentionInterface.register(_NAME, _attend)
AttentionMaskInterface.register(_NAME, eager_mask)
