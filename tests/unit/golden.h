/* SPDX-License-Identifier: MIT */
/* The images of tests/data, which the real library wrote, and their manifests. */
#ifndef CANISTERFS_TESTS_GOLDEN_H
#define CANISTERFS_TESTS_GOLDEN_H

#include <jansson.h>

#include "memmgr/store.h"

/* The unpacked image, in memory; NAME.img.gz. */
struct store *golden_image(const char *name);
/* NAME.json, to be given back with json_decref. */
json_t *golden_manifest(const char *name);
/* All names there are, in order, ending with NULL; freed with golden_names_free. */
char **golden_names(void);
void golden_names_free(char **names);

#endif
