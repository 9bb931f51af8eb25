# SPDX-License-Identifier: GPL-2.0-only
"""A fixture for tests of a guest's firmware: a device with a running guest.

The environment variable VMM is the command that starts the bridge and the guest, which
SIGTERM ends. In it, {device} stands for the name of the device. As root, for example:

    export VMM="sh -c 'vrpmsg-bridge -r -n {device} -s /run/{device}.sock & exec firmware {device}'"
    pytest-3

Here `firmware` is a script that waits for the socket /run/DEVICE.sock and executes QEMU
with it. The tests need a guest that announces the service "echo".
"""
import errno
import os
import shlex
import signal
import subprocess
import time
from contextlib import contextmanager
from typing import Iterator

import pytest
import vhostrpmsg

TIMEOUT = 60
"""Seconds to wait for the guest to boot, to announce a service, or to end."""


class Guest:
    """A guest with its services."""

    def __init__(self, ctx: vhostrpmsg.Context, device: str) -> None:
        self.ctx = ctx
        self.device = device

    @contextmanager
    def service(self, name: str) -> Iterator[vhostrpmsg.File]:
        """Open the host's end of a service that the guest announces."""
        endpoint = self.ctx.add_endpoint(self.device, name)
        try:
            with endpoint.open() as file:
                file.wait_remote(TIMEOUT)
                yield file
        finally:
            self.ctx.delete_endpoint(endpoint)


def delete_device(ctx: vhostrpmsg.Context, name: str) -> None:
    """Delete a device. A bridge still has it for a moment after its VMM has ended."""
    end = time.monotonic() + TIMEOUT
    while True:
        try:
            ctx.delete_device(name)
            return
        except OSError as error:
            if error.errno != errno.EBUSY or time.monotonic() > end:
                raise
        time.sleep(0.1)


@pytest.fixture
def guest() -> Iterator[Guest]:
    """Start a guest, and stop it after the test."""
    name = f"pytest-{os.getpid()}"
    command = shlex.split(os.environ["VMM"].format(device=name))
    with vhostrpmsg.Context() as ctx:
        ctx.add_device(name)
        try:
            with subprocess.Popen(command, stdin=subprocess.PIPE,
                                  start_new_session=True) as vmm:
                try:
                    ctx.wait_running(name, TIMEOUT)
                    yield Guest(ctx, name)
                finally:
                    # The bridge, too.
                    os.killpg(vmm.pid, signal.SIGTERM)
        finally:
            delete_device(ctx, name)
