// SPDX-License-Identifier: GPL-2.0-only
/* The grammar: all commands and their keywords, with their help texts. */
#include "ctl.h"
#include "msg.h"

#define ARG(type, member) .offset = offsetof(struct type, member)

/* The argument struct of a command, and its default values. */
#define ARGS(type, ...) \
	.args = &(const struct type){ __VA_ARGS__ }, \
	.args_size = sizeof(struct type)

#define NUMBER(setting)						\
	ARG(ept_args, config), .set.number = vrpmsg_ept_config_set_##setting

/* Getters of settings that "save" prints. */

static const char *const remotes[] = { "none", "follow", NULL };

/* A remote that is not fixed comes from the guest, so only its mode is saved. */
static int get_remote_word(const struct vrpmsg_ept *ept)
{
	switch (vrpmsg_ept_remote_mode(ept)) {
	case VRPMSG_REMOTE_MODE_FIXED:
		return -1;
	case VRPMSG_REMOTE_MODE_FOLLOW:
		return 1;
	default:
		return 0;
	}
}

static void set_remote_word(struct vrpmsg_ept_config *config, uint32_t index)
{
	vrpmsg_ept_config_set_remote_mode(config,
					  index ? VRPMSG_REMOTE_MODE_FOLLOW :
						  VRPMSG_REMOTE_MODE_LEARN);
}

/* The table has numbers where the library has bool and enumerations. */
#define GETTER(name, library)						\
	static uint32_t get_##name(const struct vrpmsg_ept *ept)	\
	{								\
		return library(ept);						\
	}

#define SETTER(name, library)						\
	static void set_##name(struct vrpmsg_ept_config *config,	\
			       uint32_t value)				\
	{								\
		library(config, value);					\
	}

GETTER(policy, vrpmsg_ept_policy)
SETTER(policy, vrpmsg_ept_config_set_policy)
GETTER(addressed, vrpmsg_ept_is_addressed)
GETTER(announced, vrpmsg_ept_is_announced)
GETTER(closed, vrpmsg_ept_closed_policy)
SETTER(closed, vrpmsg_ept_config_set_closed_policy)
GETTER(reset, vrpmsg_ept_reset_policy)
SETTER(reset, vrpmsg_ept_config_set_reset_policy)

static int64_t get_mtu(const struct vrpmsg_dev *dev)
{
	return vrpmsg_dev_is_mtu_fixed(dev) ? vrpmsg_dev_mtu(dev) :
					      CTL_FIRST_WORD;
}

static int64_t get_hold_time(const struct vrpmsg_dev *dev)
{
	return vrpmsg_dev_hold_time(dev);
}

static int64_t get_owner(const struct vrpmsg_dev *dev)
{
	return vrpmsg_dev_owner(dev) == VRPMSG_OWNER_ANY ?
		       CTL_FIRST_WORD :
		       vrpmsg_dev_owner(dev);
}

/* clang-format would put each member of an entry on its own line. */
/* clang-format off */

static const char *const policies[] = { "hold", "drop", NULL };

/* These have the order of the enumerations in vhostrpmsg.h, as policies has. */
static const char *const mtu_words[] = { "auto", NULL };
static const char *const owner_words[] = { "any", NULL };
static const char *const closed_policies[] = { "drop", "keep", NULL };
static const char *const reset_policies[] = { "keep", "drop", NULL };
static const char *const formats[] = { "text", "hex", "raw", NULL };
/* In the order of enum vrpmsg_state. */
static const char *const states[] = { "detached", "attached", "running", NULL };

static const struct ctl_keyword none[] = { {} };

static const struct ctl_keyword maybe_dev[] = {
	{ .type = CTL_DEV, .value = "NAME", ARG(dev_args, name),
	  .help = "only this device" },
	{}
};

