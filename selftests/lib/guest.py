# SPDX-License-Identifier: GPL-2.0-only
"""A guest (echo_guest) for tests in Python."""
import os
import subprocess
import time


def wait_for(condition, seconds=10):
    """Wait until the condition is true, or until the time has passed."""
    end = time.monotonic() + seconds * int(os.environ.get("VRPMSG_SLOW", 1))
    while not (value := condition()) and time.monotonic() < end:
        time.sleep(0.02)
    return value


class Guest:
    """A guest that returns messages and takes the commands of echo_guest.c."""

    def __init__(self, device, *services):
        self.process = subprocess.Popen(
            [os.environ["VRPMSG_BUILD"] + "/user/selftests/echo_guest", device,
             *services],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        assert self._line() == "ready"

    def _line(self):
        return self.process.stdout.readline().rstrip("\n")

    def do(self, order):
        """Send a command."""
        self.process.stdin.write(order + "\n")
        assert self._line() == "done"

    def last(self):
        """Return the last message that the guest has received."""
        self.process.stdin.write("last\n")
        data = bytes.fromhex(self._line())
        assert self._line() == "done"
        return data

    def close(self):
        """End the guest."""
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()

    def kill(self):
        """End the guest without notice, even if it is stopped."""
        self.process.kill()
        self.close()

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.close()
