"""A tenant that moves with every step, each movement unlike any other, and whose scores are known from its marks."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.build import T0, Estate, Folder, count, estate, guid, tenant, weight


class Town:
    """Subscriptions of some machines each; with each step one more is secured, or, once all are, one is let go.

    So no two movements of one subscription, for so many steps, go from the same score to the same.
    """

    def __init__(self, size: int = 2, machines: int = 12) -> None:
        self._machines = machines
        self._steps = dict.fromkeys((guid(f"town {at}") for at in range(size)), 0)
        self.now = T0
        self.estates = {
            identity: estate(
                subscription=identity,
                controls={"c": (10, ["a"]), "d": (4, ["b"])},
                marks={(f"vm{at}", "a"): "Unhealthy" for at in range(machines)} | {("st1", "b"): "Healthy"},
                tags={"environment": "prod" if place % 2 == 0 else "dev"},
            )
            for place, identity in enumerate(self._steps)
        }

    @property
    def ids(self) -> list[str]:
        return list(self._steps)

    @property
    def folder(self) -> Folder:
        return tenant(*self.estates.values())

    def step(self, *identities: str, **more: Any) -> Town:
        """An hour later, in which these subscriptions (all, if none are named) have moved; `more` is of `but`."""
        self.now += timedelta(hours=1)
        for identity, known in self.estates.items():
            marks = {}
            if not identities or identity in identities:
                turn, at = divmod(self._steps[identity], self._machines)
                marks = {(f"vm{at}", "a"): "Unhealthy" if turn % 2 else "Healthy"}
                self._steps[identity] += 1
            self.estates[identity] = known.but(
                taken=self.now, marks=marks, **(more if not identities or identity in identities else {})
            )
        return self

    def score(self, *identities: str) -> float:
        """The percentage of subscriptions together, as the contract has it."""
        found = [self.estates[identity] for identity in identities or self.ids]
        return 100 * sum(_score(one) * weight(one.world) for one in found) / sum(weight(one.world) for one in found)


def _score(one: Estate) -> float:
    live = [(one.world.controls[name][0], *numbers) for name, numbers in count(one.world).items() if numbers[1]]
    return sum(m * h / n for m, h, n in live) / sum(m for m, _, _ in live)
