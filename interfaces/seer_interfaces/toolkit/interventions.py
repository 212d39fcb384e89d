"""Interventions: changes to a running model, as data.

A generated library, a JSON object from a model and a script of a skill say the same thing:

    Intervention(op="add", layers=[12], value=direction, strength=4.0)
    {"op": "add", "layers": [12], "value": {"reference": 7}, "strength": 4.0}

| op | what becomes of h | value | strength |
| --- | --- | --- | --- |
| `add` | h + strength * value (steering) | a vector | a factor |
| `set` | value in its place (patching, mean ablation) | what `extract` or `mean` gave | 1 = whole |
| `zero` | zero | none | 1 = whole |
| `scale` | strength * h | none | a factor |
| `ablate_direction` | h - strength * (h . u) u | a direction | 1 = whole |
| `clamp` | h + (strength - h . u) u | a direction | the coordinate |

where u = value / |value|. For `set`, `zero` and `ablate_direction` a strength between 0 and 1 goes
a part of the way: 0 changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import torch

from seer_interfaces.toolkit.architecture import Architecture
from seer_interfaces.toolkit.inputs import Batch
from seer_interfaces.toolkit.positions import NAMED, Where, places
from seer_interfaces.toolkit.sites import HEAD_SITES, Site, Visitor, heads_of
from seer_rpc.interface import TensorRef

Op = Literal["add", "set", "zero", "scale", "ablate_direction", "clamp"]

_WITHOUT_VALUE = ("zero", "scale")


@dataclass
class Intervention:
    """One change, made in every forward pass of a call, in the order of the list that it is in.

    Attributes:
        op: "add": value times strength is added (steering). "set": value stands in its place
            (patching, mean ablation). "zero": nothing does. "scale": it is multiplied by strength.
            "ablate_direction": what lies along value is taken away. "clamp": the coordinate along
            value becomes strength.
        layers: Which layers, from 0; negative numbers count from the last.
        site: Where in the layer, by TransformerLens' names.
        positions: Which tokens: "all", "prompt", "generated", "last" (the prompt's last one), or
            numbers in each input, negative ones from the prompt's end. Padding does not count and
            is not changed.
        value: A tensor, a list of numbers, or a reference to a tensor that stays in the sandbox. Of
            shape [unit], the same everywhere; [layer, unit], one for each of `layers`; or as
            `extract` gave it for the same layers, positions and number of inputs: [layer, batch,
            position, unit], with "last" [layer, batch, unit]. A unit is [d_model], or [head,
            d_head] where the site has heads, without `head` where that is given.
        strength: For "set", "zero" and "ablate_direction" the part of the way, 1 being all of it
            and 0 none; else as `op` says.
        head: One head of "q", "k", "v", "z" or "pattern"; all of them without it.
    """

    op: Op
    layers: int | list[int] | Literal["all"]
    site: Site = "resid_post"
    positions: Where = "all"
    value: torch.Tensor | TensorRef | list[float] | None = None
    strength: float = 1.0
    head: int | None = None


@dataclass
class Pass:
    """What the forward pass that is under way sees; visitors look here."""

    batch: Batch
    """All of the tokens so far."""

    start: int = 0
    """The first column that this pass computes; those before it are in the cache."""


class _Change(NamedTuple):
    """An intervention at one layer."""

    asked: Intervention
    number: int
    """Which of the intervention's layers it is."""

    values: torch.Tensor | None
    unit: int
    """How many dimensions a position has."""

    now: Pass


def visitors_of(
    interventions: Sequence[Intervention], architecture: Architecture, now: Pass
) -> list[Visitor]:
    """Give what makes the changes.

    Raises:
        ValueError: one of them does not fit the model or the inputs.
    """
    visitors = []
    for number, asked in enumerate(interventions):
        try:
            visitors += list(_visitors(asked, architecture, now))
        except ValueError as error:
            raise ValueError(f"interventions[{number}]: {error}") from None
    return visitors


def _visitors(asked: Intervention, architecture: Architecture, now: Pass) -> Iterable[Visitor]:
    _check_words(asked)
    layers = architecture.layer_numbers(asked.layers)
    places(asked.positions, now.batch)
    unit = 1 + (asked.site in HEAD_SITES) - _has_head(asked, architecture)
    values = _values(asked)
    if values is not None:
        _check_shape(asked, values, unit, len(layers), architecture)
    for number, layer in enumerate(layers):
        change = _Change(asked, number, values, unit, now)
        yield Visitor(asked.site, layer, _visit(change))


def _check_words(asked: Intervention) -> None:
    """Refuse words that are not known: what Python sends as a class's instance nobody checks."""
    for name, known in (("op", get_args(Op)), ("site", get_args(Site))):
        if getattr(asked, name) not in known:
            raise ValueError(f"there is no {name} {getattr(asked, name)!r}: {', '.join(known)}")
    if not isinstance(asked.positions, list) and asked.positions not in NAMED:
        raise ValueError(f"positions={asked.positions!r}: give numbers, or {', '.join(NAMED)}")


def _has_head(asked: Intervention, architecture: Architecture) -> bool:
    if asked.head is None:
        return False
    if asked.site not in HEAD_SITES:
        raise ValueError(f"{asked.site} has no heads; leave head out")
    heads = heads_of(architecture, asked.site)
    if not 0 <= asked.head < heads:
        raise ValueError(f"there is no head {asked.head}: {asked.site} has {heads}")
    return True


def _values(asked: Intervention) -> torch.Tensor | None:
    if asked.op in _WITHOUT_VALUE:
        if asked.value is not None:
            raise ValueError(f"{asked.op} takes no value")
        return None
    if asked.value is None:
        raise ValueError(f"{asked.op} needs a value")
    if not isinstance(asked.value, torch.Tensor | list):
        kind = type(asked.value).__name__
        raise ValueError(f"value is a tensor, a reference to one, or numbers; not a {kind}")
    return torch.as_tensor(asked.value).float()


def _check_shape(
    asked: Intervention,
    values: torch.Tensor,
    unit: int,
    layers: int,
    architecture: Architecture,
) -> None:
    shape = list(values.shape)
    if asked.site == "pattern":
        expected: list[int | None] = [architecture.n_heads, None]
    elif asked.site in HEAD_SITES:
        expected = [heads_of(architecture, asked.site), architecture.d_head]
    else:
        expected = [architecture.d_model]
    expected = expected[-unit:]
    fits = len(shape) >= unit and all(
        wanted in (None, got) for wanted, got in zip(expected, shape[-unit:], strict=False)
    )
    outer = len(shape) - unit
    full = 2 if asked.positions == "last" else 3
    if not fits or outer not in (0, 1, full) or (outer > 0 and shape[0] != layers):
        text = ", ".join("keys" if each is None else str(each) for each in expected)
        batch = "inputs" if asked.positions == "last" else "inputs, positions"
        raise ValueError(
            f"value has shape {shape}; for {asked.site} it is [{text}], [{layers}, {text}] or "
            f"[{layers}, {batch}, {text}]"
        )


def _visit(change: _Change) -> Callable[[torch.Tensor], torch.Tensor]:
    def visit(whole: torch.Tensor) -> torch.Tensor:
        head = change.asked.head
        if head is None:
            return _changed(change, whole)
        rebuilt = whole.clone()
        rebuilt[:, :, head] = _changed(change, whole[:, :, head])
        return rebuilt

    return visit


def _changed(change: _Change, hidden: torch.Tensor) -> torch.Tensor:
    """Change the selected positions of [batch, position, unit]; the others stay bit for bit."""
    numbers = places(change.asked.positions, change.now.batch)[:, change.now.start :]
    numbers = numbers.to(hidden.device)
    values, chosen = _spread(change, numbers, hidden)
    # Half precision would round twice.
    wide = hidden.float() if hidden.dtype.itemsize < 4 else hidden
    changed = _OPS[change.asked.op](wide, values.to(wide.dtype), change.asked.strength)
    new = changed.to(hidden.dtype)
    return torch.where(chosen.reshape(*chosen.shape, *[1] * change.unit), new, hidden)


def _spread(
    change: _Change, numbers: torch.Tensor, hidden: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Give the value of each position, and which positions are chosen.

    Raises:
        ValueError: there are not as many values as inputs or positions.
    """
    chosen = numbers >= 0
    values = change.values
    if values is None:
        return hidden.new_zeros(()), chosen
    values = values.to(hidden.device)
    outer = values.ndim - change.unit
    if outer == 0:
        return values, chosen
    values = values[change.number]
    if outer == 1:
        return values, chosen
    if change.asked.positions == "last":
        values = values[:, None]
    rows, columns = len(numbers), values.shape[1]
    if values.shape[0] not in (1, rows):
        raise ValueError(f"value is for {values.shape[0]} inputs, and there are {rows}")
    if change.now.start == 0:
        _check_columns(change, columns)
    chosen = chosen & (numbers < columns)
    index = numbers.clamp(0, columns - 1)
    return values.expand(rows, *values.shape[1:])[torch.arange(rows)[:, None], index], chosen


def _check_columns(change: _Change, columns: int) -> None:
    where = change.asked.positions
    match where:
        case list():
            expected = len(where)
        case "all" | "prompt":
            expected = int(change.now.batch.prompts.max())
        case _:
            return
    if columns != expected:
        raise ValueError(f"value is for {columns} positions, and there are {expected}")


def _unit(values: torch.Tensor) -> torch.Tensor:
    norm = values.norm(dim=-1, keepdim=True)
    if not bool((norm > 0).all()):
        raise ValueError("value is a direction of length zero")
    unit: torch.Tensor = values / norm
    return unit


def _coordinate(hidden: torch.Tensor, unit: torch.Tensor) -> torch.Tensor:
    return (hidden * unit).sum(dim=-1, keepdim=True)


def _ablate(hidden: torch.Tensor, values: torch.Tensor, strength: float) -> torch.Tensor:
    unit = _unit(values)
    return hidden - strength * _coordinate(hidden, unit) * unit


def _clamp(hidden: torch.Tensor, values: torch.Tensor, strength: float) -> torch.Tensor:
    unit = _unit(values)
    return hidden + (strength - _coordinate(hidden, unit)) * unit


_OPS: dict[Op, Callable[[torch.Tensor, torch.Tensor, float], torch.Tensor]] = {
    "add": lambda hidden, values, strength: hidden + strength * values,
    # lerp is exact at both of its ends.
    "set": lambda hidden, values, strength: torch.lerp(hidden, values.expand_as(hidden), strength),
    "zero": lambda hidden, _, strength: torch.lerp(hidden, torch.zeros_like(hidden), strength),
    "scale": lambda hidden, _, strength: hidden * strength,
    "ablate_direction": _ablate,
    "clamp": _clamp,
}
