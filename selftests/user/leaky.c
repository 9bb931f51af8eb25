// SPDX-License-Identifier: GPL-2.0-only
/* A program that forgets handles, for test_asan. */
#include "vhostrpmsg.h"

int main(void)
{
	/* The last may still be in a register. */
	for (int i = 0; i < 10; i++)
		if (!vrpmsg_ctx_open())
			return 1;
	return 0;
}
