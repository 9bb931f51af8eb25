# SPDX-License-Identifier: LGPL-2.1-or-later
# The module that cdef.py generates.
from typing import Any

ffi: Any
