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
from ._native import c_string, fail, fail_ctx, ffi, lib
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
        if hold_time < 0:
            raise ValueError("hold_time is negative")
        milliseconds = round(hold_time * 1000)
        # A short time must not become 0, which means without limit.
        if not milliseconds and hold_time > 0:
            milliseconds = 1
        lib.vrpmsg_dev_config_set_hold_time(config, milliseconds)
    if owner is not None:
        lib.vrpmsg_dev_config_set_owner(config, owner)
    return config


def _number(endpoint: Union[Endpoint, int]) -> int:
    return endpoint if isinstance(endpoint, int) else endpoint.id


class Context:
    """Administer devices and endpoints of this machine.

    All methods need CAP_NET_ADMIN in the initial user namespace and raise
    PermissionError without it. The first request loads the kernel module; OSError
    with errno.EPROTONOSUPPORT: it is not installed. Requests wait for the kernel,
    but never for a guest. A request that the kernel refuses changes nothing.

    Only one thread at a time may use it, and after os.fork() only the parent or the
    child, since they share its socket. close() or `with` frees it.
    """

    def __init__(self) -> None:
        ctx = lib.vrpmsg_ctx_open()
        if ctx == ffi.NULL:
            fail()
        self._handle = ffi.gc(ctx, lib.vrpmsg_ctx_close)

    def close(self) -> None:
        """Close it. Objects that it returned remain valid."""
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
        """All devices, sorted by number."""
        return self._list(
            lib.vrpmsg_dev_list(self._ctx, ffi.NULL),
            lib.vrpmsg_dev_list_free, _objects.device)

    def device(self, device: Union[str, int]) -> Device:
        """A device by name or number. OSError with errno.ENODEV: there is none."""
        if isinstance(device, int):
            made = lib.vrpmsg_dev_get_by_id(self._ctx, device)
        else:
            made = lib.vrpmsg_dev_get(self._ctx, c_string(device))
        return self._one(made, lib.vrpmsg_dev_free, _objects.device)

    def add_device(self, name: str, *, mtu: Optional[int] = None,
                   hold_time: Optional[float] = None,
                   owner: Optional[int] = None) -> Device:
        """Add a persistent device.

        name: 1 to 31 ASCII letters, digits and _.:@-, the first one a letter, a
            digit or _
        mtu: longest message that can be written, in bytes, at most 65535; 0, the
            default, is what fits into the guest's buffers
        hold_time: how long full queues hold the guest back, in seconds; the default
            is 10, and 0 means without limit
        owner: ID of the user whose VMM may attach, or OWNER_ANY; the default is the
            user who adds the device

        FileExistsError: a device of that name exists.
        """
        config = _device_config(mtu, hold_time, owner)
        return self._one(
            lib.vrpmsg_dev_add(self._ctx, c_string(name), config),
            lib.vrpmsg_dev_free, _objects.device)

    def set_device(self, name: str, *, mtu: Optional[int] = None,
                   hold_time: Optional[float] = None,
                   owner: Optional[int] = None) -> None:
        """Change a device. Arguments as for add_device(); None changes nothing."""
        config = _device_config(mtu, hold_time, owner)
        self._check(lib.vrpmsg_dev_set(self._ctx, c_string(name), config))

    def delete_device(self, device: Union[str, int]) -> None:
        """Delete a persistent device and its endpoints, by name or number.

        OSError with errno.EBUSY: a VMM is attached, or it is not persistent.
        """
        if isinstance(device, int):
            self._check(lib.vrpmsg_dev_del_by_id(self._ctx, device))
        else:
            self._check(lib.vrpmsg_dev_del(self._ctx, c_string(device)))

    def reset_device(self, name: str) -> None:
        """Forget the guest of a stale device, like a reset of that guest.

        OSError with errno.EBUSY: a VMM is attached, or it is not persistent.
        """
        self._check(lib.vrpmsg_dev_reset(self._ctx, c_string(name)))

    def wait_running(self, name: str,
                     timeout: Optional[float] = None) -> Device:
        """Wait until a device of that name exists and its guest's driver is running.

        timeout: in seconds, then raise TimeoutError; None means without limit
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
                left = None if end is None else end - time.monotonic()
                try:
                    # Do not go on only because there is always another event.
                    if left is not None and left <= 0:
                        raise TimeoutError
                    monitor.read(left)
                except EventsLost:
                    pass
                except TimeoutError as error:
                    raise TimeoutError(
                        errno.ETIMEDOUT, f"{name}: no guest runs") from error

    # Endpoints

    def endpoints(self, device: Optional[str] = None) -> List[Endpoint]:
        """All endpoints, or those of a device, sorted by device and address."""
        return self._list(
            lib.vrpmsg_ept_list(
                self._ctx, ffi.NULL if device is None else c_string(device),
                ffi.NULL),
            lib.vrpmsg_ept_list_free, _objects.endpoint)

    def endpoint(self, number: int) -> Endpoint:
        """An endpoint by number. FileNotFoundError: there is none."""
        return self._one(lib.vrpmsg_ept_get(self._ctx, number),
                         lib.vrpmsg_ept_free, _objects.endpoint)

    def find_endpoint(self, device: str, name: str) -> Endpoint:
        """An endpoint of a device by name. Endpoints of users are skipped.

        FileNotFoundError: none has the name; OSError with errno.ENOTUNIQ: several
        have it.
        """
        return self._one(
            lib.vrpmsg_ept_find(self._ctx, c_string(device), c_string(name)),
            lib.vrpmsg_ept_free, _objects.endpoint)

    def add_endpoint(self, device: Union[str, int], name: Optional[str] = None, *,
                     addr: Optional[int] = None,
                     remote: Union[int, str, None] = None,
                     addressed: bool = False, policy: Optional[str] = None,
                     closed: Optional[str] = None, reset: Optional[str] = None,
                     rx_limit: Optional[int] = None,
                     tx_limit: Optional[int] = None,
                     announce: bool = False) -> Endpoint:
        """Add an endpoint.

        device: name or number of the device
        name: name of the service, 1 to 31 printable ASCII characters; the endpoint
            is announced under this name and bound to a channel of this name
        addr: address on the host's side; the default is the next free one from 1024
        remote: an address on the guest's side, "learn" (the default: a channel of
            the same name, or the source of the first message) or "follow" (the
            source of each message)
        addressed: whether it talks to many remotes; see File.read_from()
        policy: what happens to a message when the receive queue is full: "hold"
            (the default: the guest waits) or "drop"
        closed: what happens to messages after the reader closed the file: "drop"
            (the default) or "keep"
        reset: what happens to unread messages when their guest is reset: "keep"
            (the default) or "drop"
        rx_limit, tx_limit: limits of the queues, in bytes, by default 256 KiB and
            at most 64 MiB; a message counts as its payload plus 64 bytes
        announce: whether to announce it to the guest

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
        """Get an endpoint of a device by name, or add it.

        The other arguments are those of add_endpoint(), for a new endpoint. An
        endpoint that exists does not change. Endpoints of users are skipped. Two
        concurrent callers may each add one.

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
        """Change an endpoint. Arguments as for add_endpoint(); None changes nothing."""
        config = EndpointConfig()
        config.remote(remote)
        config.policies(policy, closed, reset)
        config.limits(rx_limit, tx_limit)
        self._check(lib.vrpmsg_ept_set(
            self._ctx, _number(endpoint), config.config))

    def delete_endpoint(self, endpoint: Union[Endpoint, int]) -> None:
        """Delete an endpoint. Queued messages can still be read from an open file."""
        self._check(lib.vrpmsg_ept_del(self._ctx, _number(endpoint)))

    def announce(self, endpoint: Union[Endpoint, int]) -> None:
        """Announce an endpoint to the guest, as soon as it runs and after each reset.

        Some announcements crash a Linux guest, see vrpmsg(7).

        OSError with errno.EINVAL: the endpoint has no name.
        """
        self._check(lib.vrpmsg_ept_announce(self._ctx, _number(endpoint)))

    def withdraw(self, endpoint: Union[Endpoint, int]) -> None:
        """Withdraw the announcement of an endpoint."""
        self._check(lib.vrpmsg_ept_withdraw(self._ctx, _number(endpoint)))

    # Channels

    def channels(self, device: Optional[str] = None) -> List[Channel]:
        """The channels of all devices, or of one device."""
        return self._list(
            lib.vrpmsg_chan_list(
                self._ctx, ffi.NULL if device is None else c_string(device),
                ffi.NULL),
            lib.vrpmsg_chan_list_free, _objects.channel)

    def channel(self, device: str, addr: int) -> Channel:
        """A channel by address. FileNotFoundError: there is none."""
        return self._one(lib.vrpmsg_chan_get(self._ctx, c_string(device), addr),
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
