"""Forward passes: with interventions, and with what they leave behind at chosen sites."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from seer_interfaces.toolkit.inputs import Batch
from seer_interfaces.toolkit.interventions import Intervention, Pass, visitors_of
from seer_interfaces.toolkit.sites import Site, Visitor, visiting
from seer_interfaces.toolkit.subjects import Subject

Keep = tuple[Site, int]
"""A site of a layer."""


@dataclass
class Result:
    """What a forward pass gave."""

    normed: torch.Tensor
    """What the final norm gave, [batch, position, d_model]: `logits` makes logits of it."""

    kept: dict[Keep, torch.Tensor] = field(default_factory=dict)
    """What was at each site that was to be kept, after interventions; [batch, position, unit]."""


def run(
    subject: Subject,
    batch: Batch,
    interventions: Sequence[Intervention] = (),
    keep: Sequence[Keep] = (),
    visitors: Sequence[Visitor] = (),
) -> Result:
    """Run the model over a batch once; `visitors` come after the interventions.

    Raises:
        ValueError: an intervention does not fit.
    """
    now = Pass(batch)
    result = Result(torch.empty(0))
    keepers = [Visitor(site, layer, _keeper(result, (site, layer))) for site, layer in keep]
    made = visitors_of(interventions, subject.architecture, now)
    with visiting(subject.architecture, [*made, *visitors, *keepers]):
        output = forward(subject, now)
    result.normed = output.last_hidden_state
    return result


def forward(subject: Subject, now: Pass, cache: Any = None) -> Any:
    """Run the decoder over the columns of a batch that are not in the cache, and fill it."""
    batch = now.batch
    architecture = subject.architecture
    return architecture.decoder(
        input_ids=batch.ids[:, now.start :],
        attention_mask=batch.mask.long(),
        # Models that learn positions would count padding otherwise.
        position_ids=batch.positions[:, now.start :],
        use_cache=cache is not None,
        **{architecture.cache_option: cache},
    )


def last_logits(subject: Subject, result: Result) -> torch.Tensor:
    """Give the logits behind each row's last token, [batch, token] in float32."""
    return subject.architecture.logits(result.normed[:, -1]).float()


def token_logprobs(
    subject: Subject,
    batch: Batch,
    interventions: Sequence[Intervention] = (),
    visitors: Sequence[Visitor] = (),
) -> torch.Tensor:
    """Give the log probability of each token but a row's first, [batch, position - 1] in nats."""
    normed = run(subject, batch, interventions, visitors=visitors).normed[:, :-1]
    distributions = subject.architecture.logits(normed).float().log_softmax(dim=-1)
    return distributions.gather(2, batch.ids[:, 1:, None])[:, :, 0]


def _keeper(result: Result, place: Keep) -> Callable[[torch.Tensor], None]:
    def keep(seen: torch.Tensor) -> None:
        result.kept[place] = seen

    return keep
