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
	out_bool("stale", " stale", vrpmsg_dev_is_stale(dev));
	out_string("features", " features %s", features);
	out_uint("mtu", " mtu %llu", vrpmsg_dev_mtu(dev));
	out_bool("mtu-fixed", " (fixed)", vrpmsg_dev_is_mtu_fixed(dev));
	out_double("hold-time", " hold-time %.10g",
		   vrpmsg_dev_hold_time(dev) / 1e3);
	if (vrpmsg_dev_owner(dev) != VRPMSG_OWNER_ANY)
		out_uint("owner", " owner %llu", vrpmsg_dev_owner(dev));
	else if (vrpmsg_dev_is_persistent(dev))
		out_text(" owner any");
	if (vrpmsg_dev_owner(dev) == VRPMSG_OWNER_ANY)
		out_none("owner");
	out_uint("endpoints", " endpoints %llu", vrpmsg_dev_endpoints(dev));
	out_uint("channels", " channels %llu", vrpmsg_dev_channels(dev));
	if (vrpmsg_dev_stall_ept(dev, &ept))
		out_uint("stall-ept", " stalled by endpoint %llu", ept);
	else
		out_none("stall-ept");
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

int dev_show(const void *args)
{
	const struct dev_args *a = args;
	struct vrpmsg_dev **devs, *dev;
	size_t i;

	if (a->name) {
		dev = vrpmsg_dev_get(ctl_ctx(), a->name);
		if (!dev)
			return ctl_refused(a->name);
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

struct vrpmsg_dev_config *dev_config(const struct dev_args *a)
{
	struct vrpmsg_dev_config *config = vrpmsg_dev_config_new();

	if (!config)
		return NULL;
	if (a->mtu >= 0)
		vrpmsg_dev_config_set_mtu(config,
					  a->mtu < CTL_FIRST_WORD ? a->mtu : 0);
	if (a->hold_time >= 0)
		vrpmsg_dev_config_set_hold_time(config, a->hold_time);
	if (a->owner >= 0)
		vrpmsg_dev_config_set_owner(config, a->owner < CTL_FIRST_WORD ?
							    a->owner :
							    VRPMSG_OWNER_ANY);
	return config;
}

int dev_add(const void *args)
{
	const struct dev_args *a = args;
	struct vrpmsg_dev_config *config = dev_config(a);
	struct vrpmsg_dev *dev;

	if (!config)
		return ctl_error("%s", a->name);
	dev = vrpmsg_dev_add(ctl_ctx(), a->name, config);
	vrpmsg_dev_config_free(config);
	return dev ? print_one(dev) : ctl_refused(a->name);
}

int dev_set(const void *args)
{
	const struct dev_args *a = args;
	struct vrpmsg_dev_config *config = dev_config(a);
	int ret;

	if (!config)
		return ctl_error("%s", a->name);
	ret = vrpmsg_dev_set(ctl_ctx(), a->name, config);
	vrpmsg_dev_config_free(config);
	return ret ? ctl_refused(a->name) : CTL_OK;
}

int dev_del(const void *args)
{
	const struct dev_args *a = args;

	if (vrpmsg_dev_del(ctl_ctx(), a->name))
		return ctl_refused(a->name);
	return CTL_OK;
}

int dev_reset(const void *args)
{
	const struct dev_args *a = args;

	if (vrpmsg_dev_reset(ctl_ctx(), a->name))
		return ctl_refused(a->name);
	return CTL_OK;
}
