"""Two prompts that differ in one thing, and activations that go from one to the other."""

from __future__ import annotations

from collections.abc import Callable

import torch

from seer_interfaces.toolkit.inputs import Batch, Prompt
from seer_interfaces.toolkit.running import Keep
from seer_interfaces.toolkit.sites import HEAD_SITES, Site, heads_of
from seer_interfaces.toolkit.subjects import Subject


class Pair:
    """Two prompts that differ in what they lead to."""

    def __init__(
        self, subject: Subject, clean: Prompt, corrupt: Prompt, answer: str, wrong: str
    ) -> None:
        """Tokenise.

        Raises:
            ValueError: they have different numbers of tokens, or an answer is not one token.
        """
        self._subject = subject
        self.clean, self.corrupt = subject.encode(clean), subject.encode(corrupt)
        if self.clean.width != self.corrupt.width:
            raise ValueError(
                f"the clean prompt has {self.clean.width} tokens and the corrupt one "
                f"{self.corrupt.width}; patches need the same number"
            )
        self._answer, self._wrong = subject.token(answer), subject.token(wrong)

    def columns(self, site: Site, by: str) -> list[str]:
        """Name what is patched in a layer.

        Raises:
            ValueError: the site has no heads, or no positions of its own.
        """
        if site == "pattern":
            raise ValueError("patch z, q, k or v instead of patterns")
        if by == "position":
            return self._subject.words(self.corrupt.row(0))
        if site not in HEAD_SITES:
            raise ValueError(f'{site} has no heads: take site="z", or q, k, v')
        return [str(head) for head in range(heads_of(self._subject.architecture, site))]

    def repeated(self, times: int) -> Batch:
        """Give the corrupt prompt several times over."""
        return self._subject.batch([self.corrupt.row(0)] * times)

    def differences(self, normed: torch.Tensor) -> torch.Tensor:
        """Give the logit of the answer less that of the wrong one, for each row."""
        logits = self._subject.architecture.logits(normed[:, -1]).float()
        return logits[:, self._answer] - logits[:, self._wrong]

    def difference(self, normed: torch.Tensor) -> float:
        """Give that of the only row."""
        return float(self.differences(normed)[0])


def span_of(ends: tuple[float, float]) -> float:
    """Give how far the clean prompt's difference is from the corrupt one's.

    Raises:
        ValueError: they are the same.
    """
    clean, corrupt = ends
    if abs(clean - corrupt) < 1e-6:
        raise ValueError(
            f"the clean and the corrupt prompt prefer the answer alike ({clean:.3g}): there is "
            "nothing to measure patches by"
        )
    return clean - corrupt


def patch_of(source: torch.Tensor, chunk: range, by: str) -> Callable[[torch.Tensor], torch.Tensor]:
    """Give what sets one position or head in each row, the next one in the next."""
    rows = torch.arange(len(chunk))
    places = torch.tensor(chunk)

    def patch(whole: torch.Tensor) -> torch.Tensor:
        patched = whole.clone()
        if by == "head":
            patched[rows, :, places] = source[0, :, places].transpose(0, 1)
        else:
            patched[rows, places] = source[0, places]
        return patched

    return patch


def leaf_of(
    leaves: dict[Keep, torch.Tensor], place: Keep
) -> Callable[[torch.Tensor], torch.Tensor]:
    """Give what puts a tensor there by which one can differentiate."""

    def put(whole: torch.Tensor) -> torch.Tensor:
        # What the first layer reads depends on nothing that has a gradient.
        leaf = whole.clone() if whole.requires_grad else whole.clone().requires_grad_()
        leaves[place] = leaf
        return leaf

    return put
