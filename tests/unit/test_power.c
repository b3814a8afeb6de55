// SPDX-License-Identifier: MIT
/* Live snapshots, and a commit, over power cuts: see power_disk.h. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "snapshot/live.h"
#include "tests/unit/live_model.h"
#include "tests/unit/power_disk.h"

static struct {
	char *dir; /* of the image */
	char *snap_dir;
	const struct model *before;
	const struct model *after;
	enum what doing;
	bool begun; /* a rollback, and the disk may say so */
	unsigned whole_snapshots, stale_snapshots, finished;
} live_test;

static const struct version *version_of(const struct model *m, const char *name)
{
	for (unsigned i = 0; i < m->count; i++)
		if (strcmp(name_of(m->name[i]), name) == 0)
			return &m->kept[i];
	return NULL;
}

static bool is_one_of(struct store *s, const struct version *a, const struct version *b)
{
	return (a && *differs(s, a) == 0) || (b && *differs(s, b) == 0);
}

static bool is_rolling_back(const char *snap_dir)
{
	auto_free char *path = test_path(snap_dir, ".canister");
	auto_close int fd = power_open_raw(path, O_RDONLY);
	uint8_t seq[8];

	return fd >= 0 && pread_all(fd, seq, sizeof(seq), 104) == 0 && get_le64(seq) > 0;
}

static void fail_cut(const char *what, const char *name)
{
	snprintf(power.failed, sizeof(power.failed), "cut %u, in an op of kind %d: %s %s",
		 power.cuts, live_test.doing, what, name);
}

static void check_snapshots(struct store *s)
{
	struct snap_live *live = snap_live_of(s);
	auto_free struct snap_live_info *list = NULL;
	size_t count;

	if (snap_live_list(live, &list, &count, NULL))
		fail_cut("no list", "");
	for (size_t i = 0; i < count && !power.failed[0]; i++) {
		const char *name = list[i].name;
		struct store *view;

		live_test.stale_snapshots += list[i].stale;
		if (list[i].stale)
			continue;
		if (snap_live_view(live, name, &view, NULL)) {
			fail_cut("no view of", name);
			continue;
		}
		if (!is_one_of(view, version_of(live_test.before, name),
			       version_of(live_test.after, name)))
			fail_cut("another content of", name);
		live_test.whole_snapshots++;
		store_close(view);
	}
}

static void check_live(const char *dir)
{
	auto_free char *image = test_path(dir, "image");
	auto_free char *snap_dir = test_path(dir, "image.snap");
	bool rolling_back = is_rolling_back(snap_dir);
	struct err err = {""};
	struct store *s;

	if (live_open_at(image, &s, &err)) {
		fail_cut("the image does not open:", err.text);
	} else {
		if (rolling_back && *differs(s, &live_test.after->now))
			fail_cut("half of a rollback", differs(s, &live_test.after->now));
		/* From when the first byte of it may be on the disk. */
		if (live_test.begun && !is_one_of(s, &live_test.before->now, &live_test.after->now))
			fail_cut("a rollback that nobody knows of:",
				 differs(s, &live_test.before->now));
		live_test.finished += rolling_back;
		check_snapshots(s);
		store_close(s);
	}
}

static void before_call(void)
{
	live_test.begun |= live_test.doing == ROLLBACK && is_rolling_back(live_test.snap_dir);
	power.one_in = live_test.doing == ROLLBACK ? 2 : 10;
}

static void every_snapshot_is_whole_after_a_power_cut(void **state)
{
	struct model *before = calloc(1, sizeof(*before)), *after = calloc(1, sizeof(*after));
	struct rng rng = rng_start("power");
	unsigned rounds = test_rounds(150);
	auto_free char *path = NULL;
	struct store *s;

	(void)state;
	live_test.dir = test_dir_make();
	live_test.snap_dir = test_path(live_test.dir, "image.snap");
	live_test.before = before;
	live_test.after = after;
	path = test_path(live_test.dir, "image");
	close(power_open_raw(path, O_CREAT | O_RDWR));
	assert_ok(live_open_at(path, &s, NULL));
	power = (struct power){
		.rng = rng_start("cuts"), .before_call = before_call, .check = check_live};
	power_begin(live_test.dir);
	for (unsigned i = 0; i < rounds && !power.failed[0]; i++) {
		struct op op = choose(&rng, before);
		struct err err = {""};

		model_apply(after, &op);
		live_test.doing = op.what;
		live_test.begun = false;
		power.watching = true;
		assert_ok_err(live_apply(&s, path, &op, &err), &err);
		power.watching = false;
		model_apply(before, &op);
	}
	store_close(s);
	if (power.failed[0])
		fail_msg("%s", power.failed);
	print_message("%u cuts, %u whole snapshots, %u stale, %u rollbacks finished\n", power.cuts,
		      live_test.whole_snapshots, live_test.stale_snapshots, live_test.finished);
	assert_true(live_test.whole_snapshots > 0 && live_test.finished > 0);
	assert_int_equal(live_test.stale_snapshots, 0);
	power_end();
	free(live_test.snap_dir);
	test_dir_remove(live_test.dir);
	free(before);
	free(after);
}

/* ---- a commit ---- */

enum { IMAGE_LEN = 12 * CLUSTER, JOURNAL_LEN = 5000 };

static struct {
	uint8_t want[IMAGE_LEN], journal[JOURNAL_LEN];
	unsigned made_again;
} commit_test;

static int open_base(const char *path, struct store **out, struct err *err)
{
	return live_open_at(path, out, err);
}

