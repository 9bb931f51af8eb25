// SPDX-License-Identifier: GPL-2.0-only
/* vrpmsgctl ping: messages to a guest that sends them back as they are */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "ctl.h"
#include "msg.h"
#include "output.h"

/* What a ping begins with. Nobody but this program reads it. */
struct stamp {
	uint32_t nonce;
	uint32_t seq;
};

struct ping {
	struct msg_ept ept;
	uint32_t nonce;
	uint32_t count;		/* 0: until a signal */
	uint32_t size;
	long long interval_ms;
	long long timeout_ms;
	uint32_t sent;
	uint32_t received;
	uint32_t unexpected;	/* too late, twice, or not what was sent */
	/* Milliseconds. */
	double min;
	double max;
	double sum;
	double sum_of_squares;
};

static char request[MSG_MAX], reply[MSG_MAX];

static void count_reply(struct ping *ping, double ms)
{
	if (!ping->received || ms < ping->min)
		ping->min = ms;
	if (!ping->received || ms > ping->max)
		ping->max = ms;
	ping->sum += ms;
	ping->sum_of_squares += ms * ms;
	ping->received++;

	out_begin(NULL);
	if (ctl_opts.timestamp)
		out_timestamp();
	out_uint("bytes", "%llu bytes:", ping->size);
	out_uint("seq", " seq=%llu", ping->sent);
	out_double("ms", " time=%.3f ms", ms);
	out_end();
}

/* Until the reply is there: 1, 0 when time is over, -1 and errno. */
static int await_reply(struct ping *ping, long long begin, long long end)
{
	long long now;
	ssize_t n;
	int ready;

	for (;;) {
		n = msg_read(&ping->ept, reply, sizeof(reply));
		now = ctl_now_ns();
		if (n < 0 && errno != EAGAIN)
			return -1;
		if (n == ping->size && !memcmp(request, reply, n)) {
			count_reply(ping, (now - begin) / 1e6);
			return 1;
		}
		if (n >= 0) {
			ping->unexpected++;
			continue;
		}
		if (now >= end || ctl_stop)
			return 0;
		/* Rounded up, or the last millisecond would be spun. */
		ready = ctl_wait(ping->ept.fd, POLLIN,
				 (end - now + 999999) / 1000000);
		if (ready < 0)
			return -1;
	}
}

static int ping_once(struct ping *ping)
{
	struct stamp stamp = { ping->nonce, ++ping->sent };
	long long begin = ctl_now_ns(), left;
	int ret;

	memcpy(request, &stamp, sizeof(stamp));
	if (msg_write(&ping->ept, request, ping->size, ping->timeout_ms) < 0) {
		/* The guest takes nothing: that is a reply that did not come. */
		if (errno != EAGAIN)
			return -1;
	} else {
		ret = await_reply(ping, begin,
				  begin + ping->timeout_ms * 1000000);
		if (ret < 0)
			return -1;
	}
	if (ping->sent == ping->count)
		return 0;
	left = ping->interval_ms - (ctl_now_ns() - begin) / 1000000;
	/* Only a signal ends this early. */
	if (left > 0 && !ctl_stop)
		ctl_wait(-1, 0, left);
	return 0;
}

static void print_summary(const struct ping *ping, double ms)
{
	double n = ping->received, avg = ping->sum / n;
	double variance = ping->sum_of_squares / n - avg * avg;

	out_text("--- %s ping statistics ---\n", ping->ept.arg);
	out_begin(NULL);
	out_uint("sent", "%llu sent", ping->sent);
	out_uint("received", ", %llu received", ping->received);
	if (out_is_json() || ping->unexpected)
		out_uint("unexpected", ", %llu unexpected", ping->unexpected);
	out_double("loss", ", %.4g%% loss",
		   100.0 * (ping->sent - ping->received) / (ping->sent ?: 1));
	out_double("total", ", time %.0f ms", ms);
	if (ping->received) {
		out_double("min", "\nrtt min/avg/max/mdev = %.3f", ping->min);
		out_double("avg", "/%.3f", avg);
		out_double("max", "/%.3f", ping->max);
		/* Rounding can make it a little less than nothing. */
		out_double("mdev", "/%.3f ms", sqrt(fmax(variance, 0)));
	}
	out_end();
}

static int run(struct ping *ping)
{
	long long begin = ctl_now_ns();
	uint32_t i;

	if (getrandom(&ping->nonce, sizeof(ping->nonce), GRND_NONBLOCK) < 0)
		ping->nonce = begin;
	for (i = sizeof(struct stamp); i < ping->size; i++)
		request[i] = i;
	out_text("PING %s (%u > %u): %u bytes\n", ping->ept.arg, ping->ept.addr,
		 ping->ept.remote, ping->size);
	while (!ctl_stop && (!ping->count || ping->sent < ping->count)) {
		if (ping_once(ping))
			return msg_write_failed(&ping->ept);
	}
	print_summary(ping, (ctl_now_ns() - begin) / 1e6);
	return ping->received ? CTL_OK : CTL_NOTHING;
}

int ping_run(int argc, char **argv)
{
	struct ping ping = {
		.size = 56,
		.interval_ms = 1000,
		.timeout_ms = 1000,
	};
	bool has_to = false;
	const char *key, *value;
	uint32_t to;
	int i, status;

	for (i = 1; i < argc; i++) {
		key = argv[i];
		value = ctl_value(argc, argv, &i);
		if (!strcmp(key, "to")) {
			if (!ctl_parse_u32(key, value, &to))
				return CTL_USAGE;
			has_to = true;
		} else if (!strcmp(key, "count")) {
			if (!ctl_parse_u32(key, value, &ping.count))
				return CTL_USAGE;
		} else if (!strcmp(key, "size")) {
			if (!ctl_parse_u32(key, value, &ping.size))
				return CTL_USAGE;
		} else if (!strcmp(key, "interval")) {
			if (!ctl_parse_seconds(key, value, &ping.interval_ms))
				return CTL_USAGE;
		} else if (!strcmp(key, "timeout")) {
			if (!ctl_parse_seconds(key, value, &ping.timeout_ms))
				return CTL_USAGE;
		} else {
			return ctl_usage("ping: what is \"%s\"?", key);
		}
	}
	if (ping.size < sizeof(struct stamp) || ping.size > MSG_MAX)
		return ctl_usage("size: from %zu to %u", sizeof(struct stamp),
				 MSG_MAX);
	status = msg_open(&ping.ept, argc ? argv[0] : NULL, O_RDWR);
	if (status)
		return status;
	status = msg_set_remote(&ping.ept, has_to ? &to : NULL);
	if (!status && ping.ept.remote == VRPMSG_ADDR_ANY) {
		errno = ENOTCONN;
		status = msg_write_failed(&ping.ept);
	}
	if (!status)
		status = run(&ping);
	close(ping.ept.fd);
	return status;
}
