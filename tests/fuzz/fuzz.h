/* SPDX-License-Identifier: MIT */
/* What a fuzzer calls: libFuzzer's name, so that it and replay.c both can. */
#ifndef CANISTERFS_TESTS_FUZZ_H
#define CANISTERFS_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
