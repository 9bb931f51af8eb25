// SPDX-License-Identifier: GPL-2.0-only
/*
 * Each operation again and again, with its first allocation, page or copy from
 * or to user space failing, then its second, until none is left to fail.
 *
 * Each time the operation either fails with the errno that is documented for
 * it, has changed nothing and succeeds when it is repeated; or it succeeds as if
 * nothing had been. Listeners hear of what happened, or that they missed
 * something. In the worker, where nobody is there to be told, each message has
 * arrived or is counted as dropped.
 *
 * Needs a kernel with fault injection, such as `make check-debug` builds; it is
 * the attribute `times` of each kind of fault that says what has failed.
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
					      ctrl_ops };

/* Whether an error is the one to expect of a fault. */
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

/* The operation was successful, and everything is as it must be. */
static void check_done(const struct fault_op *op, unsigned int n,
		       const char *when)
{
	state_get(&fx.now);
	if (op->done && !op->done())
		wrong("%u: %s, it has no effect, or another one", n, when);
}

/* The operation with each fault in turn, until none strikes. */
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
				/* It was done, and the word of it is lost. */
				ret = 0;
			} else {
				if (what)
					wrong("%u: a %s fault: failed, but other %s",
					      n, kind_name[kind], what);
				if (events > 0)
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
		/* Caches of the kernel's make the count vary a little. */
		quiet = kind < 0 ? quiet + 1 : 0;
		if (quiet == 3)
			break;
	}
	if (op->flags & KEEPS)
		fixture_clean();
	if (quiet == 3) {
		/* The last one was undisturbed. */
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
 * All of it, and again what the module does by itself: now and then the kernel
 * takes memory on the way there as well, and then the n-th fault is another one
 * than it would have been, so that one is missed.
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

/* What nobody refers to any more, since the last scan; false: cannot tell. */
static bool scan_for_leaks(void)
{
	static const char path[] = "/sys/kernel/debug/kmemleak";
	char line[200];
	FILE *f;

	/* Only what is some seconds old is reported, if it is seen twice. */
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

/* Nothing of ours is allocated while a fault is armed. */
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

/* How many operations there are with these names, or with any. */
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
	/* And no_leak. */
	plan = count_ops(argv + 1) + (ko && selected("module", argv + 1)) + 1;
	if (argc > 1 && plan == 1)
		ksft_exit_fail_msg("no such operation\n");
	ksft_set_plan(plan);

	inject_find_module();
	settle_memory();
	if (nl_listen())
		die("no events");
	fixture_init();
	sweep_ops(argv + 1);

	nl_unlisten();
	complaints = 0;
	if (ko && selected("module", argv + 1)) {
		sweep_module(ko);
		ksft_test_result(!complaints, "module\n");
	}

	complaints = 0;
	if (scan_for_leaks())
		ksft_test_result(!complaints, "no_leak\n");
	else
		ksft_test_result_skip("no_leak: no kmemleak\n");
	ksft_finished();
}
