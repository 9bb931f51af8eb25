// SPDX-License-Identifier: GPL-2.0-only
/*
 * Print the types of the vhost core as C, from the type information (BTF) of a kernel.
 *
 * No headers package has drivers/vhost/vhost.h. A module that is built with the
 * vhost.h of another kernel loads without an error and crashes at the first guest.
 *
 *	vhost-types base FILE		raw BTF of a decompressed kernel
 *	vhost-types bodies BASE VHOST	struct bodies and prototypes
 *	vhost-types checks BASE VHOST	assertions to compare a vhost.h with them
 *
 * BASE is raw BTF. VHOST is the BTF of vhost.ko, raw or in an ELF file; omit it if the
 * core is built into the kernel. stdin has the names of the wanted functions, one per
 * line.
 *
 * Both byte orders work, since modules are also built for other machines. Status 2:
 * FILE has no BTF, or the BTF has no vhost types.
 */
#include <err.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define BTF_MAGIC	0xeb9f
#define NO_BTF		2

/* As in linux/btf.h; older machines lack the newer kinds there. */
enum kind {
	KIND_VOID,
	KIND_INT,
	KIND_PTR,
	KIND_ARRAY,
	KIND_STRUCT,
	KIND_UNION,
	KIND_ENUM,
	KIND_FWD,
	KIND_TYPEDEF,
	KIND_VOLATILE,
	KIND_CONST,
	KIND_RESTRICT,
	KIND_FUNC,
	KIND_FUNC_PROTO,
	KIND_VAR,
	KIND_DATASEC,
	KIND_FLOAT,
	KIND_DECL_TAG,
	KIND_TYPE_TAG,
	KIND_ENUM64,
	NUM_KINDS
};

struct header {
	uint16_t magic;
	uint8_t version;
	uint8_t flags;
	uint32_t hdr_len;
	uint32_t type_off;
	uint32_t type_len;
	uint32_t str_off;
	uint32_t str_len;
};

/* A type with the data that follows it: members, parameters, and so on. */
struct type {
	uint32_t name_off;
	uint32_t info;
	uint32_t size;
	uint32_t data[];
};

struct member {
	uint32_t name_off;
	uint32_t type;
	uint32_t offset;
};

struct btf {
	const uint8_t *data;
	size_t len;
	bool swapped;
	const uint8_t *types;
	const uint8_t *types_end;
	const char *strings;
	uint32_t str_len;
	/* Types of the base come first. */
	const struct btf *base;
	uint32_t first_id;
	uint32_t first_str;
	/* Offset of each type, in words. */
	uint32_t *index;
	uint32_t num;
};

static uint16_t get16(const struct btf *btf, const void *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return btf->swapped ? __builtin_bswap16(v) : v;
}

static uint32_t get32(const struct btf *btf, const void *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return btf->swapped ? __builtin_bswap32(v) : v;
}

/* Types of both files; each file has its own byte order. */
static enum kind kind(const struct btf *btf, const struct type *t)
{
	return get32(btf, &t->info) >> 24 & 0x1f;
}

static uint32_t vlen(const struct btf *btf, const struct type *t)
{
	return get32(btf, &t->info) & 0xffff;
}

static const char *string(const struct btf *btf, uint32_t off)
{
	if (off < btf->first_str)
		return string(btf->base, off);
	if (off - btf->first_str >= btf->str_len)
		errx(NO_BTF, "the types and the kernel do not belong together");
	return btf->strings + off - btf->first_str;
}

static const char *name_of(const struct btf *btf, const struct type *t)
{
	return string(btf, get32(btf, &t->name_off));
}

/* Length of the data that follows a type, in words; -1 for an unknown kind. */
static int words_after(const struct btf *btf, const struct type *t)
{
	switch (kind(btf, t)) {
	case KIND_INT:
	case KIND_VAR:
	case KIND_DECL_TAG:
		return 1;
	case KIND_ARRAY:
		return 3;
	case KIND_STRUCT:
	case KIND_UNION:
	case KIND_DATASEC:
	case KIND_ENUM64:
		return 3 * vlen(btf, t);
	case KIND_ENUM:
	case KIND_FUNC_PROTO:
		return 2 * vlen(btf, t);
	case KIND_VOID:
	case NUM_KINDS:
		return -1;
	default:
		return kind(btf, t) < NUM_KINDS ? 0 : -1;
	}
}

