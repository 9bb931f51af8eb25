# SPDX-License-Identifier: LGPL-2.1-or-later
"""Char devices of endpoints, and messages."""
from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import select
import struct
import threading
import time
from dataclasses import dataclass
from types import TracebackType
from typing import (AsyncIterator, Awaitable, Callable, Iterable, Iterator, List,
                    NamedTuple, NoReturn, Optional, Type, TypeVar, Union)

from ._native import Descriptor, address, fail, ffi, lib, optional_text, text

T = TypeVar("T")
Path = Union[str, "os.PathLike[str]"]

_MAX_MESSAGE = 65535
_ADDR = struct.Struct("=II")
# For preadv() and pwritev(): the file has no offsets.
_NO_OFFSET = -1
# What to wait for before a write that had no room. POLLMSG says that it would fail,
# too, so that the message does not go to the next guest if the remote goes.
_WRITABLE = select.POLLOUT | select.POLLMSG
# How often to repeat a write that is refused although there is room.
_MAX_REFUSED = 10
# How many calls of an AsyncFile may succeed before other tasks get their turn.
_MAX_AT_ONCE = 32
_FLAGS = {"r": os.O_RDONLY, "w": os.O_WRONLY, "rw": os.O_RDWR}


class Message(NamedTuple):
    """A message with its source or destination."""

    data: bytes
    addr: int
    """Address on the guest's side."""
    generation: int = 0
    """Generation of the guest that sent it, or that it is for; 0 is any guest."""


@dataclass(frozen=True)
class FileInfo:
    """The endpoint behind a file."""

    id: int
    """Number of the endpoint, the N of /dev/vrpmsg-epN."""
    device_id: int
    device: str
    """Name of the device."""
    name: Optional[str]
    addr: int
    remote: Optional[int]
    """Address on the guest's side, if one is known."""
    mtu: int
    """Longest payload that can be written now, in bytes."""
    generation: int
    """A number that changes with each reset of the guest; 0 before the first guest."""
    head_generation: int
    """Generation of the guest that sent the next message; 0: there is no message."""
    rx_dropped: int
    """Messages from the guest that were dropped."""
    tx_dropped: int
    """Messages to the guest that were dropped."""
    addressed: bool
    """Whether each record begins with an address."""
    announced: bool
    gone: bool
    """Whether the endpoint was deleted; then the other values are its last ones."""


def _info(fd: int) -> FileInfo:
    info = lib.vrpmsg_fd_info_get(fd)
    if info == ffi.NULL:
        fail()
    info = ffi.gc(info, lib.vrpmsg_fd_info_free)
    return FileInfo(
        id=lib.vrpmsg_fd_info_id(info),
        device_id=lib.vrpmsg_fd_info_dev_id(info),
        device=text(lib.vrpmsg_fd_info_dev_name(info)),
        name=optional_text(lib.vrpmsg_fd_info_name(info)),
        addr=lib.vrpmsg_fd_info_addr(info),
        remote=address(lib.vrpmsg_fd_info_remote(info)),
        mtu=lib.vrpmsg_fd_info_mtu(info),
        generation=lib.vrpmsg_fd_info_generation(info),
        head_generation=lib.vrpmsg_fd_info_head_generation(info),
        rx_dropped=lib.vrpmsg_fd_info_rx_dropped(info),
        tx_dropped=lib.vrpmsg_fd_info_tx_dropped(info),
        addressed=lib.vrpmsg_fd_info_is_addressed(info),
        announced=lib.vrpmsg_fd_info_is_announced(info),
        gone=lib.vrpmsg_fd_info_is_gone(info),
    )


def _records(data: bytes) -> Iterator[Message]:
    buf = ffi.from_buffer(data)
    pos = ffi.new("size_t *")
    rec = ffi.new("struct vrpmsg_rec *")
    while (rc := lib.vrpmsg_rec_next(buf, len(data), pos, rec)) == 1:
        yield Message(ffi.buffer(rec.data, rec.len)[:] if rec.len else b"",
                      rec.addr, rec.generation)
    if rc < 0:
        fail()


