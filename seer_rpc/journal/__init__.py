"""What was called in a sandbox: the journal that its processes write, as people read it."""

from seer_rpc.journal.readers import JournalReader, read_calls
from seer_rpc.journal.records import CallRecord, Filter
from seer_rpc.journal.sandboxes import RunningSandbox, running_sandboxes, write_name

__all__ = [
    "CallRecord",
    "Filter",
    "JournalReader",
    "RunningSandbox",
    "read_calls",
    "running_sandboxes",
    "write_name",
]
