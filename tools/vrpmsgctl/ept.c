// SPDX-License-Identifier: GPL-2.0-only
/* vrpmsgctl ept */
#include <stdio.h>

#include "ctl.h"
#include "output.h"

/* What a char device has, or a descriptor. */
static void print_settings(const struct vrpmsg_ept *ept)
{
	out_string("policy", " policy %s",
		   vrpmsg_policy_name(vrpmsg_ept_policy(ept)));
	out_unusual("closed", " closed %s",
		    vrpmsg_closed_policy_name(vrpmsg_ept_closed_policy(ept)),
		    "drop");
	out_unusual("reset", " reset %s",
		    vrpmsg_reset_policy_name(vrpmsg_ept_reset_policy(ept)),
		    "keep");
	out_bytes("rx-limit", " rx-limit %llu", vrpmsg_ept_rx_limit(ept));
	out_bytes("tx-limit", " tx-limit %llu", vrpmsg_ept_tx_limit(ept));
}

void ept_print(const struct vrpmsg_ept *ept)
{
	enum vrpmsg_remote_kind kind = vrpmsg_ept_remote_kind(ept);
	enum vrpmsg_remote_mode mode = vrpmsg_ept_remote_mode(ept);
	const char *name = vrpmsg_ept_name(ept);
	bool node = ctl_ept_has_node(ept);
	char path[32];
	int i, column;

	snprintf(path, sizeof(path), "/dev/vrpmsg-ep%u", vrpmsg_ept_id(ept));
	out_none("id");
	out_uint("id", node ? NULL : "endpoint %llu:", vrpmsg_ept_id(ept));
	if (node)
		out_string("path", "%s:", path);
	else
		out_none("path");
	out_string("dev", " dev %s", vrpmsg_ept_dev_name(ept));
	out_uint("dev-id", NULL, vrpmsg_ept_dev_id(ept));
	out_string("name", " name %s", name);
	out_uint("addr", " addr %llu", vrpmsg_ept_addr(ept));
	if (kind != VRPMSG_REMOTE_NONE)
		out_uint("remote", " remote %llu", vrpmsg_ept_remote(ept));
	else
		out_none("remote");
	out_string("remote-kind", kind != VRPMSG_REMOTE_NONE ? " (%s)" : NULL,
		   vrpmsg_remote_kind_name(kind));
	if (!vrpmsg_ept_is_addressed(ept))
		out_string("remote-mode", NULL, vrpmsg_remote_mode_name(mode));
	if (mode == VRPMSG_REMOTE_MODE_FOLLOW)
		out_flag("follow");
	out_bool("addressed", " addressed", vrpmsg_ept_is_addressed(ept));
	out_bool("announced", " announced", vrpmsg_ept_is_announced(ept));
	out_bool("open", " open", vrpmsg_ept_is_open(ept));
	out_bool("descriptor", " descriptor", vrpmsg_ept_is_descriptor(ept));
	if (vrpmsg_ept_owner(ept) != VRPMSG_OWNER_NONE)
		out_uint("owner", " owner %llu", vrpmsg_ept_owner(ept));
	out_bool("driver", " driver", vrpmsg_ept_is_driver(ept));
	if (vrpmsg_ept_is_driver(ept))
		return;
	print_settings(ept);
	if (!ctl_opts.stats)
		return;
	out_text("\n   ");
	out_uint("rx-queued", " rx-queued %llu", vrpmsg_ept_rx_queued(ept));
	out_uint("tx-queued", " tx-queued %llu", vrpmsg_ept_tx_queued(ept));
	out_begin("stats");
	for (i = 0, column = 0; vrpmsg_stat_name(i); i++) {
		if (vrpmsg_stat_dev_only(i))
			continue;
		out_text("%s%s", column++ % 4 ? " " : "\n    ",
			 vrpmsg_stat_name(i));
		out_uint(vrpmsg_stat_name(i), " %llu", vrpmsg_ept_stat(ept, i));
	}
	out_end();
}

static int print_one(struct vrpmsg_ept *ept)
{
	out_begin(NULL);
	ept_print(ept);
	out_end();
	vrpmsg_ept_free(ept);
	return CTL_OK;
}

static int show_one(const char *arg)
{
	struct vrpmsg_ept *ept;
	uint32_t id = 0;
	int status;

	status = ctl_find_ept(arg, &id);
	if (status)
		return status;
	ept = vrpmsg_ept_get(ctl_ctx(), id);
	if (!ept)
		return ctl_refused(arg);
	out_list_begin();
	print_one(ept);
	out_list_end();
	return CTL_OK;
}

int ept_show(const void *args)
{
	const struct ept_args *a = args;
	struct vrpmsg_ept **epts;
	size_t i;

	if (a->ept)
		return show_one(a->ept);
	epts = vrpmsg_ept_list(ctl_ctx(), a->dev, NULL);
	if (!epts)
		return ctl_refused(a->dev ?: "ept show");
	out_list_begin();
	for (i = 0; epts[i]; i++) {
		out_begin(NULL);
		ept_print(epts[i]);
		out_end();
	}
	out_list_end();
	vrpmsg_ept_list_free(epts);
	return CTL_OK;
}

struct vrpmsg_ept *ept_make(const struct ept_args *args)
{
	struct vrpmsg_ept *ept = vrpmsg_ept_add(ctl_ctx(), args->config);
	uint32_t id;

	if (!ept || !args->announced)
		return ept;
	id = vrpmsg_ept_id(ept);
	vrpmsg_ept_free(ept);
	ept = NULL;
	if (!vrpmsg_ept_announce(ctl_ctx(), id))
		ept = vrpmsg_ept_get(ctl_ctx(), id);
	/* Not with ctl_ctx(), whose next call would overwrite the error message. */
	if (!ept)
		ctl_undo_ept(id);
	return ept;
}

int ept_add(const void *args)
{
	struct vrpmsg_ept *ept = ept_make(args);

	return ept ? print_one(ept) : ctl_refused("ept add");
}

int ept_set(const void *args)
{
	const struct ept_args *a = args;
	uint32_t id = 0;
	int status;

	status = ctl_find_ept(a->ept, &id);
	if (!status && vrpmsg_ept_set(ctl_ctx(), id, a->config))
		status = ctl_refused(a->ept);
	return status;
}

int ept_del(const void *args)
{
	const struct ept_args *a = args;
	uint32_t id = 0;
	int status;

	status = ctl_find_ept(a->ept, &id);
	if (status)
		return status;
	if (vrpmsg_ept_del(ctl_ctx(), id))
		return ctl_refused(a->ept);
	return CTL_OK;
}