static const struct type *nth_type(const struct btf *btf, uint32_t n)
{
	return (const void *)(btf->types + 4 * (size_t)btf->index[n]);
}

static const struct type *type_of(const struct btf *btf, uint32_t id)
{
	if (id < btf->first_id)
		return type_of(btf->base, id);
	if (id - btf->first_id >= btf->num)
		errx(NO_BTF, "the types and the kernel do not belong together");
	return nth_type(btf, id - btf->first_id);
}

/* Is there a valid header, whose sections are inside the data? */
static bool header_at(struct btf *btf, size_t at)
{
	const struct header *h = (const void *)(btf->data + at);
	size_t left = btf->len - at;
	uint32_t hdr_len, type_off, type_len, str_off, str_len;

	if (left < sizeof(*h))
		return false;
	btf->swapped = false;
	if (get16(btf, &h->magic) != BTF_MAGIC) {
		btf->swapped = true;
		if (get16(btf, &h->magic) != BTF_MAGIC)
			return false;
	}
	hdr_len = get32(btf, &h->hdr_len);
	type_off = get32(btf, &h->type_off);
	type_len = get32(btf, &h->type_len);
	str_off = get32(btf, &h->str_off);
	str_len = get32(btf, &h->str_len);
	if (h->version != 1 || h->flags || hdr_len < sizeof(*h) ||
	    hdr_len > 256 || hdr_len % 4 || type_len < 12 || !str_len)
		return false;
	left -= hdr_len <= left ? hdr_len : left;
	if (type_off > left || type_len > left - type_off || str_off > left ||
	    str_len > left - str_off)
		return false;
	btf->types = btf->data + at + hdr_len + type_off;
	btf->types_end = btf->types + type_len;
	btf->strings = (const char *)btf->data + at + hdr_len + str_off;
	btf->str_len = str_len;
	return !btf->strings[str_len - 1];
}

/* Index the types by number. Returns false if the data is not BTF after all. */
static bool index_types(struct btf *btf)
{
	const uint8_t *p = btf->types;
	uint32_t room = (btf->types_end - p) / 12;
	int words;

	btf->num = 0;
	free(btf->index);
	btf->index = calloc(room, sizeof(*btf->index));
	if (!btf->index)
		err(1, NULL);
	while (btf->types_end - p >= (ptrdiff_t)sizeof(struct type)) {
		const struct type *t = (const void *)p;

		words = words_after(btf, t);
		if (words < 0)
			return false;
		btf->index[btf->num++] = (p - btf->types) / 4;
		p += sizeof(*t) + 4 * words;
	}
	return p == btf->types_end;
}

/*
 * Find the first BTF of a file: at the beginning, in a section of an ELF file, or
 * anywhere in the image of a kernel, which has no table of sections.
 */
static size_t find_btf(struct btf *btf)
{
	size_t at;

	for (at = 0; at + sizeof(struct header) <= btf->len; at++) {
		if (btf->data[at] != (BTF_MAGIC & 255) &&
		    btf->data[at] != BTF_MAGIC >> 8)
			continue;
		if (header_at(btf, at) && index_types(btf))
			return at;
	}
	return btf->len;
}

static size_t load(struct btf *btf, const char *path)
{
	struct stat st;
	size_t at;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		err(1, "%s", path);
	btf->len = st.st_size;
	if (!btf->len)
		errx(NO_BTF, "%s: no BTF", path);
	btf->data = mmap(NULL, btf->len, PROT_READ, MAP_PRIVATE, fd, 0);
	if (btf->data == MAP_FAILED)
		err(1, "%s", path);
	close(fd);
	at = find_btf(btf);
	if (at == btf->len)
		errx(NO_BTF, "%s: no BTF", path);
	return at;
}