def _batch(messages: List[Message]) -> bytes:
    size = sum(lib.vrpmsg_rec_size(len(m.data)) for m in messages)
    buf = ffi.new("char[]", size)
    pos = ffi.new("size_t *")
    for message in messages:
        data = ffi.from_buffer(message.data)
        rec = ffi.new("struct vrpmsg_rec *", {
            "addr": message.addr, "generation": message.generation,
            "len": len(message.data), "data": data})
        if lib.vrpmsg_rec_put(buf, size, pos, rec):
            fail()
    result: bytes = ffi.buffer(buf)[:]
    return result


def _flags(mode: str) -> int:
    if mode not in _FLAGS:
        raise ValueError(f"mode {mode!r} is none of {', '.join(_FLAGS)}")
    return _FLAGS[mode]


def _set_batch(fd: int, on: bool) -> None:
    if lib.vrpmsg_fd_set_batch(fd, on):
        fail()


@contextlib.contextmanager
def _batch_mode(fd: int, on: bool) -> Iterator[None]:
    """Switch batch mode on for a while, or do nothing."""
    if not on:
        yield
        return
    try:
        _set_batch(fd, True)
        yield
    finally:
        _set_batch(fd, False)


def open_number(number: int, mode: str) -> int:
    """Open the endpoint with this number; returns a file descriptor."""
    fd: int = lib.vrpmsg_ept_open(number, _flags(mode))
    if fd < 0:
        fail(filename=f"/dev/vrpmsg-ep{number}")
    return fd


def own(kind: Callable[[int], T], fd: int) -> T:
    """Make a file of a new descriptor, or close that."""
    try:
        return kind(fd)
    except BaseException:
        os.close(fd)
        raise


