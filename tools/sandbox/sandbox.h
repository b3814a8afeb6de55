/* SPDX-License-Identifier: MIT */
/*
 * Gives up what a verb that only reads does not need, for whoever runs canisterfs on strangers'
 * files: should a file make canisterfs do something else, the kernel refuses.
 *
 *     from the beginning     writing, making, renaming, removing or running any file; the network;
 *                            other processes; new privileges
 *     when all inputs are    opening any file at all
 *     open
 *
 * Landlock does it where the kernel has it, and seccomp in any case.
 */
#ifndef CANISTERFS_SANDBOX_H
#define CANISTERFS_SANDBOX_H

#include "memmgr/util.h"

/* -ENOTSUP: this kernel, or this build, has no seccomp. There is no way back. */
int MUST_CHECK sandbox_begin(struct err *err);
/* Does nothing where there is no sandbox. -EPERM: the kernel refuses. */
int MUST_CHECK sandbox_inputs_open(struct err *err);

#endif