static bool has_journal(struct store *base)
{
	auto_scratch_files struct scratch_files *scratch = NULL;
	const struct side_file *file;
	uint8_t bytes[JOURNAL_LEN];

	if (scratch_files_open(snap_live_of(base)->bond, &scratch, NULL))
		return false;
	file = side_files_find(scratch_files_list(scratch), "3-journal");
	return file && file->len == JOURNAL_LEN &&
	       file->read(file->ctx, bytes, JOURNAL_LEN, 0, NULL) == 0 &&
	       memcmp(bytes, commit_test.journal, JOURNAL_LEN) == 0;
}

static const char *look_at_base(const char *image)
{
	static uint8_t bytes[IMAGE_LEN];
	const char *wrong = NULL;
	struct store *s;

	if (live_open_at(image, &s, NULL))
		return "the base does not open";
	if (s->len != IMAGE_LEN || store_read(s, bytes, IMAGE_LEN, 0, NULL) != 0 ||
	    memcmp(bytes, commit_test.want, IMAGE_LEN) != 0)
		wrong = "the base is not what was committed";
	else if (!has_journal(s))
		wrong = "the base lacks the overlay's scratch file";
	store_close(s);
	return wrong;
}

/* The commit is made again where the overlay is still there. Copies have other inodes. */
static void check_commit(const char *dir)
{
	auto_free char *image = test_path(dir, "image");
	auto_free char *overlay = test_path(dir, "overlay");
	auto_free char *aside = NULL;
	struct err err = {""};
	const char *wrong;

	if (access(overlay, F_OK) == 0) {
		commit_test.made_again++;
		if (snap_overlay_commit(overlay, SNAP_TRUST_BACKING, open_base, &aside, &err)) {
			snprintf(power.failed, sizeof(power.failed),
				 "cut %u: the commit cannot be made again: %s", power.cuts,
				 err.text);
			return;
		}
	}
	wrong = look_at_base(image);
	if (wrong)
		snprintf(power.failed, sizeof(power.failed), "cut %u: %s", power.cuts, wrong);
}

static void write_clusters(struct store *s, struct rng *rng, unsigned one_in)
{
	for (uint64_t off = CLUSTER; off < IMAGE_LEN; off += CLUSTER) {
		static uint8_t bytes[CLUSTER];

		rng_fill(rng, bytes, sizeof(bytes));
		if (rng_one_in(rng, one_in))
			assert_ok(store_write(s, bytes, CLUSTER, off, 0, NULL));
	}
}

static void make_journal(struct bond *bond, struct rng *rng)
{
	int fd;

	rng_fill(rng, commit_test.journal, JOURNAL_LEN);
	assert_ok(bond_attach(bond, SIDE_SCRATCH, NULL));
	fd = openat(bond_dir_fd(bond, SIDE_SCRATCH), "3-journal", O_RDWR | O_CREAT, 0644);
	assert_ok(pwrite_all(fd, commit_test.journal, JOURNAL_LEN, 0));
	close(fd);
}

static void make_overlay(const char *overlay, const char *image, struct rng *rng)
{
	const struct bond_place place = {.file = overlay, .beside = overlay};
	struct store *s;

	assert_ok(snap_overlay_open(overlay, image, SNAP_WRITABLE, &s, NULL));
	assert_ok(snap_overlay_set_has_sides(s, NULL));
	assert_ok(bond_open(s, &place, &s, NULL));
	make_journal(bond_of(s), rng);
	write_clusters(s, rng, 2);
	assert_ok(store_read(s, commit_test.want, IMAGE_LEN, 0, NULL));
	store_close(s);
}

static void make_base(const char *image, struct rng *rng)
{
	struct store *s;

	close(power_open_raw(image, O_CREAT | O_RDWR));
	assert_ok(live_open_at(image, &s, NULL));
	assert_ok(store_resize(s, IMAGE_LEN, NULL));
	write_clusters(s, rng, 2);
	if (rng_one_in(rng, 2))
		assert_ok(snap_live_create(snap_live_of(s), "s", NULL));
	if (rng_one_in(rng, 2))
		make_journal(snap_live_of(s)->bond, rng);
	store_close(s);
}

static void a_commit_is_whole_after_a_power_cut(void **state)
{
	struct rng rng = rng_start("commit");
	unsigned rounds = test_rounds(6), cuts = 0;

	(void)state;
	for (unsigned i = 0; i < rounds && !power.failed[0]; i++) {
		char *dir = test_dir_make();
		auto_free char *image = test_path(dir, "image");
		auto_free char *overlay = test_path(dir, "overlay");
		auto_free char *aside = NULL;
		struct err err = {""};

		make_base(image, &rng);
		make_overlay(overlay, image, &rng);
		power = (struct power){
			.rng = rng_start("cuts"), .one_in = 3, .check = check_commit};
		power_begin(dir);
		power.watching = true;
		assert_ok_err(snap_overlay_commit(overlay, 0, open_base, &aside, &err), &err);
		power.watching = false;
		assert_null(look_at_base(image));
		cuts += power.cuts;
		power_end();
		test_dir_remove(dir);
	}
	if (power.failed[0])
		fail_msg("%s", power.failed);
	print_message("%u cuts, %u commits made again\n", cuts, commit_test.made_again);
	assert_true(commit_test.made_again > 0 && cuts > commit_test.made_again);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_snapshot_is_whole_after_a_power_cut),
		cmocka_unit_test(a_commit_is_whole_after_a_power_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
