"""What was called in a sandbox: the journal that its processes write, as people read it."""

from seer_rpc.journal.readers import JournalReader, read_calls
from seer_rpc.journal.records import CallRecord, Filter

__all__ = [
    "CallRecord",
    "Filter",
    "JournalReader",
    "read_calls",
]
