// SPDX-License-Identifier: GPL-2.0-only
/* A program that leaks handles, for test_asan. */
#include "vhostrpmsg.h"

int main(void)
{
	/* The last pointer may still be in a register. */
	for (int i = 0; i < 10; i++)
		if (!vrpmsg_ctx_open())
			return 1;
	return 0;
}
