# SPDX-License-Identifier: GPL-2.0-only
"""Example tests that use the fixture of conftest.py; run them with pytest-3."""
import pytest
from conftest import Guest


@pytest.mark.parametrize("size", [0, 1, 495, 496])
def test_echo(guest: Guest, size: int) -> None:
    """The service sends messages back, up to the longest one."""
    with guest.service("echo") as file:
        file.write(b"x" * size)
        assert file.read() == b"x" * size


def test_too_long(guest: Guest) -> None:
    """A longer message does not fit into a buffer of a Linux guest."""
    with guest.service("echo") as file:
        assert file.info().mtu == 496
        with pytest.raises(OSError):
            file.write(b"x" * 497)
