// SPDX-License-Identifier: GPL-2.0-only
/*
 * Faults: select which ones can occur, and arm the n-th one for a task.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kselftest.h"

#include "fault.h"

const char *const kind_name[KINDS] = { "slab", "page", "usercopy" };
static const char *const kind_dir[] = {
	"failslab",
	"fail_page_alloc",
	"fail_usercopy",
};

/* The remaining number of permitted faults. */
static char times_path[KINDS][64];

/* Set an attribute of an injector. Returns its file on error, or NULL. */
static const char *set_attr(int kind, const char *name, const char *value)
{
	static char path[128];

	snprintf(path, sizeof(path), "/sys/kernel/debug/%s/%s", kind_dir[kind],
		 name);
	return write_file(path, value) ? path : NULL;
}

/*
 * Faults are armed for one task, by number. These settings select everything, without
 * messages in the log; a probability of 0 spares all other tasks.
 */
const char *inject_init(void)
{
	static const struct {
		const char *name;
		const char *value;
	} settings[] = {
		{ "probability", "0" }, { "verbose", "0" },
		{ "times", "1000000" }, { "ignore-gfp-wait", "N" },
		{ "ignore-gfp-highmem", "N" }, { "min-order", "0" },
	};
	const char *missing;
	unsigned int kind, i;

	if (access("/proc/thread-self/fail-nth", W_OK))
		return "/proc/thread-self/fail-nth";
	for (kind = 0; kind < KINDS; kind++) {
		for (i = 0; i < ARRAY_SIZE(settings); i++) {
			missing = set_attr(kind, settings[i].name,
					   settings[i].value);
			/* Not every kind has all attributes. */
			if (missing && (i <= 2 || !access(missing, F_OK)))
				return missing;
		}
		snprintf(times_path[kind], sizeof(times_path[kind]),
			 "/sys/kernel/debug/%s/times", kind_dir[kind]);
	}
	return NULL;
}

/* Read the file in one go, since it cannot be rewound. */
static int times_left(int kind)
{
	long n = read_number(times_path[kind]);

	if (n < 0)
		die("reading the times of %s", kind_dir[kind]);
	return n;
}

static void only_below(int kind, uint64_t start, uint64_t end)
{
	const char *missing;
	char text[20];

	snprintf(text, sizeof(text), "%#" PRIx64, end);
	missing = set_attr(kind, "require-end", text);
	snprintf(text, sizeof(text), "%#" PRIx64, start);
	missing = missing ?: set_attr(kind, "require-start", text);
	if (missing)
		die("%s", missing);
}

void inject_below(uint64_t start, uint64_t end)
{
	int kind;

	for (kind = 0; kind < KINDS; kind++)
		only_below(kind, start, end);
}

void inject_anywhere(void)
{
	inject_below(0, UINT64_MAX);
}

static uint64_t module_start = UINT64_MAX, module_end;

/* From the first symbol to the end of the page with the last one. */
void inject_find_module(void)
{
	FILE *f = fopen("/proc/kallsyms", "re");
	unsigned long long addr;
	char line[256], type;

	while (f && fgets(line, sizeof(line), f)) {
		if (!strstr(line, "[vhost_rpmsg]") ||
		    sscanf(line, "%llx %c", &addr, &type) != 2 ||
		    (type != 't' && type != 'T'))
			continue;
		if (addr < module_start)
			module_start = addr;
		if (addr > module_end)
			module_end = addr;
	}
	if (f)
		fclose(f);
	if (!module_end)
		die("where the module is");
	module_end = (module_end | (getpagesize() - 1)) + 1;
}

/*
 * Exclude pages: the module only gets them indirectly, when a cache needs another one.
 */
void inject_in_module(void)
{
	inject_below(module_start, module_end);
	only_below(PAGE, 0, 0);
}

/* The open file fail-nth of the task. */
static int nth_fd = -1;
static int times_before[KINDS];

void inject_arm(int tid, unsigned int n)
{
	char path[64], text[16];
	int kind, len;

	for (kind = 0; kind < KINDS; kind++)
		times_before[kind] = times_left(kind);
	snprintf(path, sizeof(path), "/proc/self/task/%d/fail-nth", tid);
	nth_fd = open(path, O_RDWR | O_CLOEXEC);
	if (nth_fd < 0)
		die("%s", path);
	len = snprintf(text, sizeof(text), "%u", n);
	if (write(nth_fd, text, len) != len)
		die("arming %s", path);
}

int inject_disarm(void)
{
	char text[16] = "";
	int kind, hit = -1;
	bool struck;

	/* A fault that is left may occur here; it does not count for the operation. */
	struck = pread(nth_fd, text, sizeof(text), 0) > 0 && text[0] == '0';
	while (write(nth_fd, "0", 1) != 1)
		;
	close(nth_fd);
	if (!struck)
		return -1;
	for (kind = 0; kind < KINDS; kind++)
		if (times_left(kind) != times_before[kind])
			hit = kind;
	if (hit < 0)
		die("a fault of no kind");
	return hit;
}

bool inject_find_function(const char *name, uint64_t *start, uint64_t *end)
{
	FILE *f = fopen("/proc/kallsyms", "re");
	unsigned long long addr;
	char symbol[128];

	*start = 0;
	*end = UINT64_MAX;
	while (f && fscanf(f, "%llx %*c %127s%*[^\n]", &addr, symbol) == 2)
		if (!strcmp(symbol, name))
			*start = addr;
	if (f)
		rewind(f);
	while (f && fscanf(f, "%llx %*c %127s%*[^\n]", &addr, symbol) == 2)
		if (addr > *start && addr < *end)
			*end = addr;
	if (f)
		fclose(f);
	return *start && *end != UINT64_MAX;
}
