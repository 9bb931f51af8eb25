// SPDX-License-Identifier: GPL-2.0-only
/*
 * The valid results of each pair.
 */
#include <errno.h>

#include "race.h"

static bool is(const struct actor *me, enum op op)
{
	return me->op == op || me->partner == op;
}

bool on_file(enum op op)
{
	return op == READ || op == WRITE || op == POLL;
}

bool on_vmm(enum op op)
{
	return op >= VMM_CLOSE && op <= ATTACH;
}

/* Operations on endpoints that were created with the ctrl node. */
bool on_made(enum op op)
{
	return op == CTRL || op == NODE;
}

bool sleeps(const struct actor *me)
{
	return on_file(me->op) && st.fd;
}

bool may_go(const struct actor *me)
{
	return me->partner == EPT_DEL ||
	       (me->partner == DEV_DEL && (!st.vmm || me->op == VMM_CLOSE));
}

static bool opening_allowed(const struct actor *me)
{
	switch (-me->result) {
	case EBUSY:
		return me->partner == OPEN || on_file(me->partner);
	case ENETRESET:
	case ENOENT:
		return may_go(me) || is(me, REMOVAL);
	case ENXIO:
		return is(me, REMOVAL);
	}
	return false;
}

static bool file_allowed(const struct actor *me)
{
	if (!st.fd && opening_allowed(me))
		return true;
	switch (-me->result) {
	case EINTR:
		return me->poked;
	case EPIPE:
		return me->op != POLL && may_go(me);
	case EAGAIN:
		return !st.fd && me->op != POLL;
	case ENOTCONN:
		return me->op == WRITE && (me->partner == RESET ||
					   me->partner == VMM_CLOSE || !st.vmm);
	}
	return false;
}

static bool made_allowed(const struct actor *me)
{
	bool goes = may_go(me) || is(me, REMOVAL);

	switch (-me->result) {
	case EADDRINUSE:
	case EBUSY:
	case EEXIST:
		/* The other thread has it open. */
		return on_made(me->partner);
	case ENETRESET:
	case ENOENT:
	case EPIPE:
		return on_made(me->partner) || goes;
	case ENODEV:
		return goes;
	case ENXIO:
		return is(me, REMOVAL);
	}
	return false;
}

static bool vmm_allowed(const struct actor *me)
{
	if (!has_own_guest(me))
		/* The other thread has closed the file. */
		return me->result == -EBADF && me->partner == VMM_CLOSE;
	switch (-me->result) {
	case EBUSY:
		/* The name is in use, or the device is dying. */
		return is(me, DEV_DEL) || is(me, ATTACH) ||
		       me->partner == VMM_CLOSE;
	case ENOENT:
	case ENODEV:
	case ENXIO:
		return is(me, REMOVAL);
	}
	return false;
}

static bool allowed(const struct actor *me)
{
	/* The operation must be refused if there is a guest or an open file. */
	bool busy = !st.alone;

	if (me->op == DEV_DEL)
		busy = st.vmm && me->partner != VMM_CLOSE;
	switch (me->op) {
	case OPEN:
		return !me->result ? !st.fd : opening_allowed(me);
	case READ:
	case WRITE:
	case POLL:
		return !me->result || file_allowed(me);
	case RX:
	case TX:
		/* Without a device there is nothing to do. */
		return !me->result || (me->result == -EPIPE && may_go(me)) ||
		       (me->result == -ENOENT && is(me, REMOVAL) && st.alone);
	case CTRL:
	case NODE:
		return !me->result || made_allowed(me);
	case ATTACH:
		/* There is a guest, unless it is just being closed. */
		if (st.vmm && me->partner != VMM_CLOSE)
			return me->result == -EBUSY;
		return !me->result || vmm_allowed(me);
	case EPT_DEL:
	case ANNOUNCE:
		return !me->result ||
		       (me->result == -ENOENT &&
			(may_go(me) || (me->partner == REMOVAL && st.alone)));
	case DEV_DEL:
		if (busy)
			return me->result == -EBUSY;
		if (me->result == -ENODEV)
			return me->partner == DEV_DEL || is(me, REMOVAL);
		/* The family is gone. */
		if (me->result == -ENOENT)
			return is(me, REMOVAL);
		return !me->result ||
		       (me->result == -EBUSY && on_vmm(me->partner));
	case REMOVAL:
		if (busy)
			return me->result == -EAGAIN;
		/* The module is not loaded, or is being removed. */
		if (me->result == -ENOENT || me->result == -EBUSY)
			return me->partner == REMOVAL;
		return !me->result || me->result == -EAGAIN;
	default:
		return !me->result || vmm_allowed(me);
	}
}

const char *judge(const struct actor *a, const struct actor *b)
{
	const struct actor *const both[] = { a, b };
	const struct actor *me;
	int i;

	for (i = 0; i < 2; i++) {
		me = both[i];
		if (me->wrong)
			return me->wrong;
		if (!allowed(me))
			return "a result that the pair may not have";
	}
	if (a->op != b->op)
		return NULL;
	/* There is an endpoint to delete. */
	if (a->op == EPT_DEL || (a->op == DEV_DEL && !st.vmm))
		if (!a->result == !b->result)
			return "not just one of the two has deleted it";
	if (a->destroyed && b->destroyed)
		return "both have destroyed the node";
	if (a->op == REMOVAL && st.alone && a->result && b->result)
		return "none of the two has removed it";
	return NULL;
}
