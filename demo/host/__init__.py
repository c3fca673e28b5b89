"""What `func start` does, over Microsoft's own worker library."""

from demo.host.serving import FunctionError, Host, wait_for_signal
from demo.host.settings import HostError
from demo.host.worker import IndexingError

__all__ = ["FunctionError", "Host", "HostError", "IndexingError", "wait_for_signal"]
