// SPDX-License-Identifier: MIT
/*
 * What lay beside the image when a snapshot was taken: its scratch files and the exact lengths of
 * its memories, as a bundle in IMAGE.snap/SEQ.side. A snapshot without such a file had nothing
 * beside it. op_lock guards the files.
 */
#include "snapshot/live.h"

#include <fcntl.h>
#include <stdio.h>

struct snap_live_side {
	struct store *file;
	struct bundle *bundle;
};

enum { NAME_ROOM = 32 };

static const char *name_of(uint64_t seq, char *buf)
{
	snprintf(buf, NAME_ROOM, "%llu.side", (unsigned long long)seq);
	return buf;
}

static int write_bundle(struct snap_live *live, const char *name, const struct side_files *files,
			struct err *err)
{
	int dir = bond_dir_fd(live->bond, SIDE_SNAP);
	auto_close int fd =
		openat(dir, name, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
		       (bond_mode(live->bond) & 0666) | 0600);
	uint8_t hash[BUNDLE_HASH_LEN];
	uint64_t len;
	int rc;

	if (fd < 0)
		return err_sys(err, -errno, "cannot make '%s'", name);
	rc = bundle_write(fd, 0, files, 0, &len, hash, err);
	if (!rc && fsync(fd) < 0)
		rc = err_sys(err, -errno, "cannot sync '%s'", name);
	return rc;
}

int live_side_keep(struct snap_live *live, uint64_t seq, struct err *err)
{
	auto_scratch_files struct scratch_files *scratch = NULL;
	int rc = scratch_files_open(live->bond, &scratch, err);
	struct side_files *files = rc ? NULL : scratch_files_list(scratch);
	char name[NAME_ROOM];

	if (rc)
		return rc;
	if (live->gate.exact_lens)
		live->gate.exact_lens(live->gate.ctx, files->exact_len);
	if (!side_files_any(files))
		return 0;
	rc = write_bundle(live, name_of(seq, name), files, err);
	return rc ? err_prefix(err, rc, "the scratch files") : 0;
}

void live_side_drop(struct snap_live *live, uint64_t seq)
{
	char name[NAME_ROOM];

	unlinkat(bond_dir_fd(live->bond, SIDE_SNAP), name_of(seq, name), 0);
}

static int open_side(struct snap_live *live, const char *name, struct snap_live_side *side,
		     struct err *err)
{
	uint64_t len;
	int fd = side_open_file(bond_dir_fd(live->bond, SIDE_SNAP), name, false,
				bond_owner(live->bond), &len);
	int rc = fd < 0 ? err_sys(err, fd, "'%s'", name)
			: file_store_from_fd(fd, false, &side->file, err);

	return rc ? rc : bundle_open(side->file, 0, side->file->len, &side->bundle, err);
}

int live_side_open(struct snap_live *live, uint64_t seq, struct snap_live_side **out,
		   struct err *err)
{
	struct snap_live_side *side;
	char name[NAME_ROOM];
	int rc;

	*out = NULL;
	if (faccessat(bond_dir_fd(live->bond, SIDE_SNAP), name_of(seq, name), F_OK,
		      AT_SYMLINK_NOFOLLOW) < 0 &&
	    errno == ENOENT)
		return 0;
	side = calloc(1, sizeof(*side));
	rc = side ? open_side(live, name, side, err) : err_set(err, -ENOMEM, "out of memory");
	if (rc)
		snap_live_side_close(side);
	else
		*out = side;
	return rc;
}

int snap_live_side(struct snap_live *live, const char *name, struct snap_live_side **out,
		   struct err *err)
{
	size_t at;
	int rc;

	*out = NULL;
	pthread_mutex_lock(&live->op_lock);
	rc = chain_find(live, name, &at, err);
	if (!rc)
		rc = live_side_open(live, live->chain[at]->record.seq, out, err);
	pthread_mutex_unlock(&live->op_lock);
	return rc;
}

const struct side_files *snap_live_side_files(const struct snap_live_side *side)
{
	return side ? bundle_files(side->bundle) : NULL;
}

void snap_live_side_close(struct snap_live_side *side)
{
	if (!side)
		return;
	bundle_close(side->bundle);
	store_close(side->file);
	free(side);
}

int live_side_bring_back(struct snap_live *live, uint64_t seq, struct err *err)
{
	struct snap_live_side *side = NULL;
	struct side_files none;
	auto_free char *aside = NULL;
	int rc = live_side_open(live, seq, &side, err);

	side_files_init(&none);
	if (!rc)
		rc = bond_install(live->bond, side ? bundle_files(side->bundle) : &none, &aside,
				  err);
	snap_live_side_close(side);
	return rc;
}

int live_side_bring_pair_back(struct snap_live *live, uint64_t seq, unsigned mm_id, struct err *err)
{
	struct snap_live_side *side = NULL;
	int rc = live_side_open(live, seq, &side, err);

	if (!rc)
		rc = bond_install_pair(live->bond, mm_id, snap_live_side_files(side), err);
	snap_live_side_close(side);
	return rc;
}
