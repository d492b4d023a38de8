/* Knows struct orc_entry: int16_t sp_offset, int16_t bp_offset, then sp_reg in 4 bits, bp_reg in 4, and the type in 2 or 3. */
#include "sampler/orc_table.h"

#include <stddef.h>

#define ENTRY_BYTES 6

/* The numbers of types and registers. The third bit of a type was something else before 6.4, and is 0 for what counts here. */
struct orc_dialect {
	uint32_t call, regs; /* types */
	uint32_t sp, bp, bp_indirect;
	uint32_t bp_by_end, bp_by_bp; /* 0: it is the same */
};

static const struct orc_dialect dialects[] = {
	{.call = 0, .regs = 1, .sp = 5, .bp = 4, .bp_indirect = 8, .bp_by_end = 1, .bp_by_bp = 4},
	{.call = 2, .regs = 3, .sp = 5, .bp = 4, .bp_indirect = 8, .bp_by_end = 1, .bp_by_bp = 4}, /* 6.4 */
	{.call = 2, .regs = 3, .sp = 3, .bp = 4, .bp_indirect = 12, .bp_by_end = 8, .bp_by_bp = 12}, /* 7.x, as 7.2 has it */
};

bool orc_table_find(struct orc_table *table, const struct kallsyms *symbols, orc_table_peek *peek, void *context)
{
	*table = (struct orc_table){
		.ips = kallsyms_variable(symbols, "__start_orc_unwind_ip"),
		.ips_end = kallsyms_variable(symbols, "__stop_orc_unwind_ip"),
		.entries = kallsyms_variable(symbols, "__start_orc_unwind"),
		.peek = peek,
		.context = context,
	};
	return table->ips && table->entries && table->ips_end > table->ips;
}

static uint64_t text_address(const struct orc_table *table, uint64_t place)
{
	uint64_t at = table->ips + place * sizeof(int32_t);

	return at + (uint64_t)(int64_t)(int32_t)table->peek(table->context, at);
}

/* The entry that holds for the instruction, 6 bytes; 0: none. */
static uint64_t find_entry(const struct orc_table *table, uint64_t address)
{
	uint64_t low = 0, high = (table->ips_end - table->ips) / sizeof(int32_t);

	if (!high || address < text_address(table, 0) || address > text_address(table, high - 1))
		return 0;
	/* The last that is not above the address. */
	while (high - low > 1) {
		uint64_t middle = low + (high - low) / 2;

		if (text_address(table, middle) <= address)
			low = middle;
		else
			high = middle;
	}
	return table->peek(table->context, table->entries + low * ENTRY_BYTES) & 0xffffffffffff;
}

static uint32_t type_of(uint64_t entry)
{
	return entry >> 40 & 7;
}

static uint32_t sp_reg_of(uint64_t entry)
{
	return entry >> 32 & 15;
}

static uint32_t bp_reg_of(uint64_t entry)
{
	return entry >> 36 & 15;
}

bool orc_table_calibrate(struct orc_table *table, uint64_t return_address)
{
	uint64_t entry = find_entry(table, return_address - 1);

	for (size_t i = 0; !table->dialect && i < sizeof(dialects) / sizeof(dialects[0]); i++)
		if (entry && type_of(entry) == dialects[i].call && sp_reg_of(entry) == dialects[i].sp)
			table->dialect = &dialects[i];
	return table->dialect;
}

static enum orc_base base_of(const struct orc_dialect *dialect, uint64_t entry)
{
	uint32_t type = type_of(entry), sp_reg = sp_reg_of(entry);

	if (type == dialect->regs && sp_reg == dialect->sp)
		return ORC_REGS;
	if (type != dialect->call)
		return ORC_UNKNOWN;
	return sp_reg == dialect->sp	      ? ORC_BY_SP :
	       sp_reg == dialect->bp	      ? ORC_BY_BP :
	       sp_reg == dialect->bp_indirect ? ORC_BY_BP_INDIRECT :
						ORC_UNKNOWN;
}

struct orc_step orc_table_step(const struct orc_table *table, uint64_t return_address)
{
	const struct orc_dialect *dialect = table->dialect;
	uint64_t entry = dialect ? find_entry(table, return_address - 1) : 0;
	struct orc_step step = {.offset_bytes = (int16_t)entry, .bp_offset_bytes = (int16_t)(entry >> 16)};
	uint32_t bp_reg = bp_reg_of(entry);

	if (!entry || (bp_reg && bp_reg != dialect->bp_by_end && bp_reg != dialect->bp_by_bp))
		return step;
	step.base = base_of(dialect, entry);
	step.bp = !bp_reg ? ORC_BP_SAME : bp_reg == dialect->bp_by_end ? ORC_BP_BY_END : ORC_BP_BY_BP;
	return step;
}
