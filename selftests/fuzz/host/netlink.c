// SPDX-License-Identifier: GPL-2.0-only
/*
 * Netlink requests generated from the spec, valid and invalid.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/genetlink.h>
#include <linux/netlink.h>

#include "host.h"

static __thread int nl;

void open_netlink(void)
{
	nl = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	if (nl < 0)
		die("fuzz_host: netlink");
}

static uint32_t some_number(const struct attr *attr)
{
	if (one_in(64))
		return attr->low - 1;
	if (one_in(64))
		return one_in(2) ? attr->high + 1 : rnd64();
	switch (attr->kind) {
	case DEV_ID:
		return known(shared->devs);
	case EPT_ID:
		return known(shared->epts);
	case ADDR:
		return some_addr();
	default:
		/* Prefer small limits. */
		return attr->low +
		       rnd(attr->high > 1 << 20 ? 1 << 14 : attr->high + 1);
	}
}

struct message {
	struct nlmsghdr nlh;
	struct genlmsghdr genl;
	uint8_t attrs[1024];
};

static void put_attr(struct message *msg, int type, const void *data, int len)
{
	struct nlattr *nla = (void *)((uint8_t *)msg + msg->nlh.nlmsg_len);

	nla->nla_type = type;
	nla->nla_len = NLA_HDRLEN + len;
	memcpy((uint8_t *)nla + NLA_HDRLEN, data, len);
	msg->nlh.nlmsg_len += NLA_ALIGN(nla->nla_len);
}

static void put_some(struct message *msg, const struct attr *attr)
{
	char name[64];
	uint32_t number;
	int len;

	switch (attr->kind) {
	case STRING:
		len = some_name(name, sizeof(name));
		put_attr(msg, attr->type, name, len);
		break;
	case FLAG:
		number = rnd64();
		put_attr(msg, attr->type, &number, one_in(16) ? 4 : 0);
		break;
	default:
		number = some_number(attr);
		put_attr(msg, attr->type, &number, one_in(32) ? rnd(4) : 4);
		break;
	}
}

/* The attributes of a message as the kernel sees them; NULL at the end. */
static struct nlattr *next_attr(struct message *msg, struct nlattr *nla)
{
	uint8_t *end = (uint8_t *)msg + msg->nlh.nlmsg_len;
	uint8_t *p = nla ? (uint8_t *)nla + NLA_ALIGN(nla->nla_len) :
			   msg->attrs;

	nla = (void *)p;
	if (p + NLA_HDRLEN > end || nla->nla_len < NLA_HDRLEN ||
	    p + nla->nla_len > end)
		return NULL;
	return nla;
}

/* Would this affect the well-behaved processes? */
static bool harms_honest(struct message *msg)
{
	struct nlattr *nla = NULL;

	while ((nla = next_attr(msg, nla))) {
		uint8_t *data = (uint8_t *)nla + NLA_HDRLEN;
		size_t len = nla->nla_len - NLA_HDRLEN;
		uint32_t id = 0;

		memcpy(&id, data, len < sizeof(id) ? len : sizeof(id));
		switch (nla->nla_type & NLA_TYPE_MASK) {
		case VHOST_RPMSG_A_EPT_ID:
			if (id == shared->honest_ept)
				return true;
			break;
		case VHOST_RPMSG_A_EPT_DEV_ID:
			if (id == shared->honest_dev)
				return true;
			break;
		case VHOST_RPMSG_A_EPT_DEV_NAME:
			if (len >= strlen(HONEST) &&
			    !memcmp(data, HONEST, strlen(HONEST)))
				return true;
			break;
		}
	}
	return false;
}

