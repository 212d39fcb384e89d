"""Grids: what it does to patch one place after the other, measured or estimated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import torch

from seer_interfaces.toolkit.inputs import Batch
from seer_interfaces.toolkit.interventions import Intervention
from seer_interfaces.toolkit.pairs import Pair, leaf_of, patch_of, span_of
from seer_interfaces.toolkit.replays import recorded, replayed
from seer_interfaces.toolkit.running import Keep, Result, run
from seer_interfaces.toolkit.sites import Site, Visitor
from seer_interfaces.toolkit.subjects import Subject
from seer_rpc.interface import progress

By: TypeAlias = Literal["position", "head"]


@dataclass
class Grid:
    """How much of the way from the corrupt to the clean answer each patch leads.

    Attributes:
        values: [layer, position] or [layer, head]; 0 is as the corrupt prompt, 1 as the clean one.
        layers: The layer of each row.
        columns: The corrupt prompt's token at each position, or each head's number.
        clean: How much the clean prompt prefers the answer: the difference of two logits.
        corrupt: The same of the corrupt prompt.
    """

    values: torch.Tensor
    layers: list[int]
    columns: list[str]
    clean: float
    corrupt: float


class Patching:
    """Two prompts, and the places whose activations go from one to the other."""

    def __init__(
        self,
        subject: Subject,
        pair: Pair,
        site: Site,
        by: By,
        layers: int | list[int] | None,
        interventions: Sequence[Intervention],
    ) -> None:
        """Choose the places; `interventions` are made in every pass.

        Raises:
            ValueError: there is no such layer, or nothing of the kind to be patched at the site.
        """
        self._subject, self._pair, self._by = subject, pair, by
        self._interventions = interventions
        self._layers = subject.architecture.layer_numbers(layers)
        self._columns = pair.columns(site, by)
        self._keep: list[Keep] = [(site, layer) for layer in self._layers]

    def measured(self, batch_size: int) -> Grid:
        """Patch each place, `batch_size` of them at once; tells callers how far it is.

        Below its layer a patch changes nothing: what the corrupt prompt has there is computed once.
        """
        source = self._run(self._pair.clean, keep=self._keep)
        before = self._subject.architecture.layers[: max(self._layers)]
        with recorded(before) as outputs:
            target = self._run(self._pair.corrupt)
        ends = self._pair.difference(source.normed), self._pair.difference(target.normed)
        span = span_of(ends)
        values = torch.empty(len(self._layers), len(self._columns))
        chunks = list(_chunks(len(self._columns), batch_size))
        for row, place in enumerate(self._keep):
            layer = place[1]
            for number, chunk in enumerate(chunks, 1):
                patch = Visitor(*place, patch_of(source.kept[place], chunk, self._by))
                with replayed(before[:layer], outputs[:layer], len(chunk)):
                    patched = self._run(self._pair.repeated(len(chunk)), visitors=[patch])
                differences = self._pair.differences(patched.normed)
                values[row, chunk.start : chunk.stop] = ((differences - ends[1]) / span).cpu()
                progress(row * len(chunks) + number, len(self._keep) * len(chunks))
        return Grid(values, self._layers, self._columns, *ends)

    def estimated(self) -> Grid:
        """Go along gradients at the corrupt prompt: (a_clean - a_corrupt) . dLD/da."""
        with torch.no_grad():
            source = self._run(self._pair.clean, keep=self._keep)
        leaves: dict[Keep, torch.Tensor] = {}
        with torch.enable_grad():
            visitors = [Visitor(*place, leaf_of(leaves, place)) for place in self._keep]
            target = self._run(self._pair.corrupt, visitors=visitors)
            difference = self._pair.differences(target.normed)[0]
            gradients = torch.autograd.grad(difference, [leaves[place] for place in self._keep])
        ends = self._pair.difference(source.normed), float(difference.detach())
        span = span_of(ends)
        moved = [source.kept[each].float() - leaves[each].detach().float() for each in self._keep]
        rows = [self._effects(*parts).cpu() / span for parts in zip(moved, gradients, strict=True)]
        return Grid(torch.stack(rows), self._layers, self._columns, *ends)

    def _effects(self, moved: torch.Tensor, gradient: torch.Tensor) -> torch.Tensor:
        """Give the effect of each column of a row."""
        product = (moved * gradient.float())[0]
        if self._by == "head":
            return product.flatten(2).sum(dim=(0, 2))
        return product.flatten(1).sum(dim=-1)

    def _run(
        self, batch: Batch, keep: Sequence[Keep] = (), visitors: Sequence[Visitor] = ()
    ) -> Result:
        return run(self._subject, batch, self._interventions, keep, visitors)


def _chunks(length: int, size: int) -> Iterator[range]:
    if size < 1:
        raise ValueError("batch_size is at least 1")
    for start in range(0, length, size):
        yield range(start, min(start + size, length))
