#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What decides that a run has failed: the gate for the kernel's log, and counting.
exec python3 "$(dirname "$0")/verdict_test.py"
