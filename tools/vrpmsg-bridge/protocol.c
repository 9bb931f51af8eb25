// SPDX-License-Identifier: GPL-2.0-only
/*
 * The vhost-user protocol: what each message does.
 *
 * A message that is malformed as such (version, size, number of file
 * descriptors, a reply) ends the connection: who sent it is not to be
 * understood from then on. One that is well formed but refused is answered if
 * the front end asked for it with NEED_REPLY. If it did not, it would go on in
 * the belief that all is well: the connection ends then, too.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bridge.h"

#define PROTOCOL_FEATURES					\
	(BIT_ULL(VHOST_USER_PROTOCOL_F_MQ) |			\
	 BIT_ULL(VHOST_USER_PROTOCOL_F_LOG_SHMFD) |		\
	 BIT_ULL(VHOST_USER_PROTOCOL_F_REPLY_ACK) |		\
	 BIT_ULL(VHOST_USER_PROTOCOL_F_RESET_DEVICE) |		\
	 BIT_ULL(VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS) |	\
	 BIT_ULL(VHOST_USER_PROTOCOL_F_STATUS))

/* More refusals of one front end are counted, but not shown. */
#define MAX_REFUSALS_LOGGED	16

static bool negotiated(const struct session *session, unsigned int feature)
{
	return session->protocol_features & BIT_ULL(feature);
}

static int reply_u64(struct session *session, uint64_t value)
{
	session->payload.u64 = value;
	session->header.size = sizeof(value);
	return 0;
}

static int get_features(struct session *session)
{
	return reply_u64(session,
			 session->vhost.offered |
				 BIT_ULL(VHOST_USER_F_PROTOCOL_FEATURES));
}

static int set_features(struct session *session)
{
	return vhost_set_features(&session->vhost, session->payload.u64);
}

/* The owner is the bridge, since the device was opened. */
static int set_owner(struct session *session)
{
	(void)session;
	return 0;
}

/* Obsolete, and best understood as this. */
static int reset_owner(struct session *session)
{
	return vhost_disable(&session->vhost);
}

static int reset_device(struct session *session)
{
	session->status = 0;
	return vhost_reset(&session->vhost);
}

static uint64_t protocol_features(const struct session *session)
{
	uint64_t features = PROTOCOL_FEATURES;

	if (session->config->offer_config)
		features |= BIT_ULL(VHOST_USER_PROTOCOL_F_CONFIG);
	return features;
}

static int get_protocol_features(struct session *session)
{
	return reply_u64(session, protocol_features(session));
}

static int set_protocol_features(struct session *session)
{
	if (session->payload.u64 & ~protocol_features(session))
		return -EOPNOTSUPP;
	session->protocol_features = session->payload.u64;
	return 0;
}

static int get_queue_num(struct session *session)
{
	return reply_u64(session, NUM_RINGS);
}

static int get_max_mem_slots(struct session *session)
{
	return reply_u64(session, MAX_REGIONS);
}

static int set_mem_table(struct session *session)
{
	const struct vhost_user_mem_table *table = &session->payload.table;
	size_t size = offsetof(struct vhost_user_mem_table, regions);
	struct memory mem = {};
	unsigned int i;
	int err = 0;

	/* As many as descriptors, of which there are never too many. */
	if (table->num_regions != session->num_fds ||
	    session->header.size !=
		    size + table->num_regions * sizeof(*table->regions))
		return -EPROTO;

	for (i = 0; !err && i < table->num_regions; i++)
		err = memory_add(&mem, &table->regions[i], session->fds[i]);
	if (!err)
		err = vhost_set_memory(&session->vhost, &mem);
	memory_release(&mem);
	return err;
}

static int add_mem_reg(struct session *session)
{
	return vhost_add_region(&session->vhost, &session->payload.reg.region,
				session->fds[0]);
}

static int rem_mem_reg(struct session *session)
{
	return vhost_remove_region(&session->vhost,
				   &session->payload.reg.region);
}

static int set_log_base(struct session *session)
{
	int err = vhost_set_log_base(&session->vhost, &session->payload.log,
				     session->fds[0]);

	return err ? err : reply_u64(session, 0);
}

static int set_log_fd(struct session *session)
{
	return vhost_set_log_fd(&session->vhost, session->fds[0]);
}

static int set_vring_num(struct session *session)
{
	return vhost_set_num(&session->vhost, &session->payload.state);
}

static int set_vring_addr(struct session *session)
{
	return vhost_set_addr(&session->vhost, &session->payload.addr);
}

static int set_vring_base(struct session *session)
{
	return vhost_set_base(&session->vhost, &session->payload.state);
}

static int get_vring_base(struct session *session)
{
	session->header.size = sizeof(session->payload.state);
	return vhost_get_base(&session->vhost, &session->payload.state);
}