/* Settings of a device, shared by add and set. */
static const struct ctl_keyword dev_settings[] = {
	{ .type = CTL_STRING, .flags = CTL_REQUIRED | CTL_ADD_ONLY,
	  .value = "NAME", ARG(dev_args, name),
	  .help = "1 to 31 letters, digits and _.:@-" },
	{ .type = CTL_DEV, .flags = CTL_REQUIRED | CTL_SET_ONLY,
	  .value = "NAME", ARG(dev_args, name), .help = "the device" },
	{ .name = "mtu", .type = CTL_ADDR, .value = "BYTES", .min = 1,
	  .max = MSG_MAX, .words = mtu_words, ARG(dev_args, mtu),
	  .get_dev = get_mtu, .initial = CTL_FIRST_WORD,
	  .help = "longest message; auto: what fits into the guest's buffers" },
	{ .name = "hold-time", .type = CTL_MILLIS, .value = "SECONDS",
	  ARG(dev_args, hold_time), .get_dev = get_hold_time,
	  .initial = 10000,
	  .help = "how long full queues hold the guest back (10); 0: no limit" },
	{ .name = "owner", .type = CTL_ADDR, .value = "UID",
	  .max = VRPMSG_OWNER_ANY - 1, .words = owner_words,
	  ARG(dev_args, owner), .get_dev = get_owner, .initial = CTL_MAKER,
	  .help = "user whose VMM may attach, by default who adds the device" },
	{}
};

static const struct ctl_keyword the_dev[] = {
	{ .type = CTL_DEV, .flags = CTL_REQUIRED, .value = "NAME",
	  ARG(dev_args, name), .help = "the device" },
	{}
};

static const struct ctl_keyword ept_or_dev[] = {
	{ .type = CTL_EPT, .group = 1, .value = "EPT", ARG(ept_args, ept),
	  .help = "one endpoint" },
	{ .name = "dev", .type = CTL_DEV, .group = 1, .value = "NAME",
	  ARG(ept_args, dev), .help = "only endpoints of this device" },
	{}
};

static const struct ctl_keyword the_ept[] = {
	{ .type = CTL_EPT, .flags = CTL_REQUIRED, .value = "EPT",
	  ARG(ept_args, ept), .help = "the endpoint" },
	{}
};

/* Settings that are also available to users without privileges. */

#define EPT_NAME							\
	{ .name = "name", .type = CTL_STRING, .flags = CTL_ADD_ONLY,	\
	  .value = "SERVICE", ARG(ept_args, config),			\
	  .set.string = vrpmsg_ept_config_set_name,			\
	  .help = "name of the service" }

#define EPT_ADDR							\
	{ .name = "addr", .type = CTL_NUMBER, .flags = CTL_ADD_ONLY,	\
	  .value = "ADDR", .max = VRPMSG_ADDR_ANY - 1, NUMBER(addr),	\
	  .get = vrpmsg_ept_addr,					\
	  .initial = VRPMSG_ADDR_ANY,					\
	  .help = "address on the host's side, by default a free one" }

#define EPT_ADDRESSED							\
	{ .name = "addressed", .type = CTL_FLAG, .flags = CTL_ADD_ONLY,	\
	  ARG(ept_args, config), .set.flag = vrpmsg_ept_config_set_addressed,	\
	  .get = get_addressed,						\
	  .help = "talk to many remotes: each record has an address" }

#define EPT_ANNOUNCED							\
	{ .name = "announced", .type = CTL_FLAG,			\
	  .flags = CTL_ADD_ONLY | CTL_NS, ARG(ept_args, announced),	\
	  .get = get_announced, .help = "announce it to the guest" }

#define EPT_REMOTE							\
	{ .name = "remote", .type = CTL_NUMBER, .value = "ADDR",	\
	  .max = VRPMSG_ADDR_ANY - 1, .words = remotes, NUMBER(remote),	\
	  .set.word = set_remote_word,					\
	  .get = vrpmsg_ept_remote, .get_word = get_remote_word,	\
	  .help = "address on the guest's side; follow: the last sender's" }

