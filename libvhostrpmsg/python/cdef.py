#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Make the module that has the declarations of vhostrpmsg.h for cffi.

usage: cdef.py HEADER OUTPUT

cffi parses them here and not at each import. The library itself is looked up by
its soname when the package is imported, so that nothing is compiled and one
package is for all versions of Python.
"""
import contextlib
import re
import sys

import cffi


def declarations(header: str) -> str:
    """What is C and not preprocessor, C++ or comment."""
    text = re.sub(r"/\*.*?\*/", "", header, flags=re.DOTALL)
    text = re.sub(r"^#.*$", "", text, flags=re.MULTILINE)
    text = re.sub(r'^(extern "C" \{|\})$', "", text, flags=re.MULTILINE)
    return text.replace("VRPMSG_API", "")


def main() -> None:
    """Read the one and write the other."""
    header, output = sys.argv[1:]
    ffi = cffi.FFI()
    ffi.set_source("vhostrpmsg._abi", None)
    with open(header, encoding="utf-8") as file:
        ffi.cdef(declarations(file.read()))
    with contextlib.redirect_stdout(None):
        ffi.emit_python_code(output)


main()
