"""Snapshots of sandboxes' files, kept on this machine until they are removed.

Contents lie once each, under their SHA-256; a snapshot is a list that names them. Trees are walked
by descriptors and no link is ever followed: what a sandbox left in its folders cannot lead a
snapshot, or a sandbox that starts from one, anywhere else.
"""

from seer_rpc.snapshots.restoring import restore_snapshot
from seer_rpc.snapshots.snapshot import Snapshot
from seer_rpc.snapshots.store import (
    Garbage,
    collect_garbage,
    find_snapshot,
    list_snapshots,
    remove_snapshot,
)
from seer_rpc.snapshots.taking import Subject, note_snapshot, take_snapshot

__all__ = [
    "Garbage",
    "Snapshot",
    "Subject",
    "collect_garbage",
    "find_snapshot",
    "list_snapshots",
    "note_snapshot",
    "remove_snapshot",
    "restore_snapshot",
    "take_snapshot",
]
