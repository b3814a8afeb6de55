// SPDX-License-Identifier: MIT
/*
 * What is in a mount when it begins: the folders that are always there, and a file for each memory.
 * One thread, before the first request and after the last.
 */
#include "fusefs/by_name.h"
#include "fusefs/ops.h"
#include "fusefs/records/records.h"
#include "fusefs/snap/snap.h"

enum { INO_FIRST_FILE = 16 };

static int add_memories(struct fs *fs, struct err *err)
{
	for (unsigned id = 0; id < MM_MAX_MEMORIES; id++) {
		struct mm_memory m;
		struct node *node;

		mm_memory(fs->mm, id, &m);
		if (m.pages == 0 && m.buckets == 0)
			continue;
		node = node_new_memory(fs, id);
		if (!node)
			return err_set(err, -ENOMEM, "no memory for the file of memory %u", id);
		node->size_len = m.pages * MM_PAGE_LEN;
	}
	return 0;
}

/* The files are as old as the image. */
static void set_times(struct fs *fs, const struct stat *image)
{
	for (struct node *node = fs->root.next; node != &fs->root; node = node->next) {
		node->atime = image->st_atim;
		node->mtime = image->st_mtim;
		node->ctime = image->st_ctim;
	}
}

int nodes_init(struct fs *fs, struct err *err)
{
	struct stat image;
	int rc;

	pthread_mutex_init(&fs->tree_lock, NULL);
	node_init(fs, &fs->root, &root_ops, FUSE_ROOT_ID, S_IFDIR | 0777);
	fs->file_ops = &file_ops;
	control_init(fs);
	snapdir_init(fs);
	fs->next_ino = INO_FIRST_FILE;
	rc = records_init(fs, err);
	if (!rc)
		rc = by_name_init(fs, err);
	if (!rc)
		rc = add_memories(fs, err);
	if (!rc && stat(fs->cfg->image_path, &image) == 0)
		set_times(fs, &image);
	return rc;
}

void nodes_clear(struct fs *fs)
{
	snapdir_clear(fs);
	records_clear(fs);
	by_name_clear(fs);
	while (fs->root.next != &fs->root) {
		struct node *node = fs->root.next;

		node_set_name(fs, node, NULL);
		node_free(node);
	}
}
