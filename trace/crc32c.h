/* CRC-32C (Castagnoli), the checksum of headers and blocks. */
#ifndef SLABREC_TRACE_CRC32C_H
#define SLABREC_TRACE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Checksum of the bytes, continuing from crc (0 to begin). crc32c(0, "123456789", 9) is 0xe3069283. */
uint32_t crc32c(uint32_t crc, const void *bytes, size_t size_bytes);

/* The same on processors that have no instruction for it. */
uint32_t crc32c_by_table(uint32_t crc, const void *bytes, size_t size_bytes);

#endif
