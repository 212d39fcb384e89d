"""Several sandboxes that serve the same, and functions mapped over items by all of them."""

from seer_rpc.environment.pool.library import PooledLibrary
from seer_rpc.environment.pool.outcomes import Outcome
from seer_rpc.environment.pool.pool import SandboxPool

__all__ = ["Outcome", "PooledLibrary", "SandboxPool"]