class File(Descriptor):
    """The char device of an endpoint: each call carries whole messages.

    file: path of the char device, such as Endpoint.path or
        /dev/vrpmsg/by-name/DEVICE/ENDPOINT; or an open file descriptor, which then
        belongs to the File. If this raises an exception, the descriptor stays the
        caller's.
    mode: "r", "w" or "rw". Only one file at a time can be open for reading. A file
        that is only open for writing receives nothing.

    OSError with errno.EBUSY: another file is open for reading; errno.ENETRESET: the
    endpoint has just been deleted.

    A descriptor must not be in batch mode. Batch mode belongs to the open file: while
    read_batch() or write_batch() runs, nobody else may use that, such as a process that
    has inherited or received the descriptor, or another File of a duplicate.

    Calls may sleep, and release Python's global lock meanwhile. If the file was set
    non-blocking with os.set_blocking(), they raise BlockingIOError instead. After the
    endpoint was deleted, reading raises BrokenPipeError once the queue is empty.

    Several threads may use it. Each message goes to one of them.
    """

    def __init__(self, file: Union[Path, int], mode: str = "rw") -> None:
        flags = _flags(mode)
        # Batch mode is the open file's, so calls of several threads must not change it
        # meanwhile.
        self._lock = threading.Lock()
        if isinstance(file, int):
            self._addressed = _info(file).addressed
            self._fd = file
        else:
            self._fd = os.open(file, flags | os.O_CLOEXEC)
            try:
                self._addressed = _info(self._fd).addressed
            except OSError:
                self.close()
                raise

    def info(self) -> FileInfo:
        """Get a description of the endpoint, also after it was deleted.

        This clears the condition for which poll() returns POLLPRI, a new guest.
        """
        return _info(self.fileno())

    def destroy(self) -> None:
        """Delete the endpoint.

        OSError with errno.EINVAL: an administrator created it.
        """
        if lib.vrpmsg_fd_destroy(self.fileno()):
            fail()

    def read(self) -> bytes:
        """Read the next message, which may be empty."""
        return self._read(False, _MAX_MESSAGE + _ADDR.size)

    def write(self, data: bytes) -> None:
        """Send one message.

        OSError with errno.ENOTCONN: no remote is known yet, see wait_remote();
        errno.EMSGSIZE: the message is longer than the MTU.
        """
        if data:
            self._write(False, data)
        elif self._addressed:
            self._refuse()
        else:
            self._call(False, _WRITABLE, self._write_empty)

    def read_from(self) -> Message:
        """Read the next message of an addressed endpoint, with its source."""
        if not self._addressed:
            self._refuse()
        record = self.read()
        return Message(record[_ADDR.size:], *_ADDR.unpack_from(record))

    def write_to(self, data: bytes, addr: int, generation: int = 0) -> None:
        """Send one message from an addressed endpoint.

        generation: the guest that it is for, as in Message; OSError with
            errno.ESTALE: that guest has been replaced.
        """
        if not self._addressed:
            self._refuse()
        self.write(_ADDR.pack(addr, generation) + data)

    def _refuse(self) -> NoReturn:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

    def read_batch(self, size: int = 1 << 17) -> List[Message]:
        """Read all queued messages, at least one, with one system call.

        size: size of the buffer, in bytes; a message takes 16 bytes plus its payload,
            rounded up to a multiple of 8. OSError with errno.EMSGSIZE: the buffer is
            too small for the next message.
        """
        return list(_records(self._read(True, size)))

    def write_batch(self, messages: Iterable[Message]) -> int:
        """Send many messages with one system call.

        Returns how many messages were queued, at least one unless there are none.
        Addresses are used only for an addressed endpoint. An error in a later message
        is raised by the call that begins with that message.
        """
        todo = list(messages)
        if not todo:
            return 0
        taken = self._write(True, _batch(todo))
        for count, message in enumerate(todo):
            if taken <= 0:
                return count
            taken -= lib.vrpmsg_rec_size(len(message.data))
        return len(todo)

    def wait_remote(self, timeout: Optional[float] = None) -> None:
        """Wait until a message can be written: a remote is known, and there is room.

        It may be that of a guest that has ended, as long as the device is stale.

        timeout: in seconds, then raise TimeoutError; None means without limit
        """
        poll = select.poll()
        poll.register(self.fileno(), select.POLLOUT)
        # poll() would take a deadline that has passed for no limit.
        events = poll.poll(None if timeout is None else
                           max(timeout, 0) * 1000)
        if not events:
            raise TimeoutError(errno.ETIMEDOUT, "no remote, or no room in the queue")
        if events[0][1] & (select.POLLERR | select.POLLHUP):
            raise BrokenPipeError(errno.EPIPE, "the endpoint was deleted")

    def __iter__(self) -> Iterator[bytes]:
        """Each message, until the endpoint is deleted."""
        while True:
            try:
                yield self.read()
            except BrokenPipeError:
                return

    def _read(self, batch: bool, size: int) -> bytes:
        buf = bytearray(size)
        count = self._call(batch, select.POLLIN, lambda flags: os.preadv(
            self.fileno(), [buf], _NO_OFFSET, flags))
        return bytes(memoryview(buf)[:count])

    def _write(self, batch: bool, data: bytes) -> int:
        return self._call(batch, _WRITABLE, lambda flags: os.pwritev(
            self.fileno(), [data], _NO_OFFSET, flags))

    def _write_empty(self, flags: int) -> int:
        """Send an empty message, which pwritev() does not pass to the driver.

        write() has no flags. So poll() says whether it would wait. It still waits, with
        the lock, if another writer takes the room in between.
        """
        fd = self.fileno()
        # poll() would wait for ever if the file is not open for writing.
        os.pwritev(fd, [b""], _NO_OFFSET, flags)
        if flags & os.RWF_NOWAIT and os.get_blocking(fd):
            poll = select.poll()
            poll.register(fd, _WRITABLE)
            if not poll.poll(0):
                raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        return os.write(fd, b"")

    def _call(self, batch: bool, events: int,
              call: Callable[[int], int]) -> int:
        """Repeat a call that does not wait, in batch mode or not, until it succeeds.

        Waiting with the lock would make other threads wait as well, and without it
        they could change the mode. It is switched off again each time, since the next
        user of the open file may be another one.

        With RWF_NOWAIT, a write does not wait for memory either, and does not say if
        there is none. If it is refused again and again although there is room, wait
        for memory.
        """
        poll = select.poll()
        poll.register(self.fileno(), events)
        refused = 0
        while True:
            with self._lock, _batch_mode(self.fileno(), batch):
                try:
                    return call(os.RWF_NOWAIT)
                except BlockingIOError:
                    writes = events == _WRITABLE
                    blocking = os.get_blocking(self.fileno())
                    if not blocking and not writes:
                        raise
                # O_NONBLOCK concerns only room.
                if writes and (not blocking or refused >= _MAX_REFUSED):
                    return call(0)
            if poll.poll(0):
                # Another one was faster, or memory is short: do not spin.
                refused += 1
                time.sleep(0.001)
            else:
                refused = 0
                poll.poll()