/* Settings of an endpoint, shared by add and set, which takes only some. */
static const struct ctl_keyword ept_settings[] = {
	{ .type = CTL_EPT, .flags = CTL_REQUIRED | CTL_SET_ONLY, .value = "EPT",
	  ARG(ept_args, ept), .help = "the endpoint" },
	{ .name = "dev", .type = CTL_DEV, .flags = CTL_REQUIRED | CTL_ADD_ONLY,
	  .value = "NAME", ARG(ept_args, config),
	  .set.string = vrpmsg_ept_config_set_dev_name,
	  .help = "its device" },
	EPT_NAME,
	EPT_ADDR,
	EPT_ADDRESSED,
	EPT_ANNOUNCED,
	EPT_REMOTE,
	{ .name = "policy", .type = CTL_WORD, .words = policies,
	  ARG(ept_args, config), .set.number = set_policy, .get = get_policy,
	  .help = "what to do with messages when the queue is full" },
	{ .name = "closed", .type = CTL_WORD, .words = closed_policies,
	  ARG(ept_args, config), .set.number = set_closed, .get = get_closed,
	  .help = "what to do with messages after the reader closed it" },
	{ .name = "reset", .type = CTL_WORD, .words = reset_policies,
	  ARG(ept_args, config), .set.number = set_reset, .get = get_reset,
	  .help = "what to do with unread messages at a reset of the guest" },
	{ .name = "rx-limit", .type = CTL_BYTES, .value = "BYTES", .min = 1,
	  .max = 0x4000000, NUMBER(rx_limit), .get = vrpmsg_ept_rx_limit,
	  .initial = 262144, .help = "limit of the receive queue (256k)" },
	{ .name = "tx-limit", .type = CTL_BYTES, .value = "BYTES", .min = 1,
	  .max = 0x4000000, NUMBER(tx_limit), .get = vrpmsg_ept_tx_limit,
	  .initial = 262144, .help = "limit of the send queue (256k)" },
	{}
};

/* An endpoint that is created through a ctrl node. */
static const struct ctl_keyword brief_ept[] = {
	{ .name = "dev", .type = CTL_DEV, .flags = CTL_REQUIRED, .group = 1,
	  .value = "NAME", ARG(ept_args, dev),
	  .help = "its device; the user must be able to open its ctrl node" },
	{ .name = "ctrl", .type = CTL_PATH, .flags = CTL_REQUIRED, .group = 1,
	  .value = "PATH", ARG(ept_args, ctrl),
	  .help = "path of the ctrl node, instead of the device" },
	EPT_NAME,
	EPT_ADDR,
	EPT_ADDRESSED,
	EPT_ANNOUNCED,
	EPT_REMOTE,
	{ .name = "stdio", .type = CTL_FLAG, ARG(ept_args, stdio),
	  .help = "pass it as standard input and output, not descriptor 3" },
	{ .name = "--", .type = CTL_PATH,
	  .flags = CTL_REQUIRED | CTL_MANY | CTL_REST, .value = "COMMAND",
	  ARG(ept_args, command), .help = "the program and its arguments" },
	{}
};

static const struct ctl_keyword of_dev[] = {
	{ .name = "dev", .type = CTL_DEV, .value = "NAME", ARG(chan_args, dev),
	  .help = "only channels of this device" },
	{}
};

static const struct ctl_keyword monitor[] = {
	{ .name = "devs", .type = CTL_FLAG, ARG(monitor_args, devs),
	  .help = "devices; by default, all kinds of objects" },
	{ .name = "epts", .type = CTL_FLAG, ARG(monitor_args, epts),
	  .help = "endpoints" },
	{ .name = "chans", .type = CTL_FLAG, ARG(monitor_args, chans),
	  .help = "channels" },
	{ .name = "dev", .type = CTL_DEV, .value = "NAME",
	  ARG(monitor_args, dev), .help = "only this device and its objects" },
	{ .name = "count", .type = CTL_NUMBER, .value = "N",
	  ARG(monitor_args, count), .help = "end after N events" },
	{ .name = "--no-initial", .type = CTL_FLAG,
	  ARG(monitor_args, no_initial),
	  .help = "do not print existing objects" },
	{}
};

#define MSG_EPT								\
	{ .type = CTL_EPT, .flags = CTL_REQUIRED, .value = "EPT",	\
	  ARG(msg_args, ept), .help = "the endpoint" }

