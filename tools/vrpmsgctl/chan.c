// SPDX-License-Identifier: GPL-2.0-only
/* vrpmsgctl chan */
#include <string.h>

#include "ctl.h"
#include "output.h"

void chan_print(const struct vrpmsg_chan *chan)
{
	uint32_t ept;

	out_string("dev", "%s:", vrpmsg_chan_dev_name(chan));
	out_uint("dev-id", NULL, vrpmsg_chan_dev_id(chan));
	out_string("name", " name %s", vrpmsg_chan_name(chan));
	out_uint("addr", " addr %llu", vrpmsg_chan_addr(chan));
	if (vrpmsg_chan_ept(chan, &ept))
		out_uint("ept", " bound to /dev/vrpmsg-ep%llu", ept);
}

static int show(int argc, char **argv)
{
	struct vrpmsg_chan **chans;
	const char *dev = NULL;
	size_t i;

	if (argc == 2 && !strcmp(argv[0], "dev"))
		dev = argv[1];
	else if (argc)
		return ctl_usage("chan show: \"dev\" and a name, or nothing");
	chans = vrpmsg_chan_list(ctl_ctx(), dev, NULL);
	if (!chans)
		return ctl_refused(dev ?: "chan show");
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

const struct ctl_command chan_commands[] = {
	{ "show", show },
	{},
};
