# SPDX-License-Identifier: LGPL-2.1-or-later
# What cdef.py makes.
from typing import Any

ffi: Any
