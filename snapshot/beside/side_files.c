// SPDX-License-Identifier: MIT
/*
 * Owns what can be said of any struct side_files, wherever its files lie. Holds no state.
 */
#include "snapshot/beside/side_files.h"

#include <ctype.h>
#include <stdio.h>

void side_files_init(struct side_files *files)
{
	*files = (struct side_files){.count = 0};
	for (unsigned id = 0; id < MM_MAX_MEMORIES; id++)
		files->exact_len[id] = SIDE_WHOLE_PAGES;
}

bool side_files_any(const struct side_files *files)
{
	if (!files)
		return false;
	for (unsigned id = 0; id < MM_MAX_MEMORIES; id++)
		if (files->exact_len[id] != SIDE_WHOLE_PAGES)
			return true;
	return files->count > 0;
}

uint64_t side_files_len(const struct side_files *files)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < files->count; i++)
		if (add_overflows(sum, files->file[i].len, &sum))
			return UINT64_MAX;
	return sum;
}

const struct side_file *side_files_find(const struct side_files *files, const char *name)
{
	for (size_t i = 0; i < files->count; i++)
		if (strcmp(files->file[i].name, name) == 0)
			return &files->file[i];
	return NULL;
}

/* Reads the id of a memory, in the one way in which it is written. Returns what follows the id;
 * NULL: no id is there. */
static const char *after_id(const char *name)
{
	unsigned id = 0;
	int digits = 0;

	for (; digits < 3 && isdigit((unsigned char)name[digits]); digits++)
		id = id * 10 + (unsigned)(name[digits] - '0');
	if (digits == 0 || (digits > 1 && name[0] == '0') || id >= MM_MAX_MEMORIES)
		return NULL;
	return isdigit((unsigned char)name[digits]) ? NULL : name + digits;
}

bool side_name_ok(const char *name)
{
	const char *behind = after_id(name);
	size_t len = strlen(name);

	if (len == 0 || len > NAME_MAX || strchr(name, '/'))
		return false;
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return false;
	return !behind || *behind;
}

/* SQLite plays back a journal whose first byte is not zero (pager.c, hasHotJournal), and a WAL
 * that begins with its header. One that cannot be read counts as one that it needs. */
static bool database_needs(const struct side_file *f)
{
	const char *suffix = after_id(f->name);
	char first = 0;

	if (f->len == 0 || !suffix)
		return false;
	if (strcmp(suffix, "-journal") != 0 && strcmp(suffix, "-wal") != 0)
		return false;
	return f->read(f->ctx, &first, 1, 0, NULL) < 0 || first != 0;
}

const char *side_pair_name(unsigned mm_id, unsigned nth, char buf[SIDE_PAIR_ROOM])
{
	static const char *const suffixes[SIDE_PAIR_COUNT] = {"journal", "wal", "shm"};

	snprintf(buf, SIDE_PAIR_ROOM, "%u-%s", mm_id, suffixes[nth]);
	return buf;
}

const struct side_file *side_files_other_half(const struct side_files *files, unsigned mm_id)
{
	for (unsigned n = 0; n < SIDE_PAIR_COUNT; n++) {
		const struct side_file *file;
		char name[SIDE_PAIR_ROOM];

		file = side_files_find(files, side_pair_name(mm_id, n, name));
		if (file && database_needs(file))
			return file;
	}
	return NULL;
}

enum { WARN_NAMES = 8 };

bool side_files_warning(const struct side_files *files, struct err *text)
{
	char names[WARN_NAMES * 32] = "";
	size_t needed = 0, used = 0;

	text->text[0] = 0;
	for (size_t i = 0; i < files->count; i++) {
		if (!database_needs(&files->file[i]) || needed++ >= WARN_NAMES)
			continue;
		used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s",
					 used ? ", " : "", files->file[i].name);
	}
	if (needed > WARN_NAMES)
		snprintf(names + used, sizeof(names) - used, " and %zu more", needed - WARN_NAMES);
	if (needed > 0)
		err_set(text, 0, "a database in a memory is not whole without the scratch %s %s",
			needed == 1 ? "file" : "files", names);
	return needed > 0;
}