static int set_vring_enable(struct session *session)
{
	if (session->payload.state.num > 1)
		return -EINVAL;
	return vhost_set_enable(&session->vhost, session->payload.state.index,
				session->payload.state.num);
}

/* The eventfd that came with SET_VRING_KICK, CALL or ERR, or -1 for none. */
static int vring_fd(const struct session *session, int *fd)
{
	bool none = session->payload.u64 & VHOST_USER_VRING_NOFD;

	if (session->num_fds != !none)
		return -EPROTO;
	*fd = none ? -1 : session->fds[0];
	return 0;
}

static int set_vring_kick(struct session *session)
{
	int fd, err;

	err = vring_fd(session, &fd);
	if (err)
		return err;
	/* The ring would have to be polled, which the kernel does not do. */
	if (fd < 0)
		return -EOPNOTSUPP;
	return vhost_set_kick(&session->vhost, session->payload.u64 &
			      VHOST_USER_VRING_INDEX_MASK, fd);
}

static int set_vring_call(struct session *session)
{
	int fd, err;

	err = vring_fd(session, &fd);
	if (err)
		return err;
	return vhost_set_call(&session->vhost, session->payload.u64 &
			      VHOST_USER_VRING_INDEX_MASK, fd);
}

static int set_vring_err(struct session *session)
{
	int fd, err;

	err = vring_fd(session, &fd);
	if (err)
		return err;
	return vhost_set_err(&session->vhost,
			     session->payload.u64 & VHOST_USER_VRING_INDEX_MASK,
			     fd);
}

/* An RPMsg device has no configuration space: it reads as zeroes. */
static int get_config(struct session *session)
{
	struct vhost_user_config *config = &session->payload.config;
	size_t size = offsetof(struct vhost_user_config, data);

	if (session->header.size < size ||
	    config->size > VHOST_USER_MAX_CONFIG ||
	    session->header.size != size + config->size)
		return -EPROTO;
	memset(config->data, 0, config->size);
	return 0;
}

static int get_status(struct session *session)
{
	return reply_u64(session, session->status);
}

static int set_status(struct session *session)
{
	if (session->payload.u64 > UINT8_MAX)
		return -EINVAL;
	if (!session->payload.u64)
		return reset_device(session);
	session->status = session->payload.u64;
	return 0;
}

/* What the payload begins with, to check it in one place. */
enum ring_index { NO_RING, RING_U32, RING_U64 };

/**
 * struct handler - a request
 * @name: as in the specification
 * @handle: returns 0 or a negative errno, -EPROTO for a malformed message
 * @size: size of the payload, -1 when @handle looks at it
 * @max_fds: most file descriptors that may come with it
 * @min_fds: fewest
 * @ring: how the payload says which ring is meant
 * @replies: the payload is the reply when @handle is done
 * @needs: protocol feature that goes before it, 0 for none: that is MQ, which
 *	goes before nothing here
 */
struct handler {
	const char *name;
	int (*handle)(struct session *session);
	int size;
	unsigned char max_fds;
	unsigned char min_fds;
	unsigned char ring;
	bool replies;
	unsigned char needs;
};

#define SIZE_U64	sizeof(uint64_t)
#define SIZE_STATE	sizeof(struct vhost_vring_state)
#define SIZE_ADDR	sizeof(struct vhost_vring_addr)
#define SIZE_REG	sizeof(struct vhost_user_mem_reg)
#define SIZE_LOG	sizeof(struct vhost_user_log)
#define FEATURE(name)	VHOST_USER_PROTOCOL_F_##name

