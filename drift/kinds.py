"""What can happen to a score, and in which class people ask for it."""

from __future__ import annotations

from enum import Enum


class Class(Enum):
    """The seven classes by which leaders ask."""

    EARNED = "earned"
    LOST = "lost"
    ESTATE = "estate"
    YARDSTICK = "yardstick"
    COVERAGE = "coverage"
    ACCOUNTING = "accounting"
    UNEXPLAINED = "unexplained"


class Kind(Enum):
    """What can happen to a score: its name, its row of the contract's table (17 to 19: not about marks), its class.

    A changed mark belongs to the first row that holds.
    """

    SUBSCRIPTION_ADDED = "subscription_added", 1, Class.ESTATE
    SUBSCRIPTION_REMOVED = "subscription_removed", 1, Class.ESTATE
    CONNECTOR_ADDED = "connector_added", 2, Class.ESTATE
    CONNECTOR_REMOVED = "connector_removed", 2, Class.ESTATE
    RESOURCE_ADDED = "resource_added", 3, Class.ESTATE
    RESOURCE_DELETED = "resource_deleted", 3, Class.ESTATE
    RECOMMENDATION_REPLACED = "recommendation_replaced", 4, Class.YARDSTICK
    RECOMMENDATION_ADDED = "recommendation_added", 4, Class.YARDSTICK
    RECOMMENDATION_LEFT_PREVIEW = "recommendation_left_preview", 5, Class.YARDSTICK
    RECOMMENDATION_RETIRED = "recommendation_retired", 6, Class.YARDSTICK
    RECOMMENDATION_MOVED = "recommendation_moved", 7, Class.YARDSTICK
    PLAN_ENABLED = "plan_enabled", 8, Class.COVERAGE
    PLAN_DISABLED = "plan_disabled", 8, Class.COVERAGE
    POLICY_DISABLED = "policy_disabled", 9, Class.COVERAGE
    POLICY_ENABLED = "policy_enabled", 9, Class.COVERAGE
    EXEMPTION_CREATED = "exemption_created", 10, Class.ACCOUNTING
    EXEMPTION_EXPIRED = "exemption_expired", 11, Class.ACCOUNTING
    EXEMPTION_REMOVED = "exemption_removed", 11, Class.ACCOUNTING
    GRACE_PERIOD_STARTED = "grace_period_started", 12, Class.ACCOUNTING
    GRACE_PERIOD_ENDED = "grace_period_ended", 12, Class.ACCOUNTING
    DATA_SOURCE_GAINED = "data_source_gained", 13, Class.COVERAGE
    DATA_SOURCE_LOST = "data_source_lost", 13, Class.COVERAGE
    RECOMMENDATION_REEVALUATED = "recommendation_reevaluated", 14, Class.YARDSTICK
    REMEDIATION = "remediation", 15, Class.EARNED
    REGRESSION = "regression", 15, Class.LOST
    APPLICABILITY_CHANGED = "applicability_changed", 16, Class.ACCOUNTING
    CONTROL_REWEIGHTED = "control_reweighted", 17, Class.YARDSTICK
    WEIGHT_CHANGED = "weight_changed", 18, Class.ESTATE
    UNEXPLAINED = "unexplained", 19, Class.UNEXPLAINED

    row: int
    group: Class
    order: int

    def __new__(cls, label: str, row: int, group: Class) -> Kind:
        """The label is the value; `order` is the place among all kinds."""
        kind = object.__new__(cls)
        kind._value_, kind.row, kind.group, kind.order = label, row, group, len(cls.__members__)
        return kind


KINDS = tuple(Kind)
BY_NAME = {kind.value: kind for kind in KINDS}
