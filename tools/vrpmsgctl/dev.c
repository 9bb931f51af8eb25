// SPDX-License-Identifier: GPL-2.0-only
/* vrpmsgctl dev */
#include <stdio.h>

#include "ctl.h"
#include "output.h"

void dev_print(const struct vrpmsg_dev *dev)
{
	char features[24];
	uint32_t ept;
	int i;

	snprintf(features, sizeof(features), "0x%llx",
		 (unsigned long long)vrpmsg_dev_features(dev));
	out_uint("id", "%llu: ", vrpmsg_dev_id(dev));
	out_string("name", "%s:", vrpmsg_dev_name(dev));
	out_string("state", " state %s",
		   vrpmsg_dev_state_name(vrpmsg_dev_state(dev)));
	out_bool("persistent", " persistent", vrpmsg_dev_is_persistent(dev));
	out_string("features", " features %s", features);
	out_uint("mtu", " mtu %llu", vrpmsg_dev_mtu(dev));
	out_uint("endpoints", " endpoints %llu", vrpmsg_dev_endpoints(dev));
	out_uint("channels", " channels %llu", vrpmsg_dev_channels(dev));
	if (vrpmsg_dev_stall_ept(dev, &ept))
		out_uint("stall-ept", " stalled by /dev/vrpmsg-ep%llu", ept);
	if (!ctl_opts.stats)
		return;
	out_begin("stats");
	for (i = 0; vrpmsg_stat_name(i); i++) {
		out_text("%s%s", i % 4 ? " " : "\n    ", vrpmsg_stat_name(i));
		out_uint(vrpmsg_stat_name(i), " %llu", vrpmsg_dev_stat(dev, i));
	}
	out_end();
}

static int print_one(struct vrpmsg_dev *dev)
{
	out_begin(NULL);
	dev_print(dev);
	out_end();
	vrpmsg_dev_free(dev);
	return CTL_OK;
}

static int show(int argc, char **argv)
{
	struct vrpmsg_dev **devs, *dev;
	size_t i;

	if (argc > 1)
		return ctl_usage("dev show: what is \"%s\"?", argv[1]);
	if (argc) {
		dev = vrpmsg_dev_get(ctl_ctx(), argv[0]);
		if (!dev)
			return ctl_refused(argv[0]);
		out_list_begin();
		print_one(dev);
		out_list_end();
		return CTL_OK;
	}

	devs = vrpmsg_dev_list(ctl_ctx(), NULL);
	if (!devs)
		return ctl_refused("dev show");
	out_list_begin();
	for (i = 0; devs[i]; i++) {
		out_begin(NULL);
		dev_print(devs[i]);
		out_end();
	}
	out_list_end();
	vrpmsg_dev_list_free(devs);
	return CTL_OK;
}

static int add(int argc, char **argv)
{
	struct vrpmsg_dev *dev;

	if (argc != 1)
		return ctl_usage("dev add: one name, please");
	dev = vrpmsg_dev_add(ctl_ctx(), argv[0]);
	return dev ? print_one(dev) : ctl_refused(argv[0]);
}

static int del(int argc, char **argv)
{
	if (argc != 1)
		return ctl_usage("dev del: one name, please");
	if (vrpmsg_dev_del(ctl_ctx(), argv[0]))
		return ctl_refused(argv[0]);
	return CTL_OK;
}

const struct ctl_command dev_commands[] = {
	{ "show", show },
	{ "add", add },
	{ "del", del },
	{},
};
