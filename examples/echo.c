// SPDX-License-Identifier: GPL-2.0-only
/* A service that sends each message back. It adds the device if necessary. */
#include <err.h>
#include <fcntl.h>
#include <unistd.h>
#include <vhostrpmsg.h>

int main(int argc, char **argv)
{
	struct vrpmsg_ept_config *cfg = vrpmsg_ept_config_new();
	struct vrpmsg_ctx *ctx = vrpmsg_ctx_open();
	struct vrpmsg_ept *ept;
	char buf[65535];
	ssize_t n;
	int fd;

	if (argc != 3)
		errx(1, "usage: echo DEVICE SERVICE");
	if (!ctx || !cfg || vrpmsg_ept_config_set_dev_name(cfg, argv[1]) ||
	    vrpmsg_ept_config_set_name(cfg, argv[2]))
		err(1, "no memory, or no netlink");
	if (!vrpmsg_dev_get(ctx, argv[1]) &&
	    !vrpmsg_dev_add(ctx, argv[1], NULL))
		errx(1, "%s: %s", argv[1], vrpmsg_ctx_errmsg(ctx));
	ept = vrpmsg_ept_find_or_add(ctx, cfg);
	if (!ept)
		errx(1, "%s: %s", argv[2], vrpmsg_ctx_errmsg(ctx));
	fd = vrpmsg_ept_open(vrpmsg_ept_id(ept), O_RDWR);
	if (fd < 0)
		err(1, "%s", argv[2]);
	while ((n = read(fd, buf, sizeof(buf))) >= 0)
		if (write(fd, buf, n) < 0)
			warn("%s", argv[2]);
	err(1, "%s", argv[2]);
}