#define MSG_TO								\
	{ .name = "to", .type = CTL_ADDR, .value = "ADDR",		\
	  ARG(msg_args, to), .help = "remote, only for addressed endpoints" }

/* The message: one of these. */
#define MSG_WORD							\
	{ .type = CTL_STRING, .flags = CTL_REQUIRED, .group = 1,	\
	  .value = "TEXT", ARG(msg_args, word), .help = "the message" }

#define MSG_TEXT							\
	{ .name = "text", .type = CTL_STRING, .flags = CTL_REQUIRED,	\
	  .group = 1, .value = "TEXT", ARG(msg_args, text),		\
	  .help = "the same, for a word that is a keyword" }

#define MSG_HEX								\
	{ .name = "hex", .type = CTL_STRING, .flags = CTL_REQUIRED,	\
	  .group = 1, .value = "DIGITS", ARG(msg_args, hex),		\
	  .help = "bytes as pairs of digits" }

#define MSG_FILE							\
	{ .name = "file", .type = CTL_PATH, .flags = CTL_REQUIRED,	\
	  .group = 1, .value = "PATH", ARG(msg_args, file),		\
	  .help = "the contents of a file, as one message" }

static const struct ctl_keyword sent[] = {
	MSG_EPT,
	MSG_TO,
	{ .name = "count", .type = CTL_NUMBER, .value = "N", .min = 1,
	  ARG(msg_args, count), .help = "send it N times, or send N lines" },
	MSG_WORD,
	MSG_TEXT,
	MSG_HEX,
	MSG_FILE,
	{ .name = "stdin", .type = CTL_FLAG, .flags = CTL_REQUIRED, .group = 1,
	  ARG(msg_args, lines),
	  .help = "each line of standard input, as one message" },
	{}
};

static const struct ctl_keyword called[] = {
	MSG_EPT,
	MSG_TO,
	MSG_WORD,
	MSG_TEXT,
	MSG_HEX,
	MSG_FILE,
	{ .name = "timeout", .type = CTL_SECONDS, .value = "SECONDS",
	  ARG(msg_args, timeout), .help = "how long to wait for the answer (10)" },
	{ .name = "as", .type = CTL_WORD, .words = formats,
	  ARG(msg_args, format), .help = "how to print the answer" },
	{}
};

static const struct ctl_keyword connected[] = {
	MSG_EPT,
	MSG_TO,
	{ .name = "raw", .type = CTL_FLAG, ARG(msg_args, as_raw),
	  .help = "transfer bytes unchanged, not lines of text" },
	{ .name = "timeout", .type = CTL_SECONDS, .value = "SECONDS",
	  ARG(msg_args, timeout),
	  .help = "how long to wait for answers after the end of input (0.5)" },
	{}
};

#define TIMEOUT								\
	{ .name = "timeout", .type = CTL_SECONDS, .value = "SECONDS",	\
	  ARG(wait_args, timeout), .help = "how long to wait" }

static const struct ctl_keyword awaited_dev[] = {
	{ .type = CTL_DEV, .flags = CTL_REQUIRED, .value = "NAME",
	  ARG(wait_args, name), .help = "the device" },
	{ .type = CTL_WORD, .words = states, ARG(wait_args, state),
	  .help = "state to wait for; without it, until the device exists" },
	TIMEOUT,
	{}
};

static const struct ctl_keyword awaited_ept[] = {
	{ .type = CTL_EPT, .flags = CTL_REQUIRED, .value = "EPT",
	  ARG(wait_args, name), .help = "the endpoint" },
	{ .name = "remote", .type = CTL_FLAG, ARG(wait_args, remote),
	  .help = "wait until it has a remote" },
	TIMEOUT,
	{}
};

static const struct ctl_keyword awaited_chan[] = {
	{ .type = CTL_STRING, .flags = CTL_REQUIRED, .value = "NAME",
	  ARG(wait_args, name), .help = "the channel" },
	{ .name = "dev", .type = CTL_DEV, .value = "NAME", ARG(wait_args, dev),
	  .help = "only channels of this device" },
	TIMEOUT,
	{}
};

