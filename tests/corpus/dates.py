"""Dates and times."""

import datetime as dt

EXAMPLES = [
    ("next_day", {"day": "2024-02-28"}, "2024-02-29"),
    ("later", {"moment": "2024-01-01T10:00:00", "by": 60.0}, "2024-01-01T10:01:00"),
    ("later", {"moment": "2024-01-01T10:00:00+02:00", "by": 1.0}, "2024-01-01T10:00:01+02:00"),
    ("between", {"first": "2024-01-01", "second": "2024-01-02"}, 86400.0),
    ("hour", {"time": "10:30:00"}, 10),
]
FAILURES = [("next_day", {"day": "yesterday"}, "ArgumentError")]


@expose
def next_day(day: dt.date) -> dt.date:
    """Give the day after."""
    return day + dt.timedelta(days=1)


@expose
def later(moment: dt.datetime, by: dt.timedelta = dt.timedelta(0)) -> dt.datetime:
    """Give a later moment."""
    return moment + by


@expose
def between(first: dt.date, second: dt.date) -> dt.timedelta:
    """Give the time from one day to another."""
    return second - first


@expose
def hour(time: dt.time) -> int:
    """Give the hour."""
    return time.hour