static char *format(const char *fmt, ...)
{
	va_list args;
	char *s;

	va_start(args, fmt);
	if (vasprintf(&s, fmt, args) < 0)
		err(1, NULL);
	va_end(args);
	return s;
}

static char *body(const struct btf *btf, const struct type *t,
		  const char *indent);

/* Types that bind more tightly than the star of a pointer. */
static bool needs_brackets(const struct btf *btf, uint32_t id)
{
	if (!id)
		return false;
	switch (kind(btf, type_of(btf, id))) {
	case KIND_ARRAY:
	case KIND_FUNC_PROTO:
		return true;
	case KIND_CONST:
	case KIND_VOLATILE:
	case KIND_TYPE_TAG:
		return needs_brackets(btf, get32(btf, &type_of(btf, id)->size));
	default:
		return false;
	}
}

static char *declare(const struct btf *btf, uint32_t id, const char *inner,
		     const char *indent);

static char *parameters(const struct btf *btf, const struct type *t)
{
	char *list = NULL, *one;
	uint32_t i;

	for (i = 0; i < vlen(btf, t); i++) {
		uint32_t id = get32(btf, &t->data[2 * i + 1]);

		/* The ... of a variadic function. */
		one = id ? declare(btf, id, "", "") : format("...");
		list = list ? format("%s, %s", list, one) : one;
	}
	return list ? list : format("void");
}

static const char *keyword(const struct btf *btf, const struct type *t)
{
	switch (kind(btf, t)) {
	case KIND_UNION:
		return "union";
	case KIND_ENUM:
	case KIND_ENUM64:
		return "enum";
	case KIND_FWD:
		return get32(btf, &t->info) >> 31 ? "union" : "struct";
	default:
		return "struct";
	}
}

/* Print `TYPE NAME` in C syntax, from the inside out; inner is the inner part. */
static char *declare(const struct btf *btf, uint32_t id, const char *inner,
		     const char *indent)
{
	const struct type *t;
	const char *space = *inner && *inner != '[' ? " " : "";
	uint32_t to;

	if (!id)
		return format("void%s%s", space, inner);
	t = type_of(btf, id);
	to = get32(btf, &t->size);
	switch (kind(btf, t)) {
	case KIND_PTR:
		inner = needs_brackets(btf, to) ? format("(*%s)", inner) :
						  format("*%s", inner);
		return declare(btf, to, inner, indent);
	case KIND_ARRAY:
		inner = format("%s[%u]", inner, get32(btf, &t->data[2]));
		return declare(btf, get32(btf, &t->data[0]), inner, indent);
	case KIND_FUNC_PROTO:
		inner = format("%s(%s)", inner, parameters(btf, t));
		return declare(btf, to, inner, indent);
	case KIND_CONST:
		return declare(btf, to, format("const%s%s", space, inner),
			       indent);
	case KIND_VOLATILE:
		return declare(btf, to, format("volatile%s%s", space, inner),
			       indent);
	case KIND_RESTRICT:
	case KIND_TYPE_TAG:
		return declare(btf, to, inner, indent);
	case KIND_INT:
	case KIND_FLOAT:
	case KIND_TYPEDEF:
		return format("%s%s%s", name_of(btf, t), space, inner);
	default:
		if (*name_of(btf, t))
			return format("%s %s%s%s", keyword(btf, t),
				      name_of(btf, t), space, inner);
		return format("%s %s%s%s", keyword(btf, t),
			      body(btf, t, indent), space, inner);
	}
}

/* Offset of a member in bits, and its width if it is a bit field. */
static uint32_t bit_offset(const struct btf *btf, const struct type *t,
			   const struct member *m, uint32_t *bits)
{
	uint32_t offset = get32(btf, &m->offset);

	*bits = 0;
	if (!(get32(btf, &t->info) >> 31))
		return offset;
	*bits = offset >> 24;
	return offset & 0xffffff;
}

