#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Generate the module that contains the declarations of vhostrpmsg.h for cffi.

usage: cdef.py HEADER OUTPUT

cffi parses the header here instead of at each import. The package loads the library
by its soname when it is imported. So nothing is compiled, and one package works with
all versions of Python.
"""
import contextlib
import re
import sys

import cffi


def declarations(header: str) -> str:
    """Returns the header without comments, preprocessor lines and C++."""
    text = re.sub(r"/\*.*?\*/", "", header, flags=re.DOTALL)
    text = re.sub(r"^#.*$", "", text, flags=re.MULTILINE)
    text = re.sub(r'^(extern "C" \{|\})$', "", text, flags=re.MULTILINE)
    return text.replace("VRPMSG_API", "")


def main() -> None:
    """Convert the header."""
    header, output = sys.argv[1:]
    ffi = cffi.FFI()
    ffi.set_source("vhostrpmsg._abi", None)
    with open(header, encoding="utf-8") as file:
        ffi.cdef(declarations(file.read()))
    with contextlib.redirect_stdout(None):
        ffi.emit_python_code(output)


main()
