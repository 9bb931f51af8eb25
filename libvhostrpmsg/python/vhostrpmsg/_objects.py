# SPDX-License-Identifier: LGPL-2.1-or-later
"""Snapshots of devices, endpoints and channels."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Optional

from ._files import AsyncFile, File, open_number, own
from ._native import address, ffi, lib, optional_text, owner, stats, text


@dataclass(frozen=True)
class Device:
    """One virtio-rpmsg device, as one guest sees it."""

    id: int
    """Number of the device, from 1."""
    name: str
    state: str
    """"detached" (persistent, no VMM is attached), "attached" or "running"."""
    persistent: bool
    """Whether it outlives its VMM."""
    stale: bool
    """Whether it keeps the state of a guest whose VMM closed the device."""
    features: int
    """Virtio features that the guest acknowledged, as a bit mask."""
    mtu: int
    """Longest payload that can be written, in bytes."""
    mtu_fixed: bool
    """Whether an administrator set the MTU."""
    hold_time: float
    """How long full queues hold the guest back, in seconds; 0 means without limit."""
    owner: int
    """ID of the user whose VMM may attach, or OWNER_ANY."""
    endpoints: int
    """How many endpoints it has."""
    channels: int
    """How many channels the guest announced."""
    stalled_by: Optional[int]
    """Number of the endpoint that holds the guest back, if there is one."""
    stats: Dict[str, int]
    """Counters by name, for example "rx-msgs"; vrpmsg_dev(3) explains them."""


@dataclass(frozen=True)
class Endpoint:
    """One address on the host's side of a device."""

    id: int
    """Number of the endpoint, the N of /dev/vrpmsg-epN."""
    device_id: int
    device: str
    """Name of the device."""
    name: Optional[str]
    """Name of the service."""
    addr: int
    remote: Optional[int]
    """Address on the guest's side, if one is known."""
    remote_kind: str
    """"none", "fixed", "learned" (from a message) or "bound" (to a channel)."""
    remote_mode: str
    """How it gets its remote: "learn", "fixed" or "follow"."""
    addressed: bool
    """Whether each record begins with an address."""
    announced: bool
    is_open: bool
    """Whether a process has the char device open for reading."""
    owner: Optional[int]
    """ID of the user who created it through a ctrl node; None: an administrator
    created it."""
    descriptor: bool
    """Whether it exists only as a file descriptor, without a char device."""
    driver: bool
    """Whether it belongs to a driver of the host: it has no char device, settings,
    queues or counters, and cannot be changed."""
    policy: str
    """What happens to a message when the receive queue is full: "hold" or "drop"."""
    closed: str
    """What happens to messages after the reader closed the file: "drop" or "keep"."""
    reset: str
    """What happens to unread messages when their guest is reset: "keep" or "drop"."""
    rx_limit: int
    """Limit of the receive queue, in bytes."""
    tx_limit: int
    """Limit of the send queue, in bytes."""
    rx_queued: int
    """How much is in the receive queue, in bytes, counted as for the limit."""
    tx_queued: int
    """How much is in the send queue, in bytes, counted as for the limit."""
    stats: Dict[str, int]
    """Counters by name; vrpmsg_dev(3) explains them."""

    @property
    def path(self) -> str:
        """Path of the char device. It does not exist if `descriptor` or `driver` is
        true."""
        return f"/dev/vrpmsg-ep{self.id}"

    def open(self, mode: str = "rw") -> File:
        """Open the char device; see File."""
        return own(File, open_number(self.id, mode))

    def open_async(self, mode: str = "rw") -> AsyncFile:
        """Open the char device for asyncio; see AsyncFile."""
        return own(AsyncFile, open_number(self.id, mode))


@dataclass(frozen=True)
class Channel:
    """A service that a guest announced."""

    device_id: int
    device: str
    """Name of the device."""
    name: str
    """The name that the guest announced; bytes that are not UTF-8 become surrogates,
    as in os.fsdecode()."""
    addr: int
    """Address on the guest's side."""
    endpoint: Optional[int]
    """Number of the endpoint that is bound to it, if there is one."""


