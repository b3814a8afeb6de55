// SPDX-License-Identifier: MIT
/*
 * An open directory that was listed as a whole when it was opened.
 */
#include "fusefs/ops.h"

/* A directory as it was when it was opened. An entry's offset is its number. */
struct listing {
	struct handle h;
	size_t count;
	size_t room;
	struct entry {
		ino_t ino;
		mode_t mode;
		char name[NAME_MAX + 1];
	} * entry;
};

static int list_add(void *to, const char *name, ino_t ino, mode_t mode)
{
	struct listing *list = to;
	struct entry *entry = list->entry;

	if (list->count == list->room) {
		size_t room = 2 * list->room + 16;

		entry = realloc(list->entry, room * sizeof(*entry));
		if (!entry)
			return -ENOMEM;
		list->entry = entry;
		list->room = room;
	}
	entry += list->count++;
	*entry = (struct entry){.ino = ino, .mode = mode};
	strcpy(entry->name, name);
	return 0;
}

static struct listing *listing_of(struct handle *h)
{
	return (struct listing *)h;
}

static void list_free(struct listing *list)
{
	if (list)
		free(list->entry);
	free(list);
}

static void read_listing(fuse_req_t req, struct node *dir, struct handle *h, size_t size, off_t off)
{
	const struct listing *list = listing_of(h);
	auto_free char *buf = malloc(size);
	size_t len = 0;

	if (!buf) {
		fs_reply(req, -ENOMEM, NULL);
		return;
	}
	for (size_t i = (size_t)off; i < list->count; i++) {
		const struct entry *entry = &list->entry[i];
		struct stat st = {.st_ino = entry->ino, .st_mode = entry->mode};
		size_t need = fuse_add_direntry(req, buf + len, size - len, entry->name, &st,
						(off_t)i + 1);

		if (need > size - len)
			break;
		len += need;
	}
	fuse_reply_buf(req, buf, len);
}

static void release_listing(fuse_req_t req, struct handle *h)
{
	list_free(listing_of(h));
	fs_reply(req, 0, NULL);
}

static const struct handle_ops listing_ops = {
	.readdir = read_listing,
	.release = release_listing,
};

void listing_open(fuse_req_t req, struct node *dir, struct fuse_file_info *fi)
{
	struct listing *list = calloc(1, sizeof(*list));
	int rc = list ? 0 : -ENOMEM;

	if (!rc)
		rc = list_add(list, ".", dir->ino, S_IFDIR);
	if (!rc)
		rc = list_add(list, "..", FUSE_ROOT_ID, S_IFDIR);
	if (!rc)
		rc = dir->ops->list(fs_of(req), dir, list_add, list);
	if (rc) {
		list_free(list);
		fs_reply(req, rc, NULL);
		return;
	}
	list->h.ops = &listing_ops;
	if (!reply_handle(req, &list->h, fi))
		list_free(list);
}
