/* SPDX-License-Identifier: MIT */
/*
 * What verbs that fail inside a trial leave for `run` to tell: a script may not look at their exit
 * codes.
 */
#ifndef CANISTERFS_REFUSED_H
#define CANISTERFS_REFUSED_H

#include "tools/cmd/cmd.h"

/* From now on, in this process and those that it starts, refused_note writes to a file in `dir`. */
int MUST_CHECK refused_watch(const char *dir, struct err *err);
/* Notes a verb's command line, where it was to change something and has failed. Does nothing
 * outside a trial. */
void refused_note(const struct verb *v, int exit_code, int argc, char **argv);
/* The lines so far, ended by NULL; *out is NULL where there is none. */
int MUST_CHECK refused_read(const char *dir, char ***out, struct err *err);
/* Accepts NULL. */
void refused_free(char **lines);

#endif
