"""Six weeks at Northwind Retail: what happens when, and when the score is looked at.

Monday of week 1 is 2 March 2026. All times are UTC.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from demo.answers import write_folder
from demo.estate import DEV, LOYALTY, PROD, onboard, resources
from demo.world import World

SEED = 2026
BEGIN = datetime(2026, 1, 12, 9, 0, tzinfo=UTC)  # when sub-prod came into Defender for Cloud
MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

TOOL = "Encrypted by another vendor's tool"

Act = tuple[datetime, Callable[[World], None]]


def on(week: int, day: str, time: str) -> datetime:
    hours, minutes = time.split(":")
    return MONDAY + timedelta(weeks=week - 1, days=DAYS.index(day), hours=int(hours), minutes=int(minutes))


def fix(week: int, day: str, time: str, *references: str, at_most: int = 10_000) -> list[Act]:
    """Fixes recommendations in sub-prod, ten minutes apart."""

    def act(reference: str) -> Callable[[World], None]:
        return lambda w: w.fix(PROD, reference, at_most)

    start = on(week, day, time)
    return [(start + timedelta(minutes=10 * i), act(reference)) for i, reference in enumerate(references)]


STORY: list[Act] = [
    (BEGIN + timedelta(minutes=1), lambda w: w.fault("forwarding", "vm-hub-01")),
    (BEGIN + timedelta(days=28), lambda w: w.exempt(
        "vm-hub-01", "forwarding", "Waiver", "Router until the new hub is live", on(6, "Tue", "12:00"))),
    # Week 1: eleven recommendations in sub-prod, most of them late; in between somebody else's subscription.
    *fix(1, "Tue", "09:00", "secureTransfer"),
    (on(1, "Wed", "10:00"), lambda w: onboard(w, DEV)),
    *fix(1, "Fri", "07:00", "httpsOnly", "ftps", "webTls", "restrictedPorts", "guardedMachines", "publicBlobs"),
    *fix(1, "Fri", "13:00", "storageNetwork", "vaultFirewall", "fewOwners", "vaultLogs"),
    # Week 2: a new application in sub-prod, and a supplier's way in; sub-dev closes its ports.
    (on(2, "Tue", "09:30"), lambda w: w.add(*resources(PROD, LOYALTY, w.now))),
    (on(2, "Tue", "09:31"), lambda w: w.fault("httpsOnly", "web-loyalty-01", "web-loyalty-02")),
    (on(2, "Tue", "09:32"), lambda w: w.fault("vaultFirewall", "kv-loyalty-01")),
    (on(2, "Wed", "11:00"), lambda w: w.fault("closedPorts", "win-stores-01", "win-stores-02", "win-stores-03")),
    (on(2, "Fri", "15:00"), lambda w: w.fix(DEV, "closedPorts")),
    # Week 3: the agent reaches the other twenty machines; Microsoft ends a preview on the Saturday.
    (on(3, "Mon", "09:00"), lambda w: w.auto_provision(PROD, within=timedelta(hours=30))),
    (on(3, "Mon", "09:15"), lambda w: w.auto_provision(DEV, within=timedelta(hours=30))),
    (on(3, "Sat", "00:00"), lambda w: w.release("sharedKeys")),
    # Week 4: two false positives are exempted; Defender for SQL is switched on; on Friday updates are installed.
    (on(4, "Mon", "10:00"), lambda w: w.exempt("vm-shop-13", "hostEncryption", "Mitigated", TOOL)),
    (on(4, "Mon", "10:20"), lambda w: w.exempt("vm-shop-12", "hostEncryption", "Mitigated", TOOL)),
    (on(4, "Tue", "09:00"), lambda w: w.enable_plan(PROD, "SqlServers")),
    *fix(4, "Tue", "09:00", "defenderSql"),
    *fix(4, "Fri", "15:00", "updates", at_most=11),
    # Week 5: the ports are closed, the keys are gone, and at the weekend an old application goes.
    *fix(5, "Mon", "09:00", "periodic", "closedPorts", "sharedKeys"),
    (on(5, "Wed", "10:00"), lambda w: w.disable_policy(DEV, "ftps")),
    (on(5, "Sat", "15:00"), lambda w: w.delete_group("rg-legacy")),
    # Week 6: a waiver runs out, one setting slips, one more is put right.
    (on(6, "Tue", "16:00"), lambda w: w.fault("httpsOnly", "web-shop-01")),
    *fix(6, "Wed", "09:00", "webLogs"),
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Moment:
    name: str
    at: datetime


MOMENTS = (
    Moment("w1-mon", on(1, "Mon", "06:00")),
    Moment("w1-wed", on(1, "Wed", "18:00")),
    Moment("w1-fri", on(1, "Fri", "16:00")),
    *(
        Moment(f"w{week}-{day.lower()}", on(week, day, time))
        for week in range(2, 7)
        for day, time in (("Mon", "06:00"), ("Fri", "16:00"))
    ),
)


@dataclass(frozen=True, slots=True)
class Step:
    """A movement worth telling: from one moment to another, with every snapshot in between."""

    text: str
    first: str
    last: str
    scope: str = "all"

    @property
    def names(self) -> list[str]:
        names = [m.name for m in MOMENTS]
        return names[names.index(self.first) : names.index(self.last) + 1]


STEPS = (
    Step(
        "Friday of week 1: eleven recommendations fixed, most of them today; sub-dev came in on Wednesday.",
        "w1-mon",
        "w1-fri",
    ),
    Step("Monday of week 2: nobody did anything further, Azure looked again.", "w1-fri", "w2-mon"),
    Step("The same Monday, sub-prod alone, since the first Monday.", "w1-mon", "w2-mon", PROD.id),
    Step(
        "Friday of week 2: a new application in sub-prod, and management ports opened for a supplier.",
        "w2-mon",
        "w2-fri",
    ),
    Step("Monday of week 3: sub-dev had closed its ports on Friday afternoon.", "w2-fri", "w3-mon"),
    Step("Friday of week 3: the agent reached the twenty machines that nobody had assessed.", "w3-mon", "w3-fri"),
    Step("Monday of week 4: Microsoft ended a preview at the weekend.", "w3-fri", "w4-mon"),
    Step(
        "Friday of week 4: two false positives exempted as Mitigated, Defender for SQL switched on.", "w4-mon", "w4-fri"
    ),
    Step("Monday of week 5: Friday's updates have been noticed.", "w4-fri", "w5-mon"),
    Step("Friday of week 5: ports closed, keys gone; sub-dev switched a recommendation off.", "w5-mon", "w5-fri"),
    Step("Monday of week 6: an old application was deleted at the weekend.", "w5-fri", "w6-mon"),
    Step("Friday of week 6: a waiver ran out, one setting slipped, and web apps keep logs.", "w6-mon", "w6-fri"),
    Step("All six weeks, sub-prod alone: the number for the board.", "w1-mon", "w6-fri", PROD.id),
)


def begin(seed: int = SEED) -> World:
    """The estate on the day that sub-prod was onboarded, with the whole story ahead of it."""
    world = World(seed, BEGIN)
    world.at(BEGIN, lambda: onboard(world, PROD, ("VirtualMachines", "Containers", "CloudPosture")))
    for time, act in STORY:
        world.at(time, partial(act, world))
    return world


def write(root: Path, seed: int = SEED) -> list[Path]:
    """Lives through the six weeks and writes an evidence folder at every moment; returns them in order."""
    world = begin(seed)
    folders = []
    for moment in MOMENTS:
        world.advance(moment.at)
        folders.append(root / moment.name)
        write_folder(world, folders[-1])
    return folders
