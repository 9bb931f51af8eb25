# SPDX-License-Identifier: LGPL-2.1-or-later
"""The host side of RPMsg over virtio: devices, endpoints and messages.

With the kernel module vhost_rpmsg a process is the other end of what a guest
sends and receives by RPMsg. A server that sends each message back:

    import vhostrpmsg

    with vhostrpmsg.Context() as ctx:
        endpoint = ctx.add_endpoint("gpu0", "echo")
        with endpoint.open() as file:
            for message in file:
                file.write(message)

`Context` administers devices and endpoints, which needs CAP_NET_ADMIN. `Ctrl` makes
endpoints for whoever may open the ctrl node of their device, which live as long as
their file. `File` and, for asyncio, `AsyncFile` carry messages, and need no more than
the permission to open the char device. `Monitor` reports what becomes of devices, endpoints and
channels.

`Device`, `Endpoint`, `Channel`, `FileInfo` and `CtrlInfo` are snapshots: they say how things
were when the kernel answered. Addresses are numbers of 32 bits, and None where
there is none. Sizes are bytes, times are seconds.

Whatever fails raises OSError, or the one of its subclasses that the error number
has, with the kernel's own words where it gave some: errno.ENODEV for a device that
is not there, PermissionError without the privilege, FileExistsError for a name that
is taken. libvhostrpmsg(3) says which there are.
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
