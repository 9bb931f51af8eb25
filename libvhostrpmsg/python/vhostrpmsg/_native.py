# SPDX-License-Identifier: LGPL-2.1-or-later
"""The C library, and conversion of its values."""
from __future__ import annotations

import os
from types import TracebackType
from typing import Any, Callable, Dict, NoReturn, Optional, Type, TypeVar

from ._abi import ffi as ffi  # other modules import it from here

lib: Any = ffi.dlopen("libvhostrpmsg.so.0")

ADDR_NS = 53
"""Address of the name service: no endpoint can have it."""

OWNER_ANY = 0xFFFFFFFF
"""Owner of a device to which every user may attach."""

_ADDR_ANY = 0xFFFFFFFF
_OWNER_NONE = 0xFFFFFFFF


def version() -> str:
    """Version of the C library, for example "0.1.0"."""
    return text(lib.vrpmsg_version())


def optional_text(value: Any) -> Optional[str]:
    """Convert a string; None for NULL. Names from a guest may contain any byte."""
    if value == ffi.NULL:
        return None
    result: bytes = ffi.string(value)
    return result.decode("utf-8", "surrogateescape")


def text(value: Any) -> str:
    """Convert a string; "" for NULL."""
    return optional_text(value) or ""


def c_string(value: str) -> bytes:
    """Convert a string for the library, the inverse of text(). ValueError: it contains
    a NUL."""
    if "\0" in value:
        raise ValueError("embedded null character")
    return value.encode("utf-8", "surrogateescape")


def address(value: int) -> Optional[int]:
    """Convert an address; None if there is no address."""
    return None if value == _ADDR_ANY else value


def owner(value: int) -> Optional[int]:
    """Convert the owner of an endpoint; None for an administrator."""
    return None if value == _OWNER_NONE else value


def words(name_of: Callable[[int], Any]) -> Dict[str, int]:
    """Map the names of an enumeration, as the library has them, to its values."""
    result: Dict[str, int] = {}
    while (name := text(name_of(len(result)))) != "unknown":
        result[name] = len(result)
    return result


def value_of(kind: Dict[str, int], name: str, what: str) -> int:
    """The value of a name. Raises ValueError if there is none."""
    if name not in kind:
        raise ValueError(f"{what}: {name!r} is not one of {', '.join(kind)}")
    return kind[name]


REMOTE_MODES = words(lib.vrpmsg_remote_mode_name)
POLICIES = words(lib.vrpmsg_policy_name)
CLOSED_POLICIES = words(lib.vrpmsg_closed_policy_name)
RESET_POLICIES = words(lib.vrpmsg_reset_policy_name)


def stats(stat_of: Callable[[Any, int], int], handle: Any,
          device: bool) -> Dict[str, int]:
    """The counters of a device or an endpoint."""
    result: Dict[str, int] = {}
    stat = 0
    while name := optional_text(lib.vrpmsg_stat_name(stat)):
        if device or not lib.vrpmsg_stat_dev_only(stat):
            result[name] = stat_of(handle, stat)
        stat += 1
    return result


def fail(what: str = "", filename: Optional[str] = None) -> NoReturn:
    """Raise OSError for the last call, which failed and set errno."""
    number: int = ffi.errno
    raise OSError(number, what or os.strerror(number), filename)


def fail_ctx(ctx: Any) -> NoReturn:
    """Raise OSError for the last call with a handle, with the handle's message."""
    number: int = ffi.errno
    what = text(lib.vrpmsg_ctx_errmsg(ctx)) or os.strerror(number)
    attribute = optional_text(lib.vrpmsg_ctx_errattr(ctx))
    raise OSError(number, f"{what} ({attribute})" if attribute else what)


_D = TypeVar("_D", bound="Descriptor")


class Descriptor:
    """An object that owns a file descriptor."""

    _fd = -1
    _what = "the file"

    def fileno(self) -> int:
        """The file descriptor. Raises ValueError after close()."""
        if self._fd < 0:
            raise ValueError(f"{self._what} is closed")
        return self._fd

    def close(self) -> None:
        """Close it. Messages that were written are still delivered."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._fd < 0

    def __enter__(self: _D) -> _D:
        return self

    def __exit__(self, kind: Optional[Type[BaseException]],
                 value: Optional[BaseException],
                 traceback: Optional[TracebackType]) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()
