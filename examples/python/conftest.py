# SPDX-License-Identifier: GPL-2.0-only
"""A fixture for tests of a guest's firmware: its device, and the guest running.

The environment variable VMM is the command that starts it, in which {device} stands
for the name of the device: a script that starts vrpmsg-bridge and QEMU, say.
"""
import os
import shlex
import subprocess
from contextlib import contextmanager
from typing import Iterator

import pytest
import vhostrpmsg

TIMEOUT = 60
"""Seconds that the guest may take to boot, or to announce a service."""


class Guest:
    """A guest with its services."""

    def __init__(self, ctx: vhostrpmsg.Context, device: str) -> None:
        self.ctx = ctx
        self.device = device

    @contextmanager
    def service(self, name: str) -> Iterator[vhostrpmsg.File]:
        """The other end of a service that the guest announces."""
        endpoint = self.ctx.add_endpoint(self.device, name)
        try:
            with endpoint.open() as file:
                file.wait_remote(TIMEOUT)
                yield file
        finally:
            self.ctx.delete_endpoint(endpoint)


@pytest.fixture
def guest() -> Iterator[Guest]:
    """A guest that has booted, and is gone afterwards."""
    name = f"pytest-{os.getpid()}"
    command = shlex.split(os.environ["VMM"].format(device=name))
    with vhostrpmsg.Context() as ctx:
        ctx.add_device(name)
        try:
            with subprocess.Popen(command, stdin=subprocess.PIPE) as vmm:
                ctx.wait_running(name, TIMEOUT)
                yield Guest(ctx, name)
                vmm.terminate()
        finally:
            ctx.delete_device(name)
