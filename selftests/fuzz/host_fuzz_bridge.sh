#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# fuzz_bridge.sh in its short form: vrpmsg-bridge and the inputs of the corpus.
exec "$(dirname "$0")/fuzz_bridge.sh"
