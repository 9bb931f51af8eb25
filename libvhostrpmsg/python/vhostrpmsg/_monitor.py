# SPDX-License-Identifier: LGPL-2.1-or-later
"""Events."""
from __future__ import annotations

import asyncio
import errno
import os
import select
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Optional, Type, Union

from . import _objects
from ._files import wait_fd
from ._native import fail_ctx, ffi, lib, text
from ._objects import Channel, Device, Endpoint


class EventsLost(OSError):
    """Events were lost, or the module was loaded again.

    List the objects again and go on reading.
    """


@dataclass(frozen=True)
class Event:
    """What happened to a device, an endpoint or a channel."""

    action: str
    """"new", "change" or "del"."""
    object: Union[Device, Endpoint, Channel]
    """The object as it was when the event was sent."""


def _event(event: Any) -> Event:
    made: Union[Device, Endpoint, Channel]
    action = text(
        lib.vrpmsg_event_action_name(lib.vrpmsg_event_action(event)))
    kind = lib.vrpmsg_event_type(event)
    if kind == lib.VRPMSG_EVENT_DEV:
        made = _objects.device(lib.vrpmsg_event_dev(event))
    elif kind == lib.VRPMSG_EVENT_EPT:
        made = _objects.endpoint(lib.vrpmsg_event_ept(event))
    else:
        made = _objects.channel(lib.vrpmsg_event_chan(event))
    return Event(action, made)


class Monitor:
    """Receive events when devices, endpoints and channels come, change or go.

    An iterator that does not end, also for asyncio:

        with vhostrpmsg.Monitor() as monitor:
            for event in monitor:
                print(event.action, event.object)

    Several tasks may wait for events. Each event goes to one of them. After os.fork()
    only the parent or the child may use it.

    It needs CAP_NET_ADMIN. To follow the current state, create the monitor first, then
    list the objects, then read events.

    Reading can raise another OSError than EventsLost, for example with errno.EMFILE,
    after events were lost or the module was loaded again. There are no events until
    reading again, after a while, raises EventsLost.
    """

    def __init__(self) -> None:
        ctx = lib.vrpmsg_ctx_open()
        if ctx == ffi.NULL:
            raise OSError(ffi.errno, os.strerror(ffi.errno))
        ctx = ffi.gc(ctx, lib.vrpmsg_ctx_close)
        monitor = lib.vrpmsg_monitor_open(ctx)
        if monitor == ffi.NULL:
            fail_ctx(ctx)
        # An event loop calls only one reader of a descriptor.
        self._waiting = asyncio.Lock()
        self._monitor = ffi.gc(monitor, lib.vrpmsg_monitor_close)

    def fileno(self) -> int:
        """The file descriptor to poll. It is readable when there is an event."""
        if self._monitor is None:
            raise ValueError("the monitor is closed")
        fd: int = lib.vrpmsg_monitor_fd(self._monitor)
        return fd

    def close(self) -> None:
        """Close it."""
        monitor, self._monitor = self._monitor, None
        if monitor is not None:
            ffi.release(monitor)

    def __enter__(self) -> Monitor:
        return self

    def __exit__(self, kind: Optional[Type[BaseException]],
                 value: Optional[BaseException],
                 traceback: Optional[TracebackType]) -> None:
        self.close()

    def poll(self) -> Optional[Event]:
        """Return the next event, or None if there is none. Raises EventsLost."""
        self.fileno()
        event = lib.vrpmsg_monitor_read(self._monitor)
        if event != ffi.NULL:
            return _event(ffi.gc(event, lib.vrpmsg_event_free))
        number = ffi.errno
        if number == errno.EAGAIN:
            return None
        what = text(lib.vrpmsg_monitor_errmsg(self._monitor))
        raise (EventsLost if number == errno.ENOBUFS else OSError)(number, what)

    def read(self, timeout: Optional[float] = None) -> Event:
        """Wait for the next event.

        timeout: in seconds, then raise TimeoutError; None means without limit
        """
        end = None if timeout is None else time.monotonic() + timeout
        # select() takes no number from 1024 on.
        ready = select.poll()
        ready.register(self.fileno(), select.POLLIN)
        while (event := self.poll()) is None:
            left = None if end is None else end - time.monotonic()
            if left is not None and left <= 0:
                raise TimeoutError(errno.ETIMEDOUT, "no event")
            ready.poll(None if left is None else left * 1000)
        return event

    def __iter__(self) -> Monitor:
        return self

    def __next__(self) -> Event:
        return self.read()

    def __aiter__(self) -> Monitor:
        return self

    async def __anext__(self) -> Event:
        async with self._waiting:
            while (event := self.poll()) is None:
                await wait_fd(self.fileno())
        return event
