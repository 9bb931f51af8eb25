# SPDX-License-Identifier: LGPL-2.1-or-later
"""Snapshots of devices, endpoints and channels."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Optional

from ._files import AsyncFile, File, open_number
from ._native import address, ffi, lib, optional_text, owner, stats, text


@dataclass(frozen=True)
class Device:
    """One virtio-rpmsg device, as one guest sees it."""

    id: int
    """Its number, from 1."""
    name: str
    state: str
    """"detached" (persistent, and no VMM has it), "attached" or "running"."""
    persistent: bool
    """Whether it outlives its VMM."""
    stale: bool
    """Whether what it knows is of a guest whose VMM has closed the device."""
    features: int
    """virtio features that the guest acknowledged, as a bit mask."""
    mtu: int
    """Longest payload that the guest's buffers take, in bytes."""
    mtu_fixed: bool
    """Whether the administrator has set it."""
    hold_time: float
    """How long full queues hold the guest back, in seconds; 0 is for ever."""
    owner: int
    """Whose VMM may attach: a user's number, or OWNER_ANY."""
    endpoints: int
    """How many it has."""
    channels: int
    """How many the guest has announced."""
    stalled_by: Optional[int]
    """Number of the endpoint that holds the guest back."""
    stats: Dict[str, int]
    """Counters by their names, as "rx-msgs"; vrpmsg_dev(3) explains them."""


@dataclass(frozen=True)
class Endpoint:
    """One address on the host's side of a device."""

    id: int
    """Its number, the N of /dev/vrpmsg-epN."""
    device_id: int
    device: str
    """Name of the device."""
    name: Optional[str]
    """Name under which it is announced."""
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
    """Whether a process has the char device open."""
    owner: Optional[int]
    """Number of the user who made it by way of a ctrl node; None: an
    administrator did."""
    descriptor: bool
    """Whether it is a file descriptor of processes, without a char device."""
    policy: str
    """A message that finds the receive queue full: "hold" or "drop"."""
    closed: str
    """Messages after a close: "drop" or "keep"."""
    reset: str
    """Unread messages of a guest that is reset: "keep" or "drop"."""
    rx_limit: int
    """Bound of the receive queue, in bytes."""
    tx_limit: int
    """Bound of the send queue, in bytes."""
    rx_queued: int
    """What is in the receive queue, in bytes, counted as for the limit."""
    tx_queued: int
    """What is in the send queue."""
    stats: Dict[str, int]
    """Counters by their names; vrpmsg_dev(3) explains them."""

    @property
    def path(self) -> str:
        """The char device; a descriptor has none."""
        return f"/dev/vrpmsg-ep{self.id}"

    def open(self, mode: str = "rw") -> File:
        """Open the char device; see File."""
        return File(open_number(self.id, mode), mode)

    def open_async(self, mode: str = "rw") -> AsyncFile:
        """Open the char device for asyncio; see AsyncFile."""
        return AsyncFile(open_number(self.id, mode), mode)


@dataclass(frozen=True)
class Channel:
    """A service that a guest has announced."""

    device_id: int
    device: str
    """Name of the device."""
    name: str
    """As the guest has it; what is not UTF-8 is as in os.fsdecode()."""
    addr: int
    """Address on the guest's side."""
    endpoint: Optional[int]
    """Number of the endpoint that is bound to it."""


def device(dev: Any) -> Device:
    """Of the library's own, which stays the caller's."""
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
    """Of the library's own, which stays the caller's."""
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
    """Of the library's own, which stays the caller's."""
    ept = ffi.new("uint32_t *")
    bound = lib.vrpmsg_chan_ept(chan, ept)
    return Channel(
        device_id=lib.vrpmsg_chan_dev_id(chan),
        device=text(lib.vrpmsg_chan_dev_name(chan)),
        name=text(lib.vrpmsg_chan_name(chan)),
        addr=lib.vrpmsg_chan_addr(chan),
        endpoint=ept[0] if bound else None,
    )
