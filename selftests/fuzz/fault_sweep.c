// SPDX-License-Identifier: GPL-2.0-only
/*
 * Repeat each operation: first its first allocation, page or copy from or to user space
 * fails, then its second, until none is left.
 *
 * Each time the operation either fails with a documented errno, changes nothing, and
 * succeeds when it is repeated; or it succeeds completely. Listeners get the events, or
 * learn that they have lost some. In the worker, which cannot report errors, each message
 * arrives or is counted as dropped.
 *
 * This needs a kernel with fault injection, for example that of `make check-debug`. The
 * attribute `times` of each kind of fault shows what has failed.
 *
 * usage: fault_sweep [OPERATION]...
 */
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kselftest.h"

#include "fault/fault.h"

static const struct fault_op *const ops[] = { vmm_ops, netlink_ops, ept_ops,
					      ctrl_ops, driver_ops };

/* Is this error a documented one for the fault? */
static bool documented(const struct fault_op *op, int kind, int err)
{
	if (op->flags & NEVER)
		return false;
	if ((op->flags & SOCKET) && kind != COPY && err == -ENOBUFS)
		return true;
	if (op->flags & IOTLB)
		return err == -EFAULT || (kind == COPY && err == -EINVAL);
	if ((op->flags & CORE) && err == -EFAULT)
		return true;
	return err == (kind == COPY ? -EFAULT : -ENOMEM);
}

/* Check everything after a successful operation. */
static void check_done(const struct fault_op *op, unsigned int n,
		       const char *when)
{
	state_get(&fx.now);
	if (op->done && !op->done())
		wrong("%u: %s, it has no effect, or another one", n, when);
}

/* Run the operation with each fault in turn, until none occurs. */
static void fail_op(const struct fault_op *op, unsigned int *faults)
{
	static struct state before, after;
	static int heard[LIMIT];
	int kind = -1, events, ret;
	unsigned int n, quiet = 0;
	const char *what;
	bool lost;

	for (n = 1; n < LIMIT && complaints < 20; n++) {
		if (op->set && (n == 1 || !(op->flags & KEEPS)))
			op->set();
		state_get(&before);
		hear_events();

		inject_arm(gettid(), n);
		ret = op->run();
		kind = inject_disarm();

		lost = nl_lost;
		events = hear_events();
		if (kind >= 0) {
			faults[kind]++;
			if (ret < 0 && !documented(op, kind, ret))
				wrong("%u: a %s fault: error %d, %s", n,
				      kind_name[kind], -ret, strerror(-ret));
		} else if (ret < 0) {
			wrong("%u: without a fault: error %d, %s", n, -ret,
			      strerror(-ret));
			break;
		}

		if (ret < 0) {
			state_get(&after);
			what = state_differs(&before, &after);
			if (what && (op->flags & SOCKET) && lost) {
				/* The operation was done, and its answer was lost. */
				ret = 0;
			} else {
				if (what)
					wrong("%u: a %s fault: failed, but other %s",
					      n, kind_name[kind], what);
				if (events > 0 &&
				    !((op->flags & UNDOES) && events == 2))
					wrong("%u: a %s fault: failed, but %d events",
					      n, kind_name[kind], events);
				hear_events();
				ret = op->run();
				events = hear_events();
				if (ret)
					wrong("%u: after a %s fault: error %d, %s",
					      n, kind_name[kind], -ret,
					      strerror(-ret));
			}
		}
		heard[n] = events;
		if (!ret)
			check_done(op, n,
				   kind < 0 ? "without a fault" :
					      kind_name[kind]);

		if (!(op->flags & KEEPS))
			fixture_clean();
		/* Caches of the kernel make the count vary slightly. */
		quiet = kind < 0 ? quiet + 1 : 0;
		if (quiet == 3)
			break;
	}
	if (op->flags & KEEPS)
		fixture_clean();
	if (quiet == 3) {
		/* The last run had no fault. */
		for (unsigned int i = 1; i < n; i++)
			if (heard[i] >= 0 && heard[i] != heard[n])
				wrong("%u: %d events, not %d", i, heard[i],
				      heard[n]);
		if (heard[n] < 0)
			wrong("events are missed without a fault");
	} else if (!complaints) {
		wrong("%u tries, and no end", n);
	}
}

