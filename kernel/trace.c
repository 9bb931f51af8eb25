// SPDX-License-Identifier: GPL-2.0-only
/* Defines the tracepoints of trace.h. */
#define CREATE_TRACE_POINTS
#include "internal.h"
#include "trace.h"
