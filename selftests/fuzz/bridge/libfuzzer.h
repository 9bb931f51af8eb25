/* SPDX-License-Identifier: GPL-2.0-only */
/* Functions that libFuzzer calls, and its mutation function. */
#ifndef FUZZ_BRIDGE_LIBFUZZER_H
#define FUZZ_BRIDGE_LIBFUZZER_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size,
			       unsigned int seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_size,
				 const uint8_t *b, size_t b_size, uint8_t *out,
				 size_t max_size, unsigned int seed);

#endif /* FUZZ_BRIDGE_LIBFUZZER_H */
