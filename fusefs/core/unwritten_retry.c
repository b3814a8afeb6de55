// SPDX-License-Identifier: MIT
/*
 * Writes again what could not be written. See unwritten.h.
 */
#include "fusefs/core/fs.h"

int unwritten_retry(struct fs *fs, struct node *node, const char *name, struct err *err)
{
	uint64_t off = content_stored_len(fs, node), end = node->size_len;
	char what[300];
	int rc;

	if (!node->unwritten.any)
		return 0;
	rc = unwritten_write(fs, node, content_store, &off, &end);
	if (!rc)
		rc = content_lengthen(fs, node, NULL);
	if (rc)
		return err_sys(err, rc, "bytes %llu to %llu of %s are not written",
			       (unsigned long long)off, (unsigned long long)end,
			       unwritten_describe(node, name, what, sizeof(what)));
	node->unwritten.any = false;
	return 0;
}

int unwritten_retry_all(struct fs *fs, struct err *err)
{
	auto_unlock pthread_mutex_t *held = lock(&fs->tree_lock);
	int first = 0;

	for (struct node *n = fs->root.next; n != &fs->root; n = n->next) {
		auto_rw_unlock pthread_rwlock_t *node_held = NULL;
		int rc;

		if (!n->unwritten.any)
			continue;
		node_held = lock_exclusive(&n->lock);
		rc = unwritten_retry(fs, n, n->name, first ? NULL : err);
		first = first ? first : rc;
	}
	return first;
}

int unwritten_end(struct fs *fs, struct err *err)
{
	int first = 0;

	for (struct node *n = fs->root.next; n != &fs->root; n = n->next) {
		struct err why = {""};
		int rc = unwritten_retry(fs, n, n->name, &why);

		if (!rc)
			continue;
		if (first)
			fs_log(fs, "%s: %s", fs->cfg->image_path, why.text);
		else
			first = err_set(err, rc, "%s", why.text);
	}
	return first;
}
