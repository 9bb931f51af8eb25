# SPDX-License-Identifier: LGPL-2.1-or-later
"""Endpoints without privileges."""
from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from typing import NoReturn, Optional, Union

from ._config import EndpointConfig
from ._files import AsyncFile, File
from ._native import Descriptor, fail, ffi, lib, text

# What strerror() would mislead about.
_WORDS = {
    errno.EDQUOT: "the user has as many endpoints on the device as one may have",
    errno.ENOSPC: "all users together have as many endpoints as they may have",
    errno.ENOTTY: "not a ctrl node",
}


@dataclass(frozen=True)
class CtrlInfo:
    """The device of a ctrl node."""

    device_id: int
    device: str
    """Its name."""
    state: str
    """"detached" (no VMM has it), "attached" or "running"."""
    mtu: int
    """Longest payload that can be written now, in bytes."""
    generation: int
    """Which guest there is, or was; as in FileInfo."""
    endpoints: int
    """How many the calling user has on it."""
    max_endpoints: int
    """How many that may be."""


class Ctrl(Descriptor):
    """The ctrl node of a persistent device: it makes endpoints, without privileges.

        with vhostrpmsg.Ctrl("gpu0") as ctrl:
            with ctrl.open_endpoint("echo", announce=True) as file:
                for message in file:
                    file.write(message)

    device: its name, the path of the node (with a slash), or an open file
        descriptor of it, which is the Ctrl's from then on.

    PermissionError: the node is for others, see /dev/vrpmsg/ctrl/DEVICE; OSError with
    errno.ENODEV: no persistent device has the name, or its node is not in /dev;
    errno.ENOTTY: it is no ctrl node.

    close() or `with` closes it; the endpoints that it has made stay.
    """

    _what = "the ctrl node"

    def __init__(self, device: Union[str, int]) -> None:
        if isinstance(device, int):
            _info(device)
            self._fd = device
        elif "/" in device:
            # If it is an endpoint by mistake, this does not make a reader.
            self._fd = os.open(device, os.O_WRONLY | os.O_CLOEXEC)
            _info(self._fd)
        else:
            self._fd = lib.vrpmsg_ctrl_open(device.encode())
            if self._fd < 0:
                fail("no persistent device, or no ctrl node in /dev"
                     if ffi.errno == errno.ENODEV else "", device)

    def info(self) -> CtrlInfo:
        """Describe the device. OSError with errno.ENODEV: it was deleted."""
        return _info(self.fileno())

    def open_endpoint(self, name: Optional[str] = None, *,
                      addr: Optional[int] = None,
                      remote: Union[int, str, None] = None,
                      addressed: bool = False, announce: bool = False) -> File:
        """Make an endpoint that lives as long as its file, in whatever process.

        name, addr, remote, addressed: as in Context.add_endpoint()
        announce: to the guest, now or as soon as it runs, and after each reset

        A full queue drops messages. File.fileno() can be handed to another process,
        where File takes it.

        OSError with errno.EADDRINUSE: another endpoint has the address; errno.EDQUOT:
        the user has as many as one may have; errno.ENOSPC: all users together have;
        errno.EINVAL: a name with other characters than it may have, or none to
        announce, or a remote of an addressed endpoint; errno.ENODEV: the device was
        deleted.
        """
        return File(self._new(name, addr, remote, addressed, announce))

    def open_endpoint_async(self, name: Optional[str] = None, *,
                            addr: Optional[int] = None,
                            remote: Union[int, str, None] = None,
                            addressed: bool = False,
                            announce: bool = False) -> AsyncFile:
        """As open_endpoint(), for asyncio; see AsyncFile."""
        return AsyncFile(self._new(name, addr, remote, addressed, announce))

    def _new(self, name: Optional[str], addr: Optional[int],
             remote: Union[int, str, None], addressed: bool,
             announce: bool) -> int:
        config = EndpointConfig()
        config.identity(name, addr, addressed)
        config.remote(remote)
        fd: int = lib.vrpmsg_ctrl_new_ept(self.fileno(), config.config, announce)
        if fd < 0:
            _fail()
        return fd


def _fail() -> NoReturn:
    fail(_WORDS.get(ffi.errno, ""))


def _info(fd: int) -> CtrlInfo:
    info = lib.vrpmsg_ctrl_info_get(fd)
    if info == ffi.NULL:
        _fail()
    info = ffi.gc(info, lib.vrpmsg_ctrl_info_free)
    return CtrlInfo(
        device_id=lib.vrpmsg_ctrl_info_dev_id(info),
        device=text(lib.vrpmsg_ctrl_info_dev_name(info)),
        state=text(
            lib.vrpmsg_dev_state_name(lib.vrpmsg_ctrl_info_state(info))),
        mtu=lib.vrpmsg_ctrl_info_mtu(info),
        generation=lib.vrpmsg_ctrl_info_generation(info),
        endpoints=lib.vrpmsg_ctrl_info_endpoints(info),
        max_endpoints=lib.vrpmsg_ctrl_info_max_endpoints(info),
    )
