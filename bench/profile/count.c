// SPDX-License-Identifier: GPL-2.0-only
/*
 * A QEMU plugin that counts instructions by address, between two marks that the benchmark
 * executes (see MARK() in bench/session.c). With one processor the counts are exact,
 * including code with interrupts off.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin.h"

#define NUM_BLOCKS	(1U << 20)
#define MAX_MARKS	16

/* A block of code; QEMU may translate the same code several times. */
struct block {
	uint64_t addr;
	struct count {
		uint64_t insns, runs;
	} now, begin, total[MAX_MARKS];	/* now, at the mark, and between */
};

static struct block *blocks;
static const char *path;
/* The current mark, or MAX_MARKS. */
static unsigned int current = MAX_MARKS;

static struct block *block_at(uint64_t addr)
{
	uint64_t i = (addr * 0x9e3779b97f4a7c15ULL) >> 44;

	while (blocks[i].addr && blocks[i].addr != addr)
		i = (i + 1) % NUM_BLOCKS;
	blocks[i].addr = addr;
	return &blocks[i];
}

static void mark_begin(unsigned int vcpu, void *data)
{
	unsigned int i;

	(void)vcpu;
	current = (uintptr_t)data;
	for (i = 0; i < NUM_BLOCKS; i++)
		blocks[i].begin = blocks[i].now;
}

static void mark_end(unsigned int vcpu, void *data)
{
	unsigned int i;

	(void)vcpu;
	(void)data;
	for (i = 0; current < MAX_MARKS && i < NUM_BLOCKS; i++) {
		struct block *b = &blocks[i];

		b->total[current].insns += b->now.insns - b->begin.insns;
		b->total[current].runs += b->now.runs - b->begin.runs;
	}
	current = MAX_MARKS;
}

/* nopl 0x52504d00+N(%rax,%rax,1): N below 0x80 begins, any other ends. */
static bool is_mark(const struct qemu_plugin_insn *insn, unsigned int *num)
{
	static const uint8_t nopl[] = { 0x0f, 0x1f, 0x84, 0x00 };
	const uint8_t *data = qemu_plugin_insn_data(insn);

	if (qemu_plugin_insn_size(insn) != 8 ||
	    memcmp(data, nopl, sizeof(nopl)) || data[5] != 0x4d ||
	    data[6] != 0x50 || data[7] != 0x52)
		return false;
	*num = data[4];
	return true;
}

static void translate(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	struct block *block = block_at(qemu_plugin_tb_vaddr(tb));
	size_t n = qemu_plugin_tb_n_insns(tb), i;
	unsigned int num;
	insn_cb cb;
	void *mark;

	(void)id;
	qemu_plugin_register_vcpu_tb_exec_inline(tb, INLINE_ADD_U64,
						 &block->now.insns, n);
	qemu_plugin_register_vcpu_tb_exec_inline(tb, INLINE_ADD_U64,
						 &block->now.runs, 1);
	for (i = 0; i < n; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);

		if (!is_mark(insn, &num))
			continue;
		cb = num < 0x80 ? mark_begin : mark_end;
		mark = (void *)(uintptr_t)(num % MAX_MARKS);
		qemu_plugin_register_vcpu_insn_exec_cb(insn, cb, CB_NO_REGS,
						       mark);
	}
}

/* Print mark, address, instructions, and number of entries of each block. */
static void finish(qemu_plugin_id_t id, void *data)
{
	FILE *f = fopen(path, "w");
	unsigned int i, mark;

	(void)id;
	(void)data;
	if (!f)
		return;
	for (i = 0; i < NUM_BLOCKS; i++)
		for (mark = 0; mark < MAX_MARKS; mark++)
			if (blocks[i].total[mark].runs)
				fprintf(f,
					"%u %" PRIx64 " %" PRIu64 " %" PRIu64
					"\n",
					mark, blocks[i].addr,
					blocks[i].total[mark].insns,
					blocks[i].total[mark].runs);
	fclose(f);
}

__attribute__((visibility("default"))) int
qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc,
		    char **argv)
{
	(void)info;
	if (argc != 1 || strncmp(argv[0], "out=", 4))
		return -1;
	path = strdup(argv[0] + 4);
	blocks = calloc(NUM_BLOCKS, sizeof(*blocks));
	if (!path || !blocks)
		return -1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, translate);
	qemu_plugin_register_atexit_cb(id, finish, NULL);
	return 0;
}