static char *body(const struct btf *btf, const struct type *t,
		  const char *indent)
{
	const struct member *m = (const void *)t->data;
	bool number = kind(btf, t) == KIND_ENUM;
	char *deeper = format("%s\t", indent), *s = format("{\n");
	uint32_t i, bits;

	for (i = 0; i < vlen(btf, t); i++, m++) {
		const char *name;

		if (number) {
			s = format("%s%s%s = %d,\n", s, deeper,
				   string(btf, get32(btf, &t->data[2 * i])),
				   (int)get32(btf, &t->data[2 * i + 1]));
			continue;
		}
		name = string(btf, get32(btf, &m->name_off));
		bit_offset(btf, t, m, &bits);
		s = format("%s%s%s", s, deeper,
			   declare(btf, get32(btf, &m->type), name, deeper));
		s = bits ? format("%s : %u;\n", s, bits) : format("%s;\n", s);
	}
	return format("%s%s}", s, indent);
}

/* Types that files of include/ define already. */
static bool is_public(const char *name)
{
	static const char *const names[] = {
		"iotlb",	 "iotlb_map",	 "iotlb_msg",  "memory",
		"memory_region", "msg",		 "msg_v2",     "scsi_target",
		"task",		 "vring_addr",	 "vring_file", "vring_state",
		"vring_worker", "worker_state",
	};
	size_t i;

	if (strncmp(name, "vhost_", 6))
		return true;
	for (i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(name + 6, names[i]))
			return true;
	return false;
}

/* The types of vhost.h, in an order that C accepts. */
static struct {
	uint32_t ids[64];
	unsigned int num;
} wanted;

static void want(const struct btf *btf, uint32_t id);

static void want_members(const struct btf *btf, const struct type *t)
{
	const struct member *m = (const void *)t->data;
	uint32_t i;

	for (i = 0; i < vlen(btf, t); i++)
		want(btf, get32(btf, &m[i].type));
}

static void want(const struct btf *btf, uint32_t id)
{
	const struct type *t;
	unsigned int i;

	if (!id)
		return;
	for (i = 0; i < wanted.num; i++)
		if (wanted.ids[i] == id)
			return;
	t = type_of(btf, id);
	switch (kind(btf, t)) {
	case KIND_ARRAY:
		want(btf, get32(btf, &t->data[0]));
		return;
	case KIND_CONST:
	case KIND_VOLATILE:
		want(btf, get32(btf, &t->size));
		return;
	case KIND_STRUCT:
	case KIND_UNION:
		if (!*name_of(btf, t)) {
			want_members(btf, t);
			return;
		}
		if (is_public(name_of(btf, t)))
			return;
		want_members(btf, t);
		break;
	case KIND_TYPEDEF:
	case KIND_ENUM:
		if (!*name_of(btf, t) || is_public(name_of(btf, t)))
			return;
		break;
	default:
		return;
	}
	if (wanted.num == sizeof(wanted.ids) / sizeof(*wanted.ids))
		errx(1, "more types than are believable");
	wanted.ids[wanted.num++] = id;
}

static uint32_t find(const struct btf *btf, enum kind k, const char *name)
{
	const struct btf *b;
	uint32_t i;

	for (b = btf; b; b = b->base)
		for (i = 0; i < b->num; i++)
			if (kind(b, nth_type(b, i)) == k &&
			    !strcmp(name_of(b, nth_type(b, i)), name))
				return b->first_id + i;
	return 0;
}

/* vhost_dev contains most types, but not those that it only points to. */
static void want_all(const struct btf *btf)
{
	static const char *const structs[] = {
		"vhost_work",	  "vhost_worker", "vhost_worker_ops",
		"vhost_poll",	  "vhost_log",	  "vhost_virtqueue",
		"vhost_msg_node", "vhost_dev",
	};
	size_t i;

	if (!find(btf, KIND_STRUCT, "vhost_dev") ||
	    !find(btf, KIND_STRUCT, "vhost_virtqueue"))
		errx(NO_BTF, "no vhost core in the kernel's types");
	want(btf, find(btf, KIND_TYPEDEF, "vhost_work_fn_t"));
	want(btf, find(btf, KIND_ENUM, "vhost_uaddr_type"));
	for (i = 0; i < sizeof(structs) / sizeof(*structs); i++)
		want(btf, find(btf, KIND_STRUCT, structs[i]));
}