static void mutate(struct message *msg)
{
	unsigned int i, n;

	switch (rnd(4)) {
	case 0:
		n = 1 + rnd(4);
		for (i = 0; i < n; i++)
			msg->attrs[rnd(sizeof(msg->attrs) / 16)] = rnd(256);
		break;
	case 1:
		msg->nlh.nlmsg_len += rnd(16);
		msg->nlh.nlmsg_len -= rnd(16);
		break;
	case 2:
		msg->nlh.nlmsg_flags = NLM_F_REQUEST | rnd(0x10000);
		break;
	case 3:
		msg->genl.cmd = rnd(256);
		msg->genl.version = rnd(256);
		break;
	}
}

static void hear(struct nlmsghdr *nlh)
{
	struct message *msg = (void *)nlh;
	struct nlattr *nla = NULL;
	uint32_t id;

	while ((nla = next_attr(msg, nla))) {
		if (nla->nla_type != VHOST_RPMSG_A_EPT_ID ||
		    nla->nla_len != NLA_HDRLEN + sizeof(id))
			continue;
		memcpy(&id, (uint8_t *)nla + NLA_HDRLEN, sizeof(id));
		if (msg->genl.cmd == VHOST_RPMSG_CMD_EPT_NEW ||
		    msg->genl.cmd == VHOST_RPMSG_CMD_EPT_GET)
			remember(shared->epts, id);
		else if (msg->genl.cmd != VHOST_RPMSG_CMD_CHAN_GET)
			remember(shared->devs, id);
	}
}

/* Read all answers of the kernel, which answers at once. */
static void hear_answers(unsigned int call)
{
	static __thread uint8_t buf[32768] __attribute__((aligned(8)));
	struct nlmsghdr *nlh;
	ssize_t len;

	while ((len = recv(nl, buf, sizeof(buf), MSG_DONTWAIT)) > 0) {
		for (nlh = (void *)buf; NLMSG_OK(nlh, len);
		     nlh = NLMSG_NEXT(nlh, len)) {
			int *err = NLMSG_DATA(nlh);

			if (nlh->nlmsg_type == shared->family) {
				hear(nlh);
			} else if (nlh->nlmsg_type == NLMSG_ERROR ||
				   nlh->nlmsg_type == NLMSG_DONE) {
				errno = -*err;
				count_request(call, *err ? -1 : 0);
			}
		}
	}
}

/* A matching name and number are rare, so mostly use only one of them. */
static bool is_wanted(const struct attr *attr)
{
	switch (attr->kind) {
	case DEV_ID:
		return one_in(8);
	case EPT_ID:
	case STRING:
		return !one_in(8);
	default:
		return one_in(2);
	}
}

void do_request(void)
{
	unsigned int i, n, call = rnd(num_requests);
	const struct request *req = &requests[call];
	struct message msg = {
		.nlh.nlmsg_len = NLMSG_HDRLEN + GENL_HDRLEN,
		.nlh.nlmsg_type = shared->family,
		.nlh.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
		.genl.cmd = req->cmd,
		.genl.version = VHOST_RPMSG_FAMILY_VERSION,
	};
	struct sockaddr_nl to = { .nl_family = AF_NETLINK };

	/* Objects should live long enough to be used. */
	if (req->cmd == VHOST_RPMSG_CMD_EPT_DEL && !one_in(4))
		return;
	for (i = 0; i < req->num_attrs; i++)
		if (is_wanted(&req->attrs[i]))
			put_some(&msg, &req->attrs[i]);
	if (req->dump && one_in(4))
		msg.nlh.nlmsg_flags |= NLM_F_DUMP;
	while (one_in(32)) {
		n = rnd64();
		put_attr(&msg, rnd(32), &n, rnd(5));
	}
	if (one_in(16))
		mutate(&msg);
	if (msg.genl.cmd != req->cmd)
		call = num_requests;
	if (harms_honest(&msg))
		return;
	sendto(nl, &msg,
	       msg.nlh.nlmsg_len < sizeof(msg) ? msg.nlh.nlmsg_len :
						 sizeof(msg),
	       0, (void *)&to, sizeof(to));
	hear_answers(call);
}