/*
 * Sweep the whole operation, and then only the module's part of it. The kernel sometimes
 * allocates memory on the way to the module. Then the n-th fault is a different one, and
 * the first sweep misses a fault.
 */
static void sweep(const struct fault_op *op)
{
	unsigned int faults[KINDS] = {};

	fail_op(op, faults);
	inject_in_module();
	fail_op(op, faults);
	inject_anywhere();
	if (!(op->flags & NOTHING) &&
	    !(faults[SLAB] + faults[PAGE] + faults[COPY]))
		wrong("nothing of it could be made to fail");
	report_faults(op->name, faults);
}

/* Scan for leaks since the last scan; false: not possible. */
static bool scan_for_leaks(void)
{
	static const char path[] = "/sys/kernel/debug/kmemleak";
	char line[200];
	FILE *f;

	/* kmemleak reports objects that are some seconds old and were found twice. */
	sleep(6);
	if (write_file(path, "scan") || write_file(path, "scan"))
		return false;
	f = fopen(path, "re");
	if (!f)
		return false;
	while (complaints < 60 && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = 0;
		wrong("%s", line);
	}
	fclose(f);
	return true;
}

static bool selected(const char *name, char **list)
{
	if (!*list)
		return true;
	for (; *list; list++)
		if (!strcmp(*list, name))
			return true;
	return false;
}

/* Make sure that this program does not allocate memory while a fault is armed. */
static void settle_memory(void)
{
	void *p;

	mallopt(M_MMAP_MAX, 0);
	mallopt(M_TRIM_THRESHOLD, 1 << 30);
	mallopt(M_TOP_PAD, 1 << 20);
	p = malloc(1 << 20);
	free(p);
	if (mlockall(MCL_CURRENT | MCL_FUTURE))
		die("mlockall");
}

/* The number of operations with these names, or of all operations. */
static unsigned int count_ops(char **names)
{
	const struct worker_op *worker_op;
	const struct fault_op *op;
	unsigned int i, n = 0;

	for (i = 0; i < ARRAY_SIZE(ops); i++)
		for (op = ops[i]; op->name; op++)
			n += selected(op->name, names);
	for (worker_op = worker_ops; worker_op->name; worker_op++)
		n += selected(worker_op->name, names);
	return n;
}

static void sweep_ops(char **names)
{
	const struct worker_op *worker_op;
	const struct fault_op *op;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ops); i++) {
		for (op = ops[i]; op->name; op++) {
			if (!selected(op->name, names))
				continue;
			complaints = 0;
			sweep(op);
			ksft_test_result(!complaints, "%s\n", op->name);
		}
	}
	for (worker_op = worker_ops; worker_op->name; worker_op++) {
		if (!selected(worker_op->name, names))
			continue;
		complaints = 0;
		sweep_worker(worker_op);
		ksft_test_result(!complaints, "%s\n", worker_op->name);
	}
}

int main(int argc, char **argv)
{
	const char *missing, *ko;
	unsigned int plan;

	setvbuf(stdout, NULL, _IOLBF, 0);
	ksft_print_header();
	missing = inject_init();
	if (missing)
		ksft_exit_skip("this kernel has no fault injection: %s\n",
			       missing);

	ko = getenv("VRPMSG_KO");
	/* One more is for no_leak. */
	plan = count_ops(argv + 1) + (ko && selected("module", argv + 1)) + 1;
	if (argc > 1 && plan == 1)
		ksft_exit_fail_msg("no such operation\n");
	ksft_set_plan(plan);

	inject_find_module();
	settle_memory();
	if (nl_listen())
		die("no events");
	driver_load();
	fixture_init();
	sweep_ops(argv + 1);

	nl_unlisten();
	complaints = 0;
	if (scan_for_leaks())
		ksft_test_result(!complaints, "no_leak\n");
	else
		ksft_test_result_skip("no_leak: no kmemleak\n");

	/* After that: the kernel has a leak there, see vm/debug-tests. */
	complaints = 0;
	if (ko && selected("module", argv + 1)) {
		sweep_module(ko);
		ksft_test_result(!complaints, "module\n");
	}
	ksft_finished();
}
