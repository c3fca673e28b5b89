"""The figures of a run as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from benchmarks.labelled.measuring import Measured
from benchmarks.labelled.rules import Errors
from benchmarks.labelled.scoring import ACTORS, Scores


def of_run(found: Measured) -> str:
    """All tables of a run."""
    parts = [
        f"{found.movements:,} movements of {found.chains:,} chains with {found.causes:,} causes. "
        f"The labels leave {found.rest:.1g} pp of the counts unaccounted for.",
        of_scores(found.scores),
        of_rules(found.rules),
        of_splits(found.apart),
    ]
    return "\n\n".join(parts)


def of_scores(scores: Scores) -> str:
    """What is right in a tool's answers."""
    rows = [
        ("movements, and how many of them have no answer", f"{scores.movements:,}, {scores.unanswered:,}"),
        ("macro F1 over the kinds of causes", f"{scores.macro_f1:.4f}"),
        ("unexplained, of the absolute points", _part(scores.unexplained, scores.points)),
        ("share error of the causes found: mean, 95th percentile, largest", _spread(scores.errors)),
        ("points of causes that were not found", _part(scores.overlooked, scores.points)),
        ("points of causes that are not there", _part(scores.invented, scores.points)),
        ("of these: causes of another movement of the same scope", _part(scores.elsewhere, scores.points)),
    ]
    kinds = [
        (f"`{kind}`", f"{scores.true[kind]:,}", _rate(scores.precision(kind)), _rate(scores.recall(kind)), f"{f1:.3f}")
        for kind in scores.kinds
        for f1 in [scores.f1(kind)]
    ]
    actors = [(f"`{name}`", what, f"{scores.actors[name]:,}") for name, what in ACTORS.items()]
    return "\n\n".join(
        (
            _table(("what", "of the answers"), rows),
            _table(("kind", "movements with it", "precision", "recall", "F1"), kinds),
            _table(("actors", "", "how many"), actors),
        )
    )


def of_rules(rules: dict[str, Errors]) -> str:
    """How far each rule is from the integral."""
    rows = []
    for name, errors in rules.items():
        signs = _part(errors.wrong_signs, len(errors.shares))
        rows.append((name, f"{len(errors.gaps):,}", _spread(errors.shares), _spread(errors.gaps), signs))
    return _table(
        (
            "rule, given the true causes",
            "movements of two causes or more",
            "share − truth: mean, 95th percentile, largest",
            "sum − movement: mean, 95th percentile, largest",
            "wrong signs",
        ),
        rows,
    )


def of_splits(apart: dict[str, list[float]]) -> str:
    """What telling one cause as two does to the others."""
    names = {"product": "this product's arithmetic", "shapley": "Shapley over causes (SHAP)"}
    rows = [(names[name], f"{len(found):,}", _spread(found)) for name, found in apart.items()]
    return _table(
        (
            "one cause told as two that share no cell",
            "movements",
            "largest change of another's share: mean, 95th percentile, largest",
        ),
        rows,
    )


def _spread(values: Sequence[float]) -> str:
    """Mean, 95th percentile and largest, in pp."""
    if not len(values):
        return "–"
    return ", ".join(_points(float(one)) for one in (np.mean(values), np.percentile(values, 95), np.max(values)))


def _points(value: float) -> str:
    if value < 1e-6:
        return "0" if value == 0 else f"{value:.0e}"
    return f"{value:.4f}"


def _part(value: float, whole: float) -> str:
    return f"{value / whole:.2%}" if whole else "–"


def _rate(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---", *("--:" for _ in head[1:])], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
