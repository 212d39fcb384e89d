"""Sizes and times that both ends must agree on."""

from __future__ import annotations

# gRPC's default refuses more than 4 MiB. What a worker or a client accepts is bounded by
# memory, not by the transport. Ports are never shared: a second server is refused, not
# silently given half of the connections.
CHANNEL_OPTIONS: tuple[tuple[str, int], ...] = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.so_reuseport", 0),
    ("grpc.enable_retries", 0),
)

MAX_SEGMENTS = 1 << 16
"""Out-of-band buffers in one frame."""

MAX_SOCKET_PATH = 107
"""Bytes in the path of a unix-domain socket, on Linux; see unix(7)."""
