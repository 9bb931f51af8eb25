// SPDX-License-Identifier: GPL-2.0-only
/* vrpmsgctl chan */
#include "ctl.h"
#include "output.h"

void chan_print(const struct vrpmsg_chan *chan)
{
	uint32_t ept;

	out_string("dev", "%s:", vrpmsg_chan_dev_name(chan));
	out_uint("dev-id", NULL, vrpmsg_chan_dev_id(chan));
	/* The guest chooses the name, which may contain any bytes. */
	out_escaped_string("name", " name %s", vrpmsg_chan_name(chan));
	out_uint("addr", " addr %llu", vrpmsg_chan_addr(chan));
	if (vrpmsg_chan_ept(chan, &ept))
		out_uint("ept", " bound to endpoint %llu", ept);
	else
		out_none("ept");
}

int chan_show(const void *args)
{
	const struct chan_args *a = args;
	struct vrpmsg_chan **chans;
	size_t i;

	chans = vrpmsg_chan_list(ctl_ctx(), a->dev, NULL);
	if (!chans)
		return ctl_refused(a->dev ?: "chan show");
	out_list_begin();
	for (i = 0; chans[i]; i++) {
		out_begin(NULL);
		chan_print(chans[i]);
		out_end();
	}
	out_list_end();
	vrpmsg_chan_list_free(chans);
	return CTL_OK;
}