class AsyncFile:
    """File for asyncio: calls wait in the event loop.

    file, mode: as for File; the descriptor is set non-blocking

    Several tasks may use it. Each message goes to one of them, in order.
    """

    def __init__(self, file: Union[Path, int], mode: str = "rw") -> None:
        self._file = File(file, mode)
        # Succeeds for every open descriptor.
        os.set_blocking(self._file.fileno(), False)
        self._reading = asyncio.Lock()
        self._writing = asyncio.Lock()
        self._at_once = 0

    def fileno(self) -> int:
        """As File.fileno()."""
        return self._file.fileno()

    def close(self) -> None:
        """Close it. No task may be waiting."""
        self._file.close()

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._file.closed

    async def __aenter__(self) -> AsyncFile:
        return self

    async def __aexit__(self, kind: Optional[Type[BaseException]],
                        value: Optional[BaseException],
                        traceback: Optional[TracebackType]) -> None:
        self.close()

    def info(self) -> FileInfo:
        """As File.info()."""
        return self._file.info()

    async def read(self) -> bytes:
        """As File.read()."""
        return await self._read(self._file.read)

    async def write(self, data: bytes) -> None:
        """As File.write()."""
        await self._write(lambda: self._file.write(data))

    async def read_from(self) -> Message:
        """As File.read_from()."""
        return await self._read(self._file.read_from)

    async def write_to(self, data: bytes, addr: int,
                       generation: int = 0) -> None:
        """As File.write_to()."""
        await self._write(lambda: self._file.write_to(data, addr, generation))

    async def read_batch(self, size: int = 1 << 17) -> List[Message]:
        """As File.read_batch()."""
        return await self._read(lambda: self._file.read_batch(size))

    async def write_batch(self, messages: Iterable[Message]) -> int:
        """As File.write_batch()."""
        todo = list(messages)
        return await self._write(lambda: self._file.write_batch(todo))

    async def wait_remote(self) -> None:
        """Wait until a message can be written: a remote is known, and there is room."""
        while True:
            await self._wait(select.POLLOUT)
            try:
                self._file.wait_remote(0)
                return
            except TimeoutError:
                # Another writer took the room, or the guest was reset.
                pass

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Each message, until the endpoint is deleted."""
        while True:
            try:
                yield await self.read()
            except BrokenPipeError:
                return

    async def _read(self, call: Callable[[], T]) -> T:
        async with self._reading:
            return await self._repeat(call, self._readable)

    async def _write(self, call: Callable[[], T]) -> T:
        async with self._writing:
            return await self._repeat(call, lambda: self._wait(_WRITABLE))

    async def _repeat(self, call: Callable[[], T],
                      wait: Callable[[], Awaitable[None]]) -> T:
        # A guest that sends all the time must not keep all other tasks from running.
        # Before the call: a message that was read would be lost if the task is
        # cancelled after it.
        self._at_once += 1
        if self._at_once > _MAX_AT_ONCE:
            self._at_once = 0
            await asyncio.sleep(0)
        while True:
            try:
                return call()
            except BlockingIOError:
                await wait()

    async def _wait(self, events: int) -> None:
        # An event loop only knows POLLIN and POLLOUT, and one writer of a descriptor.
        # But an epoll is a descriptor.
        with select.epoll() as epoll:
            epoll.register(self.fileno(), events)
            await wait_fd(epoll.fileno())

    async def _readable(self) -> None:
        await wait_fd(self.fileno())


async def wait_fd(fd: int) -> None:
    """Wait until fd is readable."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(fd, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(fd)
