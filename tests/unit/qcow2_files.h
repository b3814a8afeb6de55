/* SPDX-License-Identifier: MIT */
/* qcow2 files in memory, for the tests of snapshot/. */
#ifndef CANISTERFS_TESTS_QCOW2_FILES_H
#define CANISTERFS_TESTS_QCOW2_FILES_H

#include "snapshot/qcow2/qcow2.h"
#include "snapshot/snapshot.h"
#include "tests/unit/stores.h"

/* What snap_create makes, as a memory store. */
struct store *qcow2_new_file(uint64_t len, bool has_backing);

/* The system has been booted since whoever had this file open wrote to it. */
void qcow2_set_other_boot(struct store *file);

/* Opens a checkpoint for reading; the test fails where that fails. */
struct store *open_path(const char *path);

/* A snap_watch that lets *(unsigned *)ctx steps pass, and then ends the work. */
int give_up(void *ctx, uint64_t done_len, uint64_t total_len);

/* Every count of the file says how often its cluster is used; or that, or more. */
void assert_counts_exact(struct store *s);
void assert_counts_cover(struct store *s);

#endif