static const struct ctl_keyword counted[] = {
	/* A positional argument at the beginning would take the word "dev". */
	{ .name = "dev", .type = CTL_DEV, .flags = CTL_REQUIRED, .group = 1,
	  .value = "NAME", ARG(stats_args, dev),
	  .help = "a device, also if its name is a number" },
	{ .type = CTL_TARGET, .flags = CTL_REQUIRED, .group = 1,
	  .value = "EPT|DEV", ARG(stats_args, target),
	  .help = "an endpoint or a device" },
	{ .name = "interval", .type = CTL_SECONDS, .value = "SECONDS",
	  ARG(stats_args, interval), .help = "time between two lines (1)" },
	{ .name = "count", .type = CTL_NUMBER, .value = "N",
	  ARG(stats_args, count), .help = "end after N lines" },
	{}
};

static const struct ctl_keyword saved[] = {
	{ .name = "dev", .type = CTL_DEV, .value = "NAME", ARG(save_args, dev),
	  .help = "only this device" },
	{}
};

static const struct ctl_keyword applied[] = {
	{ .type = CTL_PATH, .flags = CTL_REQUIRED | CTL_MANY, .value = "FILE",
	  ARG(apply_args, files), .help = "files; - is standard input" },
	{ .name = "--dry-run", .type = CTL_FLAG, ARG(apply_args, dry_run),
	  .help = "only print the changes" },
	{ .name = "--prune", .type = CTL_FLAG, ARG(apply_args, prune),
	  .help = "delete objects that are in no file" },
	{ .name = "--replace", .type = CTL_FLAG, ARG(apply_args, replace),
	  .help = "delete and recreate endpoints that cannot be changed" },
	{}
};

static const struct ctl_keyword received[] = {
	MSG_EPT,
	{ .name = "count", .type = CTL_NUMBER, .value = "N",
	  ARG(msg_args, count), .help = "number of messages (1); 0: no limit" },
	{ .name = "timeout", .type = CTL_SECONDS, .value = "SECONDS",
	  ARG(msg_args, timeout),
	  .help = "how long to wait for each message" },
	{ .name = "text", .type = CTL_FLAG, .group = 1, ARG(msg_args, as_text),
	  .help = "print text (default)" },
	{ .name = "hex", .type = CTL_FLAG, .group = 1, ARG(msg_args, as_hex),
	  .help = "print hexadecimal digits" },
	{ .name = "raw", .type = CTL_FLAG, .group = 1, ARG(msg_args, as_raw),
	  .help = "print only the bytes" },
	{}
};

static const struct ctl_keyword pinged[] = {
	MSG_EPT,
	MSG_TO,
	{ .name = "count", .type = CTL_NUMBER, .value = "N",
	  ARG(msg_args, count), .help = "number of messages; 0: no limit" },
	{ .name = "interval", .type = CTL_SECONDS, .value = "SECONDS",
	  ARG(msg_args, interval), .help = "time between two messages (1)" },
	{ .name = "size", .type = CTL_BYTES, .value = "BYTES", .min = 8,
	  .max = MSG_MAX, ARG(msg_args, size),
	  .help = "size of each message (56)" },
	{ .name = "timeout", .type = CTL_SECONDS, .value = "SECONDS",
	  ARG(msg_args, timeout), .help = "how long to wait for a reply (1)" },
	{ .name = "--histogram", .alias = "-H", .type = CTL_FLAG,
	  ARG(msg_args, histogram), .help = "print the distribution of times" },
	{}
};

