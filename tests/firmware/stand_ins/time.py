"""Stands in for `time`: a millisecond passes whenever somebody looks."""

now_ms = 0
# Called with each new time.
watchers = []


def ticks_ms():
    sleep_ms(1)
    return now_ms


def sleep_ms(duration_ms):
    global now_ms
    now_ms += duration_ms
    for watcher in watchers:
        watcher(now_ms)
