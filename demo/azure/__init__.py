"""A pretend Azure on loopback: ARM with pages and faults, Teams, an Event Grid topic, Graph, an identity endpoint."""

from demo.azure.faults import Faults
from demo.azure.server import Azure

__all__ = ["Azure", "Faults"]
