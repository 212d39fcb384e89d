"""Calls from shells: what the scripts of skills and `seer call` do alike."""

from seer_rpc.shell.arguments import ARGUMENTS_HELP, add_arguments, parse, read_arguments
from seer_rpc.shell.calls import STATUS_HELP, CallOptions, add_call_options, make_call
from seer_rpc.shell.functions import find_function
from seer_rpc.shell.main import main
from seer_rpc.shell.output import Printed, UsageError, run_command

__all__ = [
    "ARGUMENTS_HELP",
    "STATUS_HELP",
    "CallOptions",
    "Printed",
    "UsageError",
    "add_arguments",
    "add_call_options",
    "find_function",
    "main",
    "make_call",
    "parse",
    "read_arguments",
    "run_command",
]
