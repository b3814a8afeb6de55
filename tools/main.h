/* SPDX-License-Identifier: MIT */
/*
 * What the program does with its verbs before one of them runs.
 */
#ifndef CANISTERFS_MAIN_H
#define CANISTERFS_MAIN_H

#include "tools/cmd/cmd.h"

/* verbs.c: the verb of this name, or NULL; and the n-th one, NULL behind the last. */
const struct verb *verb_named(const char *name);
const struct verb *verb_at(size_t n);
/* What a verb's group is called in the overview. */
const char *verb_heading(const struct verb *v);

/* help.c: --help, on `to`. */
void help_overview(FILE *to);
void help_verb(const struct verb *v, FILE *to);

/* complete.c: prints what may stand at the last of these words (argv[0] is the first one behind
 * `canisterfs`), one candidate a line, with `describe` a tab and its meaning behind it; a line
 * ":file" or
 * ":dir" asks the shell for names. */
void complete(int argc, char **argv, bool describe);

#endif
