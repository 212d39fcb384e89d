"""Sizes and times that both ends must agree on."""

from __future__ import annotations

# gRPC's default refuses more than 4 MiB.
_MESSAGE_SIZES = (("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1))

# A peer that stops answering without closing its socket is noticed by its missing pings. The
# timeout is two options: the second one is what grpc's core heeds today.
_KEEPALIVE = (
    ("grpc.keepalive_time_ms", 15_000),
    ("grpc.keepalive_timeout_ms", 15_000),
    ("grpc.http2.ping_timeout_ms", 15_000),
    ("grpc.http2.max_pings_without_data", 0),
)

# What is under way to a receiver that is slower than its connection. grpc's own estimate grows with
# the time that the receiver takes: to hundreds of megabytes, for a large value.
_WINDOW = (("grpc.http2.bdp_probe", 0), ("grpc.http2.lookahead_bytes", 16 << 20))

SESSION_METHOD = "/seer.v1.Calls/Session"
"""A bidirectional stream of frames, which are no protobuf."""

CHANNEL_OPTIONS: tuple[tuple[str, int], ...] = (
    *_MESSAGE_SIZES,
    *_KEEPALIVE,
    *_WINDOW,
    # Calls are repeated by the session or not at all.
    ("grpc.enable_retries", 0),
)

SERVER_OPTIONS: tuple[tuple[str, int], ...] = (
    *_MESSAGE_SIZES,
    *_KEEPALIVE,
    *_WINDOW,
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 1_000),
    ("grpc.http2.max_ping_strikes", 0),
    # A second server on the port is refused, not silently given half of the connections.
    ("grpc.so_reuseport", 0),
)

ELSEWHERE = "it answers no calls from this address"
"""What a front says to whom its list of networks leaves out."""

STREAM_ITEMS = 1024
"""Items of a stream that may be on their way: sent, and not taken yet."""

STREAM_BYTES = 8 << 20
"""Bytes of a stream that may be on their way; a single item may be larger."""

MAX_BODY = (2 << 30) - (1 << 20)
"""Bytes of a value without its arrays: MessagePack goes not much further."""

MAX_ATTRIBUTES = 16 << 10
"""Bytes of an exception's attributes, all together."""

MAX_SEGMENTS = 1 << 16
"""Out-of-band buffers in one frame."""

MAX_SOCKET_PATH = 107
"""Bytes in the path of a unix-domain socket, on Linux; see unix(7)."""

WINDOW = 1024
"""Calls of a session that may be without an acknowledged answer."""

DOOR = "door"
"""The file beside a front's socket where clients on this host open sessions without gRPC."""

PACKER_BYTES = 4096
"""What a MessagePack packer begins with: its default the system gives and gets back each time."""
