// SPDX-License-Identifier: GPL-2.0-only
/*
 * The vhost-user protocol: what each message does.
 *
 * A malformed message (version, size, number of file descriptors, a reply) ends the
 * connection, since the front end speaks another protocol. A message that is well
 * formed but refused is answered if the front end asked for it with NEED_REPLY. If
 * it did not, it would assume success: the connection ends then, too.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bridge.h"

#define PROTOCOL_FEATURES					\
	(BIT_ULL(VHOST_USER_PROTOCOL_F_MQ) |			\
	 BIT_ULL(VHOST_USER_PROTOCOL_F_LOG_SHMFD) |		\
	 BIT_ULL(VHOST_USER_PROTOCOL_F_REPLY_ACK) |		\
	 BIT_ULL(VHOST_USER_PROTOCOL_F_INFLIGHT_SHMFD) |	\
	 BIT_ULL(VHOST_USER_PROTOCOL_F_RESET_DEVICE) |		\
	 BIT_ULL(VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS) |	\
	 BIT_ULL(VHOST_USER_PROTOCOL_F_STATUS))

/* Further refusals are only counted, so that a front end cannot flood the log. */
#define MAX_REFUSALS_LOGGED	16

static bool negotiated(const struct session *session, unsigned int feature)
{
	return session->protocol_features & BIT_ULL(feature);
}

/* The first eight bytes of the payload, for the log. */
static unsigned long long first_value(const struct session *session)
{
	if (session->header.size < sizeof(session->payload.u64))
		return 0;
	return session->payload.u64;
}

/* Take ownership of the file descriptor that came with the message. */
static int take_fd(struct session *session)
{
	int fd = session->fds[0];

	session->fds[0] = -1;
	return fd;
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

/* The bridge has been the owner since it opened the device. */
static int set_owner(struct session *session)
{
	(void)session;
	return 0;
}

/* Deprecated; the specification recommends to disable the rings. */
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
	const struct memory none = {};
	struct memory mem = {};
	unsigned int i;
	int err = 0;

	/* One descriptor each; session.c limits their number. */
	if (table->num_regions != session->num_fds ||
	    session->header.size !=
		    size + table->num_regions * sizeof(*table->regions))
		return -EPROTO;

	for (i = 0; !err && i < table->num_regions; i++)
		err = memory_add(&mem, &table->regions[i], session->fds[i]);
	if (!err)
		return vhost_set_memory(&session->vhost, &mem);
	memory_release(&mem, &none);
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

/*
 * The specification does not define the reply. QEMU only checks the request number;
 * rust-vmm's front end expects the payload that it has sent.
 */
static int set_log_base(struct session *session)
{
	return vhost_set_log_base(&session->vhost, &session->payload.log,
				  session->fds[0]);
}

static int set_log_fd(struct session *session)
{
	return vhost_set_log_fd(&session->vhost, take_fd(session));
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

/* Take the eventfd that came with SET_VRING_KICK, CALL or ERR: -1 for none. */
static int vring_fd(struct session *session, int *fd)
{
	bool none = session->payload.u64 & VHOST_USER_VRING_NOFD;

	if (session->num_fds != !none)
		return -EPROTO;
	*fd = none ? -1 : take_fd(session);
	return 0;
}

static int set_vring_kick(struct session *session)
{
	int fd, err;

	err = vring_fd(session, &fd);
	if (err)
		return err;
	/* Without a kick the ring must be polled, which the kernel does not do. */
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

/* An RPMsg device has no configuration space. It reads as zeroes. */
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

static bool inflight_valid(const struct session *session)
{
	const struct vhost_user_inflight *inflight = &session->payload.inflight;

	return inflight->num_queues <= NUM_RINGS && inflight->queue_size;
}

static bool inflight_has_size(const struct session *session)
{
	return session->header.size == VHOST_USER_INFLIGHT_SIZE ||
	       session->header.size == VHOST_USER_INFLIGHT_PADDED;
}

/* Per queue: a header, and an entry for each descriptor. */
#define INFLIGHT_HEAD	16
#define INFLIGHT_DESC	16

/*
 * The region in which a back end records the buffers that are in flight, for the
 * case that it crashes. The kernel gives back every buffer before the rings stop,
 * so the region stays zeroed and is never read.
 */
static int get_inflight_fd(struct session *session)
{
	struct vhost_user_inflight *inflight = &session->payload.inflight;
	size_t size;
	int fd;

	if (!inflight_has_size(session))
		return -EPROTO;
	if (!inflight_valid(session))
		return -EINVAL;
	size = INFLIGHT_HEAD + (size_t)inflight->queue_size * INFLIGHT_DESC;
	fd = memfd_create("inflight", MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	inflight->mmap_size = NUM_RINGS * size;
	inflight->mmap_offset = 0;
	if (ftruncate(fd, inflight->mmap_size)) {
		close(fd);
		return -errno;
	}
	session->reply_fd = fd;
	return 0;
}

static int set_inflight_fd(struct session *session)
{
	if (!inflight_has_size(session))
		return -EPROTO;
	return inflight_valid(session) ? 0 : -EINVAL;
}

static int get_status(struct session *session)
{
	return reply_u64(session, session->status);
}

static int set_status(struct session *session)
{
	if (session->payload.u64 > UINT8_MAX)
		return -EINVAL;
	session->status = session->payload.u64;
	/* Not a reset: QEMU also sends 0 when it pauses the guest. */
	return session->status ? 0 : vhost_stop(&session->vhost);
}

/* How the payload encodes the ring, which is checked in one place. */
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
 * @needs: protocol feature that must be negotiated, 0 for none: no request here
 *	needs feature 0, which is MQ
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
	HANDLER(GET_INFLIGHT_FD, get_inflight_fd, -1, .replies = true,
		.needs = FEATURE(INFLIGHT_SHMFD)),
	HANDLER(SET_INFLIGHT_FD, set_inflight_fd, -1, .min_fds = 1,
		.max_fds = 1, .needs = FEATURE(INFLIGHT_SHMFD)),
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
		  first_value(session));

	session->messages++;
	err = handler ? run_handler(session, handler) : -EOPNOTSUPP;
	if (err && ++session->refused <= MAX_REFUSALS_LOGGED)
		log_warn("event=refused request=%s error=\"%s\"", name,
			 strerror(-err));
	return err;
}

/*
 * Handle the message in @session. Returns 1 if the payload is now the reply, 0 if
 * there is no reply, or an error that ends the connection.
 */
int protocol_handle(struct session *session)
{
	uint32_t request = session->header.request;
	const struct handler *handler = NULL;
	bool wants_reply;
	int err;

	if (request < ARRAY_SIZE(handlers) && handlers[request].handle)
		handler = &handlers[request];
	/* Before the message is handled, which may renegotiate it. */
	wants_reply = session->header.flags & VHOST_USER_NEED_REPLY &&
		      negotiated(session, VHOST_USER_PROTOCOL_F_REPLY_ACK);

	err = handle_request(session, handler);
	if (err == -EPROTO || err == -ENOTRECOVERABLE)
		return err;

	/* Replies with data have no room for an error. */
	if (err && ((handler && handler->replies) || !wants_reply))
		return err;
	/* The acknowledgment has no room for the errno. */
	if (!handler || !handler->replies) {
		if (!wants_reply)
			return 0;
		reply_u64(session, err != 0);
	}
	log_debug("event=reply size=%u value=0x%llx", session->header.size,
		  first_value(session));
	return 1;
}
