# SPDX-License-Identifier: GPL-2.0-only
"""echo_guest for tests in Python."""
import os
import subprocess
import time


def wait_for(condition, seconds=10):
    """Until it is true, or so much time has passed."""
    end = time.monotonic() + seconds * int(os.environ.get("VRPMSG_SLOW", 1))
    while not (value := condition()) and time.monotonic() < end:
        time.sleep(0.02)
    return value


class Guest:
    """It sends back what it gets, and obeys as echo_guest.c has it."""

    def __init__(self, device, *services):
        self.process = subprocess.Popen(
            [os.environ["VRPMSG_BUILD"] + "/user/selftests/echo_guest", device,
             *services],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        assert self._line() == "ready"

    def _line(self):
        return self.process.stdout.readline().rstrip("\n")

    def do(self, order):
        """One order."""
        self.process.stdin.write(order + "\n")
        assert self._line() == "done"

    def last(self):
        """What it has got last."""
        self.process.stdin.write("last\n")
        data = bytes.fromhex(self._line())
        assert self._line() == "done"
        return data

    def close(self):
        """It goes."""
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.close()
