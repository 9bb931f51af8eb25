# SPDX-License-Identifier: LGPL-2.1-or-later
"""Administration of devices and endpoints."""
from __future__ import annotations

import errno
import time
from types import TracebackType
from typing import Any, Callable, List, Optional, Type, TypeVar, Union

from . import _objects
from ._config import EndpointConfig
from ._monitor import EventsLost, Monitor
from ._native import fail, fail_ctx, ffi, lib
from ._objects import Channel, Device, Endpoint

T = TypeVar("T")


def _device_config(mtu: Optional[int], hold_time: Optional[float],
                   owner: Optional[int]) -> Any:
    config = lib.vrpmsg_dev_config_new()
    if config == ffi.NULL:
        fail()
    config = ffi.gc(config, lib.vrpmsg_dev_config_free)
    if mtu is not None:
        lib.vrpmsg_dev_config_set_mtu(config, mtu)
    if hold_time is not None:
        lib.vrpmsg_dev_config_set_hold_time(config, round(hold_time * 1000))
    if owner is not None:
        lib.vrpmsg_dev_config_set_owner(config, owner)
    return config


def _number(endpoint: Union[Endpoint, int]) -> int:
    return endpoint if isinstance(endpoint, int) else endpoint.id


class Context:
    """Administer devices and endpoints of this machine.

    All of it needs CAP_NET_ADMIN in the initial user namespace: PermissionError
    without. The first request loads the kernel module; OSError with
    errno.EPROTONOSUPPORT if it is not installed. Requests wait for the kernel and
    never for a guest. A request that is refused has changed nothing.

    For one thread at a time; close() or `with` frees it.
    """

    def __init__(self) -> None:
        ctx = lib.vrpmsg_ctx_open()
        if ctx == ffi.NULL:
            fail()
        self._handle = ffi.gc(ctx, lib.vrpmsg_ctx_close)

    def close(self) -> None:
        """Close it. Objects that were got with it stay."""
        handle, self._handle = self._handle, None
        if handle is not None:
            ffi.release(handle)

    def __enter__(self) -> Context:
        return self

    def __exit__(self, kind: Optional[Type[BaseException]],
                 value: Optional[BaseException],
                 traceback: Optional[TracebackType]) -> None:
        self.close()

    # Devices

    def devices(self) -> List[Device]:
        """All devices, in the order of their numbers."""
        return self._list(
            lib.vrpmsg_dev_list(self._ctx, ffi.NULL),
            lib.vrpmsg_dev_list_free, _objects.device)

    def device(self, device: Union[str, int]) -> Device:
        """A device by its name or its number: errno.ENODEV if there is none."""
        if isinstance(device, int):
            made = lib.vrpmsg_dev_get_by_id(self._ctx, device)
        else:
            made = lib.vrpmsg_dev_get(self._ctx, device.encode())
        return self._one(made, lib.vrpmsg_dev_free, _objects.device)

    def add_device(self, name: str, *, mtu: Optional[int] = None,
                   hold_time: Optional[float] = None,
                   owner: Optional[int] = None) -> Device:
        """Make a persistent device.

        name: 1 to 31 ASCII letters, digits and _.:@-, the first one a letter, a
            digit or _
        mtu: longest message that can be written, in bytes, at most 65535; 0, the
            default: what the guest's buffers take
        hold_time: how long full queues hold the guest back, in seconds, 10 by
            default; 0 is for ever
        owner: whose VMM may attach, a user's number or OWNER_ANY; whoever makes
            the device by default

        FileExistsError: there is one of that name.
        """
        config = _device_config(mtu, hold_time, owner)
        return self._one(
            lib.vrpmsg_dev_add(self._ctx, name.encode(), config),
            lib.vrpmsg_dev_free, _objects.device)

    def set_device(self, name: str, *, mtu: Optional[int] = None,
                   hold_time: Optional[float] = None,
                   owner: Optional[int] = None) -> None:
        """Change a device, as in add_device(); what is None stays as it is."""
        config = _device_config(mtu, hold_time, owner)
        self._check(lib.vrpmsg_dev_set(self._ctx, name.encode(), config))

    def delete_device(self, device: Union[str, int]) -> None:
        """Delete a persistent device with its endpoints, by name or number.

        OSError with errno.EBUSY: a VMM has it.
        """
        if isinstance(device, int):
            self._check(lib.vrpmsg_dev_del_by_id(self._ctx, device))
        else:
            self._check(lib.vrpmsg_dev_del(self._ctx, device.encode()))

    def reset_device(self, name: str) -> None:
        """Forget the guest of a device that is stale, as its own reset would.

        OSError with errno.EBUSY: a VMM has it.
        """
        self._check(lib.vrpmsg_dev_reset(self._ctx, name.encode()))

    def wait_running(self, name: str,
                     timeout: Optional[float] = None) -> Device:
        """Wait until there is a device of that name and the driver of its guest runs.

        timeout: seconds; then TimeoutError. None: for ever.
        """
        end = None if timeout is None else time.monotonic() + timeout
        with Monitor() as monitor:
            while True:
                try:
                    device = self.device(name)
                    if device.state == "running":
                        return device
                except OSError as error:
                    if error.errno != errno.ENODEV:
                        raise
                try:
                    monitor.read(
                        None if end is None else max(0, end - time.monotonic()))
                except EventsLost:
                    pass
                except TimeoutError as error:
                    raise TimeoutError(
                        errno.ETIMEDOUT, f"{name}: no guest runs") from error

    # Endpoints

    def endpoints(self, device: Optional[str] = None) -> List[Endpoint]:
        """Those of a device, or all, in the order of their numbers."""
        return self._list(
            lib.vrpmsg_ept_list(
                self._ctx, ffi.NULL if device is None else device.encode(),
                ffi.NULL),
            lib.vrpmsg_ept_list_free, _objects.endpoint)

    def endpoint(self, number: int) -> Endpoint:
        """An endpoint by its number: FileNotFoundError if there is none."""
        return self._one(lib.vrpmsg_ept_get(self._ctx, number),
                         lib.vrpmsg_ept_free, _objects.endpoint)

    def find_endpoint(self, device: str, name: str) -> Endpoint:
        """The endpoint of a device that has a name; one of an administrator.

        FileNotFoundError: none has it; OSError with errno.ENOTUNIQ: several have.
        """
        return self._one(
            lib.vrpmsg_ept_find(self._ctx, device.encode(), name.encode()),
            lib.vrpmsg_ept_free, _objects.endpoint)

    def add_endpoint(self, device: Union[str, int], name: Optional[str] = None, *,
                     addr: Optional[int] = None,
                     remote: Union[int, str, None] = None,
                     addressed: bool = False, policy: Optional[str] = None,
                     closed: Optional[str] = None, reset: Optional[str] = None,
                     rx_limit: Optional[int] = None,
                     tx_limit: Optional[int] = None,
                     announce: bool = False) -> Endpoint:
        """Make an endpoint.

        device: its name or number
        name: under which it is announced, and bound to a channel of the guest; 1
            to 31 printable ASCII characters
        addr: on the host's side; by default the next free one from 1024
        remote: an address on the guest's side, "learn" (the default: a channel of
            the same name, or the source of the first message) or "follow" (the
            source of each message)
        addressed: it talks to many remotes; see File.read_from()
        policy: what happens to a message that finds the receive queue full: "hold"
            (the default: the guest waits) or "drop"
        closed: what happens to messages after a process has closed the file:
            "drop" (the default) or "keep"
        reset: what happens to unread messages of a guest that is reset: "keep"
            (the default) or "drop"
        rx_limit, tx_limit: bounds of its queues, in bytes, 256 KiB by default and
            at most 64 MiB; a message counts its payload and 64
        announce: to the guest, now or as soon as it runs

        OSError with errno.EADDRINUSE: another endpoint has the address.
        """
        config = EndpointConfig()
        config.device(device)
        config.identity(name, addr, addressed)
        config.remote(remote)
        config.policies(policy, closed, reset)
        config.limits(rx_limit, tx_limit)
        made = self._one(lib.vrpmsg_ept_add(self._ctx, config.config),
                         lib.vrpmsg_ept_free, _objects.endpoint)
        if not announce:
            return made
        try:
            self.announce(made)
        except OSError:
            self.delete_endpoint(made)
            raise
        return self.endpoint(made.id)

    def find_or_add_endpoint(self, device: str, name: str, *,
                             addr: Optional[int] = None,
                             remote: Union[int, str, None] = None,
                             addressed: bool = False,
                             policy: Optional[str] = None,
                             closed: Optional[str] = None,
                             reset: Optional[str] = None,
                             rx_limit: Optional[int] = None,
                             tx_limit: Optional[int] = None) -> Endpoint:
        """The endpoint of a device that has a name, or a new one.

        The rest is as in add_endpoint(), for a new one; one that is there stays as
        it is. Endpoints of users are not looked at. Two callers at the same time may
        both make one.

        OSError with errno.ENOTUNIQ: several have the name.
        """
        config = EndpointConfig()
        config.device(device)
        config.identity(name, addr, addressed)
        config.remote(remote)
        config.policies(policy, closed, reset)
        config.limits(rx_limit, tx_limit)
        return self._one(
            lib.vrpmsg_ept_find_or_add(self._ctx, config.config),
            lib.vrpmsg_ept_free, _objects.endpoint)

    def set_endpoint(self, endpoint: Union[Endpoint, int], *,
                     remote: Union[int, str, None] = None,
                     policy: Optional[str] = None, closed: Optional[str] = None,
                     reset: Optional[str] = None,
                     rx_limit: Optional[int] = None,
                     tx_limit: Optional[int] = None) -> None:
        """Change an endpoint, as in add_endpoint(); what is None stays as it is."""
        config = EndpointConfig()
        config.remote(remote)
        config.policies(policy, closed, reset)
        config.limits(rx_limit, tx_limit)
        self._check(lib.vrpmsg_ept_set(
            self._ctx, _number(endpoint), config.config))

    def delete_endpoint(self, endpoint: Union[Endpoint, int]) -> None:
        """Delete an endpoint. Who has it open can still read what is queued."""
        self._check(lib.vrpmsg_ept_del(self._ctx, _number(endpoint)))

    def announce(self, endpoint: Union[Endpoint, int]) -> None:
        """Announce it to the guest, now or as soon as it runs, and after each reset.

        OSError with errno.EINVAL: it has no name.
        """
        self._check(lib.vrpmsg_ept_announce(self._ctx, _number(endpoint)))

    def withdraw(self, endpoint: Union[Endpoint, int]) -> None:
        """Take an announcement back."""
        self._check(lib.vrpmsg_ept_withdraw(self._ctx, _number(endpoint)))

    # Channels

    def channels(self, device: Optional[str] = None) -> List[Channel]:
        """What the guest of a device has announced, or all guests."""
        return self._list(
            lib.vrpmsg_chan_list(
                self._ctx, ffi.NULL if device is None else device.encode(),
                ffi.NULL),
            lib.vrpmsg_chan_list_free, _objects.channel)

    def channel(self, device: str, addr: int) -> Channel:
        """A channel by its address: FileNotFoundError if there is none."""
        return self._one(lib.vrpmsg_chan_get(self._ctx, device.encode(), addr),
                         lib.vrpmsg_chan_free, _objects.channel)

    @property
    def _ctx(self) -> Any:
        if self._handle is None:
            raise ValueError("the context is closed")
        return self._handle

    def _check(self, rc: int) -> None:
        if rc:
            fail_ctx(self._ctx)

    def _one(self, made: Any, free: Any, convert: Callable[[Any], T]) -> T:
        if made == ffi.NULL:
            fail_ctx(self._ctx)
        return convert(ffi.gc(made, free))

    def _list(self, made: Any, free: Any,
              convert: Callable[[Any], T]) -> List[T]:
        if made == ffi.NULL:
            fail_ctx(self._ctx)
        made = ffi.gc(made, free)
        result: List[T] = []
        while made[len(result)] != ffi.NULL:
            result.append(convert(made[len(result)]))
        return result
