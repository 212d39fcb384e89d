"""What is made of an interface schema, and of nothing else."""

from seer_rpc.generators.library import library_files
from seer_rpc.generators.signatures import library_docs, signature

__all__ = ["library_docs", "library_files", "signature"]
