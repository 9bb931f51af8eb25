# SPDX-License-Identifier: LGPL-2.1-or-later
"""Endpoints without privileges."""
from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from typing import NoReturn, Optional, Union

from ._config import EndpointConfig
from ._files import AsyncFile, File, own
from ._native import Descriptor, c_string, fail, ffi, lib, text

# Messages for errors whose strerror() is misleading.
_WORDS = {
    errno.EDQUOT: "the limit of endpoints per user on the device is reached",
    errno.ENOSPC: "the limit of endpoints of all users on the device is reached, "
                  "or it has no more addresses",
    errno.ENOTTY: "not a ctrl node",
}


@dataclass(frozen=True)
class CtrlInfo:
    """The device of a ctrl node."""

    device_id: int
    device: str
    """Name of the device."""
    state: str
    """"detached" (no VMM is attached), "attached" or "running"."""
    mtu: int
    """Longest payload that can be written now, in bytes."""
    generation: int
    """Generation of the guest, as in FileInfo."""
    endpoints: int
    """How many endpoints the calling user has on the device."""
    max_endpoints: int
    """How many endpoints the calling user may have on the device."""


class Ctrl(Descriptor):
    """The ctrl node of a persistent device: create endpoints without privileges.

        with vhostrpmsg.Ctrl("gpu0") as ctrl:
            with ctrl.open_endpoint("echo", announce=True) as file:
                for message in file:
                    file.write(message)

    device: name of the device, path of the node (with a slash), or an open file
        descriptor of the node, which then belongs to the Ctrl. If this raises an
        exception, the descriptor stays the caller's.

    PermissionError: the user may not open the node, see /dev/vrpmsg/ctrl/DEVICE;
    OSError with errno.ENODEV: no persistent device has the name, or its node is not
    in /dev; errno.ENOTTY: not a ctrl node.

    close() or `with` closes it. The endpoints that it created remain.
    """

    _what = "the ctrl node"

    def __init__(self, device: Union[str, int]) -> None:
        if isinstance(device, int):
            _info(device)
            self._fd = device
        elif "/" in device:
            # O_WRONLY: if the path is an endpoint by mistake, do not become its
            # reader.
            self._fd = os.open(device, os.O_WRONLY | os.O_CLOEXEC)
            try:
                _info(self._fd)
            except OSError:
                self.close()
                raise
        else:
            self._fd = lib.vrpmsg_ctrl_open(c_string(device))
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
        """Create an endpoint that lives as long as any process has its file open.

        name, addr, remote, addressed: as for Context.add_endpoint()
        announce: whether to announce it to the guest, as soon as it runs and after
            each reset

        If the receive queue is full, messages are dropped. The descriptor
        File.fileno() can be passed to another process, which opens it with File().

        OSError with errno.EADDRINUSE: another endpoint has the address; errno.EDQUOT:
        the user has too many endpoints; errno.ENOSPC: all users together have too
        many, or there are no more addresses; errno.EINVAL: the name contains characters that are not allowed, there
        is no name to announce, or an addressed endpoint has a remote; errno.ENODEV:
        the device was deleted.
        """
        return own(File, self._new(name, addr, remote, addressed, announce))

    def open_endpoint_async(self, name: Optional[str] = None, *,
                            addr: Optional[int] = None,
                            remote: Union[int, str, None] = None,
                            addressed: bool = False,
                            announce: bool = False) -> AsyncFile:
        """As open_endpoint(), for asyncio; see AsyncFile."""
        return own(AsyncFile,
                   self._new(name, addr, remote, addressed, announce))

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
