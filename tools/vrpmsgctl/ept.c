// SPDX-License-Identifier: GPL-2.0-only
/* vrpmsgctl ept, and what EPT stands for in all commands */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl.h"
#include "output.h"

void ept_print(const struct vrpmsg_ept *ept)
{
	enum vrpmsg_remote_kind kind = vrpmsg_ept_remote_kind(ept);
	const char *name = vrpmsg_ept_name(ept);
	char path[32];
	int i, column;

	snprintf(path, sizeof(path), "/dev/vrpmsg-ep%u", vrpmsg_ept_id(ept));
	out_uint("id", NULL, vrpmsg_ept_id(ept));
	out_string("path", "%s:", path);
	out_string("dev", " dev %s", vrpmsg_ept_dev_name(ept));
	out_uint("dev-id", NULL, vrpmsg_ept_dev_id(ept));
	if (name)
		out_string("name", " name %s", name);
	out_uint("addr", " addr %llu", vrpmsg_ept_addr(ept));
	if (kind != VRPMSG_REMOTE_NONE)
		out_uint("remote", " remote %llu", vrpmsg_ept_remote(ept));
	out_string("remote-kind", kind != VRPMSG_REMOTE_NONE ? " (%s)" : NULL,
		   vrpmsg_remote_kind_name(kind));
	out_bool("addressed", " addressed", vrpmsg_ept_is_addressed(ept));
	out_bool("announced", " announced", vrpmsg_ept_is_announced(ept));
	out_bool("open", " open", vrpmsg_ept_is_open(ept));
	out_string("policy", " policy %s",
		   vrpmsg_policy_name(vrpmsg_ept_policy(ept)));
	out_uint("rx-limit", " rx-limit %llu", vrpmsg_ept_rx_limit(ept));
	out_uint("tx-limit", " tx-limit %llu", vrpmsg_ept_tx_limit(ept));
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

/* The one endpoint of a device that has the name. */
static int find_by_name(const char *arg, uint32_t *id)
{
	const char *name = strchr(arg, '/') + 1;
	struct vrpmsg_ept **epts;
	int found = 0;
	char *dev;
	size_t i;

	dev = strndup(arg, name - 1 - arg);
	if (!dev)
		return ctl_error("%s", arg);
	epts = vrpmsg_ept_list(ctl_ctx(), dev, NULL);
	free(dev);
	if (!epts)
		return ctl_refused(arg);
	for (i = 0; epts[i]; i++) {
		if (!vrpmsg_ept_name(epts[i]) ||
		    strcmp(vrpmsg_ept_name(epts[i]), name))
			continue;
		*id = vrpmsg_ept_id(epts[i]);
		found++;
	}
	vrpmsg_ept_list_free(epts);
	if (found == 1)
		return CTL_OK;
	errno = found ? ENOTUNIQ : ENOENT;
	return ctl_error(found ? "%s: several endpoints have that name" :
				 "%s: no such endpoint",
			 arg);
}

/* A char device, or a link to one. */
static int find_by_path(const char *arg, uint32_t *id)
{
	char *path = realpath(arg, NULL);
	int end = 0;

	if (!path)
		return ctl_error("%s", arg);
	if (sscanf(path, "/dev/vrpmsg-ep%u%n", id, &end) != 1 || path[end]) {
		free(path);
		errno = ENODEV;
		return ctl_error("%s: not the char device of an endpoint", arg);
	}
	free(path);
	return CTL_OK;
}

int ctl_find_ept(const char *arg, uint32_t *id)
{
	if (!arg)
		return ctl_usage("which endpoint?");
	if (arg[0] == '/')
		return find_by_path(arg, id);
	if (strchr(arg, '/'))
		return find_by_name(arg, id);
	return ctl_parse_u32("endpoint", arg, id) ? CTL_OK : CTL_USAGE;
}

static int print_one(struct vrpmsg_ept *ept)
{
	out_begin(NULL);
	ept_print(ept);
	out_end();
	vrpmsg_ept_free(ept);
	return CTL_OK;
}

static int show(int argc, char **argv)
{
	const char *dev = NULL;
	struct vrpmsg_ept **epts, *ept;
	uint32_t id = 0;
	int status;
	size_t i;

	if (argc == 1 && strcmp(argv[0], "dev")) {
		status = ctl_find_ept(argv[0], &id);
		if (status)
			return status;
		ept = vrpmsg_ept_get(ctl_ctx(), id);
		if (!ept)
			return ctl_refused(argv[0]);
		out_list_begin();
		print_one(ept);
		out_list_end();
		return CTL_OK;
	}
	if (argc == 2 && !strcmp(argv[0], "dev"))
		dev = argv[1];
	else if (argc)
		return ctl_usage("ept show: an endpoint, or \"dev\" and a name");

	epts = vrpmsg_ept_list(ctl_ctx(), dev, NULL);
	if (!epts)
		return ctl_refused(dev ?: "ept show");
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

/* One keyword that add and set have, with its value. */
static int parse_setting(struct vrpmsg_ept_config *config, int argc,
			 char **argv, int *i)
{
	const char *key = argv[*i], *value = ctl_value(argc, argv, i);
	uint32_t n;

	if (!strcmp(key, "policy")) {
		if (value && !strcmp(value, "hold"))
			n = VRPMSG_POLICY_HOLD;
		else if (value && !strcmp(value, "drop"))
			n = VRPMSG_POLICY_DROP;
		else
			return ctl_usage("policy: \"hold\" or \"drop\"");
		vrpmsg_ept_config_set_policy(config, n);
		return CTL_OK;
	}
	if (!strcmp(key, "remote")) {
		if (!ctl_parse_u32(key, value, &n))
			return CTL_USAGE;
		vrpmsg_ept_config_set_remote(config, n);
	} else if (!strcmp(key, "rx-limit")) {
		if (!ctl_parse_u32(key, value, &n))
			return CTL_USAGE;
		vrpmsg_ept_config_set_rx_limit(config, n);
	} else if (!strcmp(key, "tx-limit")) {
		if (!ctl_parse_u32(key, value, &n))
			return CTL_USAGE;
		vrpmsg_ept_config_set_tx_limit(config, n);
	} else {
		return ctl_usage("ept: what is \"%s\"?", key);
	}
	return CTL_OK;
}

static int parse_new(struct vrpmsg_ept_config *config, int argc, char **argv)
{
	const char *key, *value;
	bool has_dev = false;
	int i, status;
	uint32_t addr;

	for (i = 0; i < argc; i++) {
		key = argv[i];
		if (!strcmp(key, "dev") || !strcmp(key, "name")) {
			value = ctl_value(argc, argv, &i);
			if (!value)
				return ctl_usage("%s: a name is missing", key);
			if (*key == 'd' ?
				    vrpmsg_ept_config_set_dev_name(config,
								   value) :
				    vrpmsg_ept_config_set_name(config, value))
				return ctl_error("%s", key);
			has_dev |= *key == 'd';
		} else if (!strcmp(key, "addr")) {
			if (!ctl_parse_u32(key, ctl_value(argc, argv, &i),
					   &addr))
				return CTL_USAGE;
			vrpmsg_ept_config_set_addr(config, addr);
		} else if (!strcmp(key, "addressed")) {
			vrpmsg_ept_config_set_addressed(config, true);
		} else {
			status = parse_setting(config, argc, argv, &i);
			if (status)
				return status;
		}
	}
	return has_dev ? CTL_OK : ctl_usage("ept add: on which dev?");
}

static int add(int argc, char **argv)
{
	struct vrpmsg_ept_config *config = vrpmsg_ept_config_new();
	struct vrpmsg_ept *ept;
	int status;

	if (!config)
		return ctl_error("ept add");
	status = parse_new(config, argc, argv);
	if (!status) {
		ept = vrpmsg_ept_add(ctl_ctx(), config);
		status = ept ? print_one(ept) : ctl_refused("ept add");
	}
	vrpmsg_ept_config_free(config);
	return status;
}

static int set(int argc, char **argv)
{
	struct vrpmsg_ept_config *config = vrpmsg_ept_config_new();
	int i, status = CTL_OK;
	uint32_t id = 0;

	if (!config)
		return ctl_error("ept set");
	if (argc < 2)
		status = ctl_usage("ept set: an endpoint and what to change");
	for (i = 1; i < argc && !status; i++)
		status = parse_setting(config, argc, argv, &i);
	if (!status)
		status = ctl_find_ept(argv[0], &id);
	if (!status && vrpmsg_ept_set(ctl_ctx(), id, config))
		status = ctl_refused(argv[0]);
	vrpmsg_ept_config_free(config);
	return status;
}

static int del(int argc, char **argv)
{
	uint32_t id = 0;
	int status;

	if (argc != 1)
		return ctl_usage("ept del: one endpoint, please");
	status = ctl_find_ept(argv[0], &id);
	if (status)
		return status;
	if (vrpmsg_ept_del(ctl_ctx(), id))
		return ctl_refused(argv[0]);
	return CTL_OK;
}

const struct ctl_command ept_commands[] = {
	{ "show", show }, { "add", add }, { "set", set }, { "del", del }, {},
};
