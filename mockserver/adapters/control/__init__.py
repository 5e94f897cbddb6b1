"""The control application: what a running server tells and takes under `/_mock`, a room for each noun there."""

from mockserver.adapters.control.application import control
from mockserver.adapters.control.guards import is_loopback
from mockserver.adapters.control.served import Testimony

__all__ = ["Testimony", "control", "is_loopback"]