def device(dev: Any) -> Device:
    """Convert a device of the library. The caller still has to free it."""
    ept = ffi.new("uint32_t *")
    stalled = lib.vrpmsg_dev_stall_ept(dev, ept)
    return Device(
        id=lib.vrpmsg_dev_id(dev),
        name=text(lib.vrpmsg_dev_name(dev)),
        state=text(lib.vrpmsg_dev_state_name(lib.vrpmsg_dev_state(dev))),
        persistent=lib.vrpmsg_dev_is_persistent(dev),
        stale=lib.vrpmsg_dev_is_stale(dev),
        features=lib.vrpmsg_dev_features(dev),
        mtu=lib.vrpmsg_dev_mtu(dev),
        mtu_fixed=lib.vrpmsg_dev_is_mtu_fixed(dev),
        hold_time=lib.vrpmsg_dev_hold_time(dev) / 1000,
        owner=lib.vrpmsg_dev_owner(dev),
        endpoints=lib.vrpmsg_dev_endpoints(dev),
        channels=lib.vrpmsg_dev_channels(dev),
        stalled_by=ept[0] if stalled else None,
        stats=stats(lib.vrpmsg_dev_stat, dev, True),
    )


def endpoint(ept: Any) -> Endpoint:
    """Convert an endpoint of the library. The caller still has to free it."""
    return Endpoint(
        id=lib.vrpmsg_ept_id(ept),
        device_id=lib.vrpmsg_ept_dev_id(ept),
        device=text(lib.vrpmsg_ept_dev_name(ept)),
        name=optional_text(lib.vrpmsg_ept_name(ept)),
        addr=lib.vrpmsg_ept_addr(ept),
        remote=address(lib.vrpmsg_ept_remote(ept)),
        remote_kind=text(
            lib.vrpmsg_remote_kind_name(lib.vrpmsg_ept_remote_kind(ept))),
        remote_mode=text(
            lib.vrpmsg_remote_mode_name(lib.vrpmsg_ept_remote_mode(ept))),
        addressed=lib.vrpmsg_ept_is_addressed(ept),
        announced=lib.vrpmsg_ept_is_announced(ept),
        is_open=lib.vrpmsg_ept_is_open(ept),
        owner=owner(lib.vrpmsg_ept_owner(ept)),
        descriptor=lib.vrpmsg_ept_is_descriptor(ept),
        driver=lib.vrpmsg_ept_is_driver(ept),
        policy=text(lib.vrpmsg_policy_name(lib.vrpmsg_ept_policy(ept))),
        closed=text(
            lib.vrpmsg_closed_policy_name(lib.vrpmsg_ept_closed_policy(ept))),
        reset=text(
            lib.vrpmsg_reset_policy_name(lib.vrpmsg_ept_reset_policy(ept))),
        rx_limit=lib.vrpmsg_ept_rx_limit(ept),
        tx_limit=lib.vrpmsg_ept_tx_limit(ept),
        rx_queued=lib.vrpmsg_ept_rx_queued(ept),
        tx_queued=lib.vrpmsg_ept_tx_queued(ept),
        stats=stats(lib.vrpmsg_ept_stat, ept, False),
    )


def channel(chan: Any) -> Channel:
    """Convert a channel of the library. The caller still has to free it."""
    ept = ffi.new("uint32_t *")
    bound = lib.vrpmsg_chan_ept(chan, ept)
    return Channel(
        device_id=lib.vrpmsg_chan_dev_id(chan),
        device=text(lib.vrpmsg_chan_dev_name(chan)),
        name=text(lib.vrpmsg_chan_name(chan)),
        addr=lib.vrpmsg_chan_addr(chan),
        endpoint=ept[0] if bound else None,
    )