const struct ctl_command ctl_commands[] = {
	{ "dev", "show", "Show devices.", maybe_dev,
	  ARGS(dev_args), .run = dev_show },
	{ "dev", "add", "Create a persistent device and show it.",
	  dev_settings, .skip = CTL_SET_ONLY,
	  ARGS(dev_args, .mtu = -1, .hold_time = -1, .owner = -1),
	  .run = dev_add },
	{ "dev", "set", "Change a device.", dev_settings,
	  .skip = CTL_ADD_ONLY, .some = true,
	  ARGS(dev_args, .mtu = -1, .hold_time = -1, .owner = -1),
	  .run = dev_set },
	{ "dev", "del", "Delete a device and its endpoints.", the_dev,
	  ARGS(dev_args), .run = dev_del },
	{ "dev", "reset", "Forget the guest of a stale device.", the_dev,
	  ARGS(dev_args), .run = dev_reset },
	{ "ept", "show", "Show endpoints.", ept_or_dev,
	  ARGS(ept_args), .run = ept_show },
	{ "ept", "add", "Create an endpoint and show it.", ept_settings,
	  .skip = CTL_SET_ONLY, ARGS(ept_args), .run = ept_add },
	{ "ept", "set", "Change an endpoint.", ept_settings,
	  .skip = CTL_ADD_ONLY, .some = true, ARGS(ept_args), .run = ept_set },
	{ "ept", "del", "Delete an endpoint.", the_ept,
	  ARGS(ept_args), .run = ept_del },
	{ "ept", "exec", "Run a program with an endpoint of its own.", brief_ept,
	  ARGS(ept_args), .run = ept_exec },
	{ "ns", "announce", "Announce an endpoint to the guest.", the_ept,
	  ARGS(ept_args), .run = ns_announce },
	{ "ns", "withdraw", "Withdraw the announcement of an endpoint.", the_ept,
	  ARGS(ept_args), .run = ns_withdraw },
	{ "chan", "show", "Show the channels that guests announced.", of_dev,
	  ARGS(chan_args), .run = chan_show },
	{ NULL, "monitor", "Print existing objects and their changes.", monitor,
	  ARGS(monitor_args), .run = monitor_run },
	{ NULL, "send", "Send messages.", sent,
	  ARGS(msg_args, .to = -1, .count = 0), .run = send_run },
	{ NULL, "recv", "Print messages from a guest.", received,
	  ARGS(msg_args, .to = -1, .count = 1, .timeout = -1),
	  .run = recv_run },
	{ NULL, "ping", "Measure round trips to a guest that echoes.", pinged,
	  ARGS(msg_args, .to = -1, .interval = 1000000000,
	       .timeout = 1000000000, .size = 56),
	  .run = ping_run },
	{ NULL, "call", "Send a message and print the answer.", called,
	  ARGS(msg_args, .to = -1, .timeout = 10000000000), .run = call_run },
	{ NULL, "connect", "Connect standard input and output to an endpoint.",
	  connected, ARGS(msg_args, .to = -1, .timeout = 500000000),
	  .run = connect_run },
	{ "wait", "dev", "Wait until a device exists, or is in a state.",
	  awaited_dev, ARGS(wait_args, .state = WAIT_THERE, .timeout = -1),
	  .run = wait_dev },
	{ "wait", "ept", "Wait until an endpoint exists, or has a remote.",
	  awaited_ept, ARGS(wait_args, .timeout = -1), .run = wait_ept },
	{ "wait", "chan", "Wait until a guest announced a channel.",
	  awaited_chan, ARGS(wait_args, .timeout = -1), .run = wait_chan },
	{ NULL, "stats", "Print the rates of counters per second.", counted,
	  ARGS(stats_args, .interval = 1000000000), .run = stats_run },
	{ NULL, "save", "Print a configuration file of all devices.", saved,
	  ARGS(save_args), .run = save_run },
	{ NULL, "apply", "Apply configuration files.", applied,
	  ARGS(apply_args), .run = apply_run },
	{ .keywords = none }
};

const struct ctl_option ctl_options[] = {
	{ "json", 'j', NULL, "print results as JSON" },
	{ "pretty", 'p', NULL, "print results as JSON with indentation" },
	{ "oneline", 'o', NULL, "print one line for each object, not a table" },
	{ "color", 'c', "WHEN", "use colors: auto, always or never" },
	{ "stats", 's', NULL, "also print counters" },
	{ "timestamp", 't', NULL, "print the time of events and messages" },
	{ "monotonic", CTL_MONOTONIC, NULL, "print this time in seconds since boot" },
	{ "version", 'V', NULL, "print the version" },
	{ "help", 'h', NULL, "print this help; after a command: its help" },
	{}
};

/* clang-format on */
