// SPDX-License-Identifier: GPL-2.0-only
/* vrpmsgctl ping: measure round trips to a guest that sends messages back */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "ctl.h"
#include "histogram.h"
#include "msg.h"
#include "output.h"

/* First bytes of each ping. Only this program evaluates them. */
struct stamp {
	uint32_t nonce;
	uint32_t seq;
};

struct ping {
	struct msg_ept ept;
	uint32_t nonce;
	uint32_t count;		/* 0: until a signal */
	uint32_t size;
	int64_t interval;
	int64_t timeout;
	uint32_t sent;
	uint32_t unexpected;	/* late, duplicate or other messages */
	struct histogram times;
};

static char request[MSG_MAX], reply[MSG_MAX];

static void count_reply(struct ping *ping, int64_t ns)
{
	histogram_add(&ping->times, ns);
	out_begin(NULL);
	if (ctl_opts.timestamp)
		out_timestamp(ctl_opts.monotonic);
	out_uint("bytes", "%llu bytes:", ping->size);
	out_uint("seq", " seq=%llu", ping->sent);
	out_double("us", " time=%.1f us", ns / 1e3);
	out_end();
}

/* Wait for the reply. Returns 1, 0 after the timeout, or -1 and errno. */
static int await_reply(struct ping *ping, int64_t begin, int64_t end)
{
	int64_t now;
	ssize_t n;
	int ready;

	for (;;) {
		n = msg_read(&ping->ept, reply, sizeof(reply));
		now = ctl_now();
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -1;
		if (n == ping->size && !memcmp(request, reply, n)) {
			count_reply(ping, now - begin);
			return 1;
		}
		if (n >= 0)
			ping->unexpected++;
		/* Check the time here, because other messages may never end. */
		if (now >= end || ctl_stop)
			return 0;
		if (n >= 0)
			continue;
		ready = ctl_wait(ping->ept.fd, POLLIN, end - now);
		if (ready < 0)
			return -1;
	}
}

static int ping_once(struct ping *ping)
{
	struct stamp stamp = { ping->nonce, ++ping->sent };
	int64_t begin = ctl_now(), left;
	int ret;

	memcpy(request, &stamp, sizeof(stamp));
	if (msg_write(&ping->ept, request, ping->size, ping->timeout) >= 0) {
		ret = await_reply(ping, begin, begin + ping->timeout);
		if (ret < 0)
			return -1;
	} else if (errno != EAGAIN && errno != ENOTCONN) {
		/*
		 * If the guest takes no messages or is gone, the ping is lost, but
		 * the guest may come back.
		 */
		return -1;
	}
	if (ping->sent == ping->count)
		return 0;
	left = ping->interval - (ctl_now() - begin);
	/* Only a signal ends this early. */
	if (left > 0 && !ctl_stop)
		ctl_wait(-1, 0, left);
	return 0;
}

static void print_percentiles(const struct histogram *times)
{
	static const struct {
		const char *key;
		const char *text;
		double share;
	} list[] = {
		{ "p50", "\nrtt p50/p90/p99/p99.9 = %.1f", 0.5 },
		{ "p90", "/%.1f", 0.9 },
		{ "p99", "/%.1f", 0.99 },
		{ "p99.9", "/%.1f us", 0.999 },
	};
	size_t i;

	for (i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		out_double(list[i].key, list[i].text,
			   histogram_percentile(times, list[i].share) / 1e3);
}

static void print_histogram(const struct histogram *times)
{
	uint64_t most = 1, count;
	int64_t from, to;
	int i;

	for (i = 0; histogram_range(times, i, &from, &to, &count); i++)
		most = count > most ? count : most;
	out_array_begin("histogram");
	for (i = 0; histogram_range(times, i, &from, &to, &count); i++) {
		char bar[41] = "";

		if (!count)
			continue;
		memset(bar, '#', count * 40 / most);
		out_begin(NULL);
		out_double("from", "\n%12.3f", from / 1e3);
		out_double("to", " .. %-12.3f us ", to / 1e3);
		out_uint("count", "%llu", count);
		out_text(" %s", bar);
		out_end();
	}
	out_array_end();
}

static void print_summary(const struct ping *ping, int64_t ns, bool histogram)
{
	const struct histogram *times = &ping->times;
	uint32_t lost = ping->sent - times->count;

	out_text("--- %s ping statistics ---\n", ping->ept.arg);
	out_begin(NULL);
	out_uint("sent", "%llu sent", ping->sent);
	out_uint("received", ", %llu received", times->count);
	if (out_is_json() || ping->unexpected)
		out_uint("unexpected", ", %llu unexpected", ping->unexpected);
	out_double("loss", ", %.4g%% loss", 100.0 * lost / (ping->sent ?: 1));
	out_double("total", ", time %.0f us", ns / 1e3);
	if (times->count) {
		out_double("min", "\nrtt min/avg/max/mdev = %.1f",
			   times->min / 1e3);
		out_double("avg", "/%.1f", histogram_mean(times) / 1e3);
		out_double("max", "/%.1f", times->max / 1e3);
		out_double("mdev", "/%.1f us",
			   histogram_deviation(times) / 1e3);
		print_percentiles(times);
		if (histogram)
			print_histogram(times);
	}
	out_end();
}

static int run(struct ping *ping, bool histogram)
{
	int64_t begin = ctl_now();
	int status = CTL_OK;
	uint32_t i;

	if (getrandom(&ping->nonce, sizeof(ping->nonce), GRND_NONBLOCK) < 0)
		ping->nonce = begin;
	for (i = sizeof(struct stamp); i < ping->size; i++)
		request[i] = i;
	out_text("PING %s (%u > %u): %u bytes\n", ping->ept.arg, ping->ept.addr,
		 ping->ept.remote, ping->size);
	while (!status && !ctl_stop && !ferror(stdout) &&
	       (!ping->count || ping->sent < ping->count)) {
		if (ping_once(ping)) {
			status = msg_failed(ping->ept.arg);
			/* This ping failed; it does not count as lost. */
			ping->sent--;
		}
	}
	/* Print a summary also after a failure. */
	print_summary(ping, ctl_now() - begin, histogram);
	if (!status && !ping->times.count)
		status = CTL_NOTHING;
	return status;
}

int ping_run(const void *args)
{
	static struct ping ping;
	const struct msg_args *a = args;
	int status;

	ping.count = a->count;
	ping.size = a->size;
	ping.interval = a->interval;
	ping.timeout = a->timeout;
	ctl_catch_signals();
	status = msg_open(&ping.ept, a->ept, O_RDWR);
	if (status)
		return status;
	status = msg_set_remote(&ping.ept, a->to);
	if (!status && ping.ept.remote == VRPMSG_ADDR_ANY) {
		errno = ENOTCONN;
		status = msg_failed(ping.ept.arg);
	}
	if (!status)
		status = run(&ping, a->histogram);
	close(ping.ept.fd);
	return status;
}
