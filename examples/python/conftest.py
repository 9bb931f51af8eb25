# SPDX-License-Identifier: GPL-2.0-only
"""A fixture for tests of a guest's firmware: a device with a running guest.

The environment variable VMM is the command that starts the guest, for example a script
that runs vrpmsg-bridge and QEMU. In it, {device} stands for the name of the device.
"""
import os
import shlex
import subprocess
from contextlib import contextmanager
from typing import Iterator

import pytest
import vhostrpmsg

TIMEOUT = 60
"""Seconds to wait for the guest to boot, or to announce a service."""


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


@pytest.fixture
def guest() -> Iterator[Guest]:
    """Start a guest, and stop it after the test."""
    name = f"pytest-{os.getpid()}"
    command = shlex.split(os.environ["VMM"].format(device=name))
    with vhostrpmsg.Context() as ctx:
        ctx.add_device(name)
        try:
            with subprocess.Popen(command, stdin=subprocess.PIPE) as vmm:
                try:
                    ctx.wait_running(name, TIMEOUT)
                    yield Guest(ctx, name)
                finally:
                    vmm.terminate()
        finally:
            ctx.delete_device(name)