#define HANDLER(request, function, ...)	\
	[VHOST_USER_##request] = { #request, function, __VA_ARGS__ }

static const struct handler handlers[] = {
	HANDLER(GET_FEATURES, get_features, 0, .replies = true),
	HANDLER(SET_FEATURES, set_features, SIZE_U64),
	HANDLER(SET_OWNER, set_owner, 0),
	HANDLER(RESET_OWNER, reset_owner, 0),
	HANDLER(SET_MEM_TABLE, set_mem_table, -1,
		.max_fds = VHOST_USER_MAX_FDS),
	HANDLER(SET_LOG_BASE, set_log_base, SIZE_LOG, .min_fds = 1,
		.max_fds = 1, .replies = true, .needs = FEATURE(LOG_SHMFD)),
	HANDLER(SET_LOG_FD, set_log_fd, 0, .min_fds = 1, .max_fds = 1),
	HANDLER(SET_VRING_NUM, set_vring_num, SIZE_STATE, .ring = RING_U32),
	HANDLER(SET_VRING_ADDR, set_vring_addr, SIZE_ADDR, .ring = RING_U32),
	HANDLER(SET_VRING_BASE, set_vring_base, SIZE_STATE, .ring = RING_U32),
	HANDLER(GET_VRING_BASE, get_vring_base, SIZE_STATE, .ring = RING_U32,
		.replies = true),
	HANDLER(SET_VRING_KICK, set_vring_kick, SIZE_U64, .max_fds = 1,
		.ring = RING_U64),
	HANDLER(SET_VRING_CALL, set_vring_call, SIZE_U64, .max_fds = 1,
		.ring = RING_U64),
	HANDLER(SET_VRING_ERR, set_vring_err, SIZE_U64, .max_fds = 1,
		.ring = RING_U64),
	HANDLER(GET_PROTOCOL_FEATURES, get_protocol_features, 0,
		.replies = true),
	HANDLER(SET_PROTOCOL_FEATURES, set_protocol_features, SIZE_U64),
	HANDLER(GET_QUEUE_NUM, get_queue_num, 0, .replies = true),
	HANDLER(SET_VRING_ENABLE, set_vring_enable, SIZE_STATE,
		.ring = RING_U32),
	HANDLER(GET_CONFIG, get_config, -1, .replies = true,
		.needs = FEATURE(CONFIG)),
	HANDLER(RESET_DEVICE, reset_device, 0, .needs = FEATURE(RESET_DEVICE)),
	HANDLER(GET_MAX_MEM_SLOTS, get_max_mem_slots, 0, .replies = true,
		.needs = FEATURE(CONFIGURE_MEM_SLOTS)),
	HANDLER(ADD_MEM_REG, add_mem_reg, SIZE_REG, .min_fds = 1, .max_fds = 1,
		.needs = FEATURE(CONFIGURE_MEM_SLOTS)),
	/* QEMU 5.1 to 6.1 send the region's descriptor along. */
	HANDLER(REM_MEM_REG, rem_mem_reg, SIZE_REG, .max_fds = 1,
		.needs = FEATURE(CONFIGURE_MEM_SLOTS)),
	HANDLER(SET_STATUS, set_status, SIZE_U64, .needs = FEATURE(STATUS)),
	HANDLER(GET_STATUS, get_status, 0, .replies = true,
		.needs = FEATURE(STATUS)),
};

static int run_handler(struct session *session, const struct handler *handler)
{
	uint64_t ring = 0;

	if (handler->size >= 0 &&
	    session->header.size != (uint32_t)handler->size)
		return -EPROTO;
	if (session->num_fds < handler->min_fds ||
	    session->num_fds > handler->max_fds)
		return -EPROTO;
	if (handler->needs && !negotiated(session, handler->needs))
		return -EOPNOTSUPP;
	if (handler->ring == RING_U32)
		ring = session->payload.state.index;
	else if (handler->ring == RING_U64)
		ring = session->payload.u64 & ~(uint64_t)VHOST_USER_VRING_NOFD;
	if (ring >= NUM_RINGS)
		return -ENOENT;
	return handler->handle(session);
}

/* Returns 0, or the error that the message is refused with. */
static int handle_request(struct session *session,
			  const struct handler *handler)
{
	const struct vhost_user_header *header = &session->header;
	char number[16];
	const char *name = number;
	int err;

	if (handler)
		name = handler->name;
	else
		snprintf(number, sizeof(number), "%u", header->request);
	log_debug("event=message request=%s size=%u fds=%u flags=0x%x value=0x%llx",
		  name, header->size, session->num_fds, header->flags,
		  session_value(session));

	session->messages++;
	err = handler ? run_handler(session, handler) : -EOPNOTSUPP;
	if (err && ++session->refused <= MAX_REFUSALS_LOGGED)
		log_warn("event=refused request=%s error=\"%s\"", name,
			 strerror(-err));
	return err;
}

/*
 * Act on the message that is in @session, and reply to it. Returns 0, or an
 * error that ends the connection.
 */
int protocol_handle(struct session *session)
{
	uint32_t request = session->header.request;
	const struct handler *handler = NULL;
	bool wants_reply;
	int err;

	if (request < ARRAY_SIZE(handlers) && handlers[request].handle)
		handler = &handlers[request];
	/* As agreed before this message, which may be about to change it. */
	wants_reply = session->header.flags & VHOST_USER_NEED_REPLY &&
		      negotiated(session, VHOST_USER_PROTOCOL_F_REPLY_ACK);

	err = handle_request(session, handler);
	if (err == -EPROTO)
		return err;

	/* An answer that was asked for has no room for an error. */
	if (handler && handler->replies)
		return err ? err : session_reply(session);
	if (!wants_reply)
		return err;
	/* What went wrong stays here: all that can be said is that it did. */
	reply_u64(session, err != 0);
	return session_reply(session);
}
