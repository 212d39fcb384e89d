"""Measure seer_rpc beside its peers, print a table of ratios, and say which targets are met."""

from __future__ import annotations

import argparse
import importlib.util
import random
import sys
from pathlib import Path

from benchmarks.chart import draw
from benchmarks.effort import FULL, QUICK
from benchmarks.machine import Watch
from benchmarks.progress import shown
from benchmarks.report import print_report, to_json
from benchmarks.rounds import plan, travel
from benchmarks.sections import SECTIONS

_ROUNDS, _QUICK_ROUNDS = 5, 2
_METHOD = """
how it measures:
  Absolute times of a shared machine say little, so every figure has a yardstick in the same run.
  A round visits each contender once, in an order that is shuffled anew. A visit is a fresh process
  with the client, and its server in fresh processes of its own; nothing else runs meanwhile. What
  is printed is the median of the rounds, and the ratio of two such medians. What a contender
  carries is checked. One that cannot run here is in the table, with the reason.

  Memory is what a large transfer takes at its peak above what was there right before the first one,
  as a multiple of the payload: on the client of its resident set (VmHWM), on the server's side of
  the sum of its processes' shares (Pss), where pages that two of them share count once. Of a
  receiver it includes the array itself.

how to read it:
  "Others" is the share of the processors that went to anything but the benchmark, or to processes
  that Ray left to themselves; where that, or the load average before, is high, measure again. The
  brackets behind a ratio show how far single rounds were apart.

examples:
  python -m benchmarks --quick                     does everything work? (about 10 minutes)
  python -m benchmarks echo callers --rounds 9     two sections, more to go by
  python -m benchmarks --json b.json --chart b.png everything, about 40 minutes
"""


def main() -> None:
    """Measure and report."""
    options = _options()
    if options.chart is not None and importlib.util.find_spec("matplotlib") is None:
        sys.exit("--chart needs matplotlib: pip install 'seer-rpc[bench]'")
    rounds = options.rounds or (_QUICK_ROUNDS if options.quick else _ROUNDS)
    stops = plan(options.sections or SECTIONS, rounds, options.seed)
    watch = Watch()
    with shown(stops) as show:
        figures = travel(stops, QUICK if options.quick else FULL, show)
    machine = watch.machine()
    print_report(figures, machine, rounds)
    if options.json is not None:
        effort = "quick" if options.quick else "full"
        options.json.write_text(to_json(figures, machine, effort, rounds))
    if options.chart is not None:
        draw(figures, machine, options.chart)


def _options() -> argparse.Namespace:
    parser = _parser()
    options = parser.parse_args()
    unknown = set(options.sections) - SECTIONS.keys()
    if unknown:
        parser.error(f"no section {min(unknown)!r}; there are {', '.join(SECTIONS)}")
    if options.rounds is not None and options.rounds < 1:
        parser.error("--rounds must be 1 or more")
    return options


def _parser() -> argparse.ArgumentParser:
    sections = "\n".join(f"  {name:9} {section.about}" for name, section in SECTIONS.items())
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        epilog=f"sections:\n{sections}\n{_METHOD}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "sections", nargs="*", metavar="SECTION", help="what to measure; without any, everything"
    )
    parser.add_argument("--quick", action="store_true", help="few calls and rounds: a trial")
    parser.add_argument(
        "--rounds", type=int, metavar="N", help=f"{_ROUNDS} by default, {_QUICK_ROUNDS} if quick"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    parser.add_argument("--chart", type=Path, metavar="FILE", help="draw bars there, as PNG")
    parser.add_argument(
        "--seed", type=int, default=random.randrange(1 << 16), help="the order of the visits"
    )
    return parser


if __name__ == "__main__":
    main()
