"""Integrals of gradients along the straight way between two inputs.

What a token contributes is the integral of its slope (gradient . way) over the way. The logits of
language models change abruptly on it, so the passes go to where they are needed: an interval whose
slopes explain its change of the logit least is halved, again and again.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import NamedTuple

import torch

_ENOUGH = 1e-4
"""A part of what the ends differ by: an integral that is off by less is done."""


class Point(NamedTuple):
    """What is known at a point of the way, 0 being its beginning and 1 its end."""

    at: float
    logit: float
    slopes: torch.Tensor
    """By how much each token changes the logit there, [position]."""


def integrate(
    evaluate: Callable[[float], Point], start: Point, end: Point, most: int
) -> torch.Tensor:
    """Give the integral of the slopes from `start` to `end`, with `most` evaluations between."""
    points = [start, end]
    for _ in range(most):
        gaps = [abs(_gap(*pair)) for pair in itertools.pairwise(points)]
        if sum(gaps) <= _ENOUGH * abs(end.logit - start.logit):
            break
        worst = gaps.index(max(gaps))
        points.insert(worst + 1, evaluate((points[worst].at + points[worst + 1].at) / 2))
    pairs = itertools.pairwise(points)
    return torch.stack([_area(*pair) for pair in pairs]).sum(dim=0)


def _area(left: Point, right: Point) -> torch.Tensor:
    return (left.slopes + right.slopes) / 2 * (right.at - left.at)


def _gap(left: Point, right: Point) -> float:
    return right.logit - left.logit - float(_area(left, right).sum())
