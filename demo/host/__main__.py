"""`python -m demo.host`."""

from __future__ import annotations

import os
import sys

from demo.host.serving import main

if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    os._exit(status)  # a function that never ends has a thread that would be waited for
