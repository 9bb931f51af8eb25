// SPDX-License-Identifier: GPL-2.0-only
/* The tracepoints of trace.h, for all files. */
#define CREATE_TRACE_POINTS
#include "internal.h"
#include "trace.h"
