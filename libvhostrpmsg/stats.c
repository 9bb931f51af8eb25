// SPDX-License-Identifier: LGPL-2.1-or-later
/* Counters, and names of enumeration values. */
#include <assert.h>

#include "internal.h"

#define STAT(name, text, dev_only)		\
	[VRPMSG_STAT_##name] = { VHOST_RPMSG_A_STATS_##name, text, dev_only }

static const struct {
	int attr;
	const char *name;
	bool dev_only;
} stats_table[] = {
	STAT(RX_MSGS, "rx-msgs", false),
	STAT(RX_BYTES, "rx-bytes", false),
	STAT(TX_MSGS, "tx-msgs", false),
	STAT(TX_BYTES, "tx-bytes", false),
	STAT(RX_DROP_FULL, "rx-drop-full", false),
	STAT(RX_DROP_CLOSED, "rx-drop-closed", false),
	STAT(RX_DROP_NOMEM, "rx-drop-nomem", false),
	STAT(RX_DROP_UNKNOWN, "rx-drop-unknown", true),
	STAT(RX_DROP_INVALID, "rx-drop-invalid", false),
	STAT(RX_DISCARDS, "rx-discards", false),
	STAT(TX_DROP_RESET, "tx-drop-reset", false),
	STAT(TX_DROP_SIZE, "tx-drop-size", false),
	STAT(STALLS, "stalls", false),
	STAT(RING_ERRORS, "ring-errors", true),
	STAT(NS_RX, "ns-rx", true),
	STAT(NS_TX, "ns-tx", true),
	STAT(NS_INVALID, "ns-invalid", true),
	STAT(EVENTS_MERGED, "events-merged", true),
};

static_assert(ARRAY_SIZE(stats_table) == VRPMSG_NUM_STATS,
	      "the table has every counter");

const char *vrpmsg_stat_name(int stat)
{
	if (stat < 0 || stat >= VRPMSG_NUM_STATS)
		return NULL;
	return stats_table[stat].name;
}

bool vrpmsg_stat_dev_only(int stat)
{
	return stat >= 0 && stat < VRPMSG_NUM_STATS &&
	       stats_table[stat].dev_only;
}

/* A counter that an older kernel lacks remains 0. */
void vrpmsg_stats_parse(uint64_t *stats, struct nlattr *nest)
{
	struct nlattr *tb[VHOST_RPMSG_A_STATS_MAX + 1];
	struct nlattr *attr;
	int i;

	if (!nest ||
	    nla_parse_nested(tb, VHOST_RPMSG_A_STATS_MAX, nest, NULL) < 0)
		return;
	for (i = 0; i < VRPMSG_NUM_STATS; i++) {
		attr = tb[stats_table[i].attr];
		if (attr && nla_len(attr) >= (int)sizeof(uint64_t))
			stats[i] = nla_get_u64(attr);
	}
}

uint64_t vrpmsg_stats_get(const uint64_t *stats, int stat)
{
	return stat >= 0 && stat < VRPMSG_NUM_STATS ? stats[stat] : 0;
}

const char *vrpmsg_name_of(const char *const *names, size_t count, int value)
{
	return value >= 0 && (size_t)value < count ? names[value] : "unknown";
}