static void print_bodies(const struct btf *btf)
{
	const struct type *t;
	unsigned int i;

	for (i = 0; i < wanted.num; i++) {
		t = type_of(btf, wanted.ids[i]);
		if (kind(btf, t) == KIND_STRUCT)
			printf("struct %s;\n", name_of(btf, t));
	}
	for (i = 0; i < wanted.num; i++) {
		t = type_of(btf, wanted.ids[i]);
		if (kind(btf, t) == KIND_TYPEDEF)
			printf("\ntypedef %s;\n",
			       declare(btf, get32(btf, &t->size),
				       name_of(btf, t), ""));
		else
			printf("\n%s %s %s;\n", keyword(btf, t),
			       name_of(btf, t), body(btf, t, ""));
	}
}

/* base: offset of t in the struct, in bytes. */
static void check_members(const struct btf *btf, const char *where,
			  const struct type *t, uint32_t base)
{
	const struct member *m = (const void *)t->data;
	uint32_t i, bits, at;

	for (i = 0; i < vlen(btf, t); i++, m++) {
		const char *name = string(btf, get32(btf, &m->name_off));
		uint32_t id = get32(btf, &m->type);
		const struct type *of = id ? type_of(btf, id) : NULL;

		at = base + bit_offset(btf, t, m, &bits) / 8;
		if (bits)
			continue;
		if (!*name && of) {
			check_members(btf, where, of, at);
			continue;
		}
		printf("AT(struct %s, %s, %u);\n", where, name, at);
		/* A member without a name cannot be compared. */
		if (of && !*name_of(btf, of) &&
		    (kind(btf, of) == KIND_STRUCT ||
		     kind(btf, of) == KIND_UNION))
			continue;
		printf("TYPE(struct %s, %s, %s);\n", where, name,
		       declare(btf, id, "", ""));
	}
}

static void print_checks(const struct btf *btf)
{
	unsigned int i;

	for (i = 0; i < wanted.num; i++) {
		const struct type *t = type_of(btf, wanted.ids[i]);

		if (kind(btf, t) != KIND_STRUCT)
			continue;
		printf("\nSIZE(struct %s, %u);\n", name_of(btf, t),
		       get32(btf, &t->size));
		check_members(btf, name_of(btf, t), t, 0);
	}
}

static void print_prototypes(const struct btf *btf)
{
	char line[256];
	uint32_t id;

	printf("\n");
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = 0;
		id = find(btf, KIND_FUNC, line);
		if (id)
			printf("extern %s;\n",
			       declare(btf, get32(btf, &type_of(btf, id)->size),
				       line, ""));
	}
}

static int write_base(const char *path)
{
	static struct btf btf = { .first_id = 1 };
	size_t at = load(&btf, path);
	const uint8_t *end = (const uint8_t *)btf.strings + btf.str_len;

	if (btf.types_end > end)
		end = btf.types_end;
	if (fwrite(btf.data + at, end - btf.data - at, 1, stdout) != 1 ||
	    fflush(stdout))
		err(1, "stdout");
	return 0;
}

int main(int argc, char **argv)
{
	static struct btf base = { .first_id = 1 }, module = { .base = &base };
	struct btf *btf = &base;

	if (argc == 3 && !strcmp(argv[1], "base"))
		return write_base(argv[2]);
	if (argc < 3 || argc > 4)
		errx(1, "usage: vhost-types base|bodies|checks FILE [VHOST]");
	load(&base, argv[2]);
	if (argc == 4) {
		module.first_id = base.num + 1;
		module.first_str = base.str_len;
		load(&module, argv[3]);
		if (module.swapped != base.swapped)
			errx(NO_BTF, "%s is for another processor", argv[3]);
		btf = &module;
	}
	want_all(btf);
	if (!strcmp(argv[1], "bodies"))
		print_bodies(btf);
	else
		print_checks(btf);
	print_prototypes(btf);
	return 0;
}
