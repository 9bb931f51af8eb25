# SPDX-License-Identifier: LGPL-2.1-or-later
"""The host side of RPMsg over virtio: devices, endpoints and messages.

The kernel module vhost_rpmsg lets a process on the host exchange RPMsg messages with
a guest. This server sends each message back:

    import vhostrpmsg

    with vhostrpmsg.Context() as ctx:
        endpoint = ctx.find_or_add_endpoint("gpu0", "echo")
        with endpoint.open() as file:
            for message in file:
                file.write(message)

`Context` administers devices and endpoints, which needs CAP_NET_ADMIN. `Ctrl` creates
endpoints that live as long as their file; it only needs permission to open the ctrl
node of the device. `File` and, for asyncio, `AsyncFile` carry messages, and only need
permission to open the char device. `Monitor` reports events of devices, endpoints and
channels.

`Device`, `Endpoint`, `Channel`, `FileInfo` and `CtrlInfo` are snapshots: they describe
the state at the time of the call. Addresses are 32-bit numbers, or None if there is no
address. Sizes are in bytes, times in seconds.

Calls that fail raise OSError or the subclass that belongs to the error number, with
the kernel's own message if there is one: errno.ENODEV for a device that does not
exist, PermissionError without the privilege, FileExistsError for a name that is taken.
The manual pages of the C library list the errors, see libvhostrpmsg(3).
"""
from ._context import Context
from ._ctrl import Ctrl, CtrlInfo
from ._files import AsyncFile, File, FileInfo, Message
from ._monitor import Event, EventsLost, Monitor
from ._native import ADDR_NS, OWNER_ANY, version
from ._objects import Channel, Device, Endpoint

__all__ = [
    "ADDR_NS",
    "AsyncFile",
    "Channel",
    "Context",
    "Ctrl",
    "CtrlInfo",
    "Device",
    "Endpoint",
    "Event",
    "EventsLost",
    "File",
    "FileInfo",
    "Message",
    "Monitor",
    "OWNER_ANY",
    "version",
]
