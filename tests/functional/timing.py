"""How long the tests wait. Nothing sleeps for a fixed time: everything waits for something, and these are the deadlines."""

import os
import time

# Sanitizer builds are several times slower.
SCALE = 4 if os.environ.get("SAN") else 1
DEADLINE = 30 * SCALE

# What a person is promised: nothing is silent for longer, and a stop takes no longer.
PROMISE = 10 * SCALE

TICK = 0.02


def wait_until(condition, timeout=DEADLINE, what="the condition"):
    """Asks again and again until condition() is true, gives back what it answered, and fails after timeout seconds."""
    end = time.monotonic() + timeout
    while True:
        answer = condition()
        if answer:
            return answer
        assert time.monotonic() < end, f"{what} did not come about within {timeout} s"
        time.sleep(TICK)
