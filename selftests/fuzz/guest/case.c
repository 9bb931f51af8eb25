// SPDX-License-Identifier: GPL-2.0-only
/* Cases: how they are generated, mutated and named. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#define MAX_DEPTH	12

/* splitmix64: every state is valid. */
uint64_t fuzz_draw(struct fuzz_rng *rng)
{
	uint64_t z = rng->state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

static struct fuzz_rng rng_of(uint64_t seed, unsigned long number)
{
	struct fuzz_rng rng = { seed };

	rng.state = fuzz_draw(&rng) + number;
	rng.state = fuzz_draw(&rng);
	return rng;
}

bool fuzz_fault(struct fuzz_fault *f, enum fuzz_check check, const char *fmt,
		...)
{
	va_list ap;

	f->check = check;
	va_start(ap, fmt);
	vsnprintf(f->why, sizeof(f->why), fmt, ap);
	va_end(ap);
	return false;
}

static void draw_op(struct fuzz_op *op, struct fuzz_rng *rng,
		    unsigned int lanes)
{
	/* In sixteenths; the lane of the guest gets the rest. */
	static const uint8_t flip = 2, vmm = 3, admin = 3;
	unsigned int turn = fuzz_draw(rng) % 16;
	unsigned int i;

	op->lane = turn < flip		     ? LANE_FLIP :
		   turn < flip + vmm	     ? LANE_VMM :
		   turn < flip + vmm + admin ? LANE_ADMIN :
					       LANE_GUEST;
	if (!(lanes & 1U << op->lane))
		op->lane = LANE_GUEST;
	op->kind = fuzz_draw(rng);
	for (i = 0; i < 4; i++)
		op->v[i] = fuzz_draw(rng);
}

void fuzz_case_new(struct fuzz_case *c, uint64_t seed, unsigned long number)
{
	struct fuzz_rng rng = rng_of(seed, number);
	/* Not every case has all lanes: each lane is also tested alone. */
	unsigned int lanes = fuzz_draw(&rng), i;

	memset(c, 0, sizeof(*c));
	snprintf(c->name, sizeof(c->name), "%lu", number);
	c->depth = 1;
	c->noise = fuzz_draw(&rng);
	c->num = 1U << fuzz_draw(&rng) % 9;
	c->kclient = fuzz_draw(&rng) % 4 == 0;
	c->strict = fuzz_draw(&rng) % 2;
	c->empty = fuzz_draw(&rng) % 8 == 0;
	c->n = 1 + fuzz_draw(&rng) % (FUZZ_MAX_OPS / 2);
	for (i = 0; i < c->n; i++)
		draw_op(&c->op[i], &rng, lanes);
}

static void remove_op(struct fuzz_case *c, unsigned int at)
{
	memmove(&c->op[at], &c->op[at + 1], (--c->n - at) * sizeof(c->op[0]));
}

static struct fuzz_op *insert_op(struct fuzz_case *c, unsigned int at)
{
	if (c->n == FUZZ_MAX_OPS)
		c->n--;
	if (at > c->n)
		at = c->n;
	memmove(&c->op[at + 1], &c->op[at], (c->n++ - at) * sizeof(c->op[0]));
	return &c->op[at];
}

int fuzz_case_change(struct fuzz_case *c, uint64_t seed, unsigned long number)
{
	struct fuzz_rng rng = rng_of(seed, number);
	unsigned int changes = 1 + fuzz_draw(&rng) % 4;
	size_t len = strlen(c->name);
	unsigned int at, from, i;
	struct fuzz_op op;

	if (c->depth == MAX_DEPTH || len + 21 > sizeof(c->name))
		return -1;
	snprintf(c->name + len, sizeof(c->name) - len, ".%lu", number);
	c->depth++;
	c->noise = fuzz_draw(&rng);
	while (changes--) {
		at = fuzz_draw(&rng) % c->n;
		from = fuzz_draw(&rng) % c->n;
		switch (fuzz_draw(&rng) % 8) {
		case 0:
		case 1:
			c->op[at].v[fuzz_draw(&rng) % 4] = fuzz_draw(&rng);
			break;
		case 2:
			c->op[at].v[fuzz_draw(&rng) % 4] +=
				(int)(fuzz_draw(&rng) % 9) - 4;
			break;
		case 3:
			c->op[at].kind = fuzz_draw(&rng);
			break;
		case 4:
			draw_op(insert_op(c, at), &rng, ~0U);
			break;
		case 5:
			if (c->n > 1)
				remove_op(c, at);
			break;
		case 6:
			op = c->op[from];
			*insert_op(c, at) = op;
			break;
		case 7:
			/* Generate a new end. */
			for (i = at; i < c->n; i++)
				draw_op(&c->op[i], &rng, ~0U);
			break;
		}
	}
	return 0;
}

int fuzz_case_parse(struct fuzz_case *c, uint64_t seed, const char *name)
{
	char *end;

	fuzz_case_new(c, seed, strtoul(name, &end, 10));
	while (end != name && *end == '.') {
		name = end + 1;
		if (fuzz_case_change(c, seed, strtoul(name, &end, 10)))
			return -1;
	}
	return end == name || *end ? -1 : 0;
}

int fuzz_case_keep(struct fuzz_case *c, const char *list)
{
	unsigned long i, n = 0;
	char *end;

	for (;;) {
		i = strtoul(list, &end, 10);
		/* In ascending order, so that kept operations are not overwritten. */
		if (end == list || i >= c->n || i < n)
			return -1;
		c->op[n++] = c->op[i];
		if (!*end)
			break;
		if (*end != ',')
			return -1;
		list = end + 1;
	}
	c->n = n;
	return 0;
}

void fuzz_case_print(const struct fuzz_case *c)
{
	static const char *const lanes[] = { "guest", "flip", "vmm", "admin" };
	unsigned int i;

	printf("# rings of %u%s%s%s\n", c->num, c->strict ? ", strict" : "",
	       c->empty ? ", no buffers" : "",
	       c->kclient ? ", in-kernel client" : "");
	for (i = 0; i < c->n; i++)
		printf("#   %-5s %3u  %08x %08x %08x %08x\n",
		       lanes[c->op[i].lane], c->op[i].kind, c->op[i].v[0],
		       c->op[i].v[1], c->op[i].v[2], c->op[i].v[3]);
}
