/*
 * Knows libunwind's remote interface. Each step is one call of its own: the address of the code is given as one in a space where each file
 * has its place whatever process maps it where, so that what libunwind remembers of an address serves all of them.
 */
#include "sampler/user_unwind.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sampler/elf_image.h"
#include "trace/u64_map.h"
#include "sampler/unwind_table.h"

#if defined(__x86_64__)
#include <libunwind-x86_64.h>

/* libunwind's, as a debugger uses it; its header does not have it. */
extern int _Ux86_64_dwarf_search_unwind_table(unw_addr_space_t space, unw_word_t ip, unw_dyn_info_t *table, unw_proc_info_t *found,
					      int with_unwind_info, void *context);

/* Addresses in files: this bit, the number of the file, the address. Addresses of tasks are below. */
#define IN_FILE (1ull << 62)
#define FILE_SHIFT 34
#define ADDRESS_MASK ((1ull << FILE_SHIFT) - 1)
#define FILE_NUMBERS_MAX (1u << 27)
/* What libunwind remembers of addresses: so many. */
#define REMEMBERED 4096
/* Of files: more is forgotten altogether and read again. */
#define KEPT_BYTES_MAX (64u << 20)
#define KEPT_FILES_MAX 1024u
#define CONTEXT_REGS_AT 40
/* Of files, for one chain: bounds what their programs for finding a frame may take, which need not end. */
#define READS_MAX 65536u

struct unwound_file {
	struct elf_image *image; /* NULL: it cannot be read */
	struct unwind_table table;
	bool has_table;
};

/* What is known of a register of the frame. */
struct frame_reg {
	enum { REG_UNKNOWN, REG_VALUE, REG_ON_STACK } where;
	bool is_first; /* still as the sample brought it */
	uint64_t value; /* or its address */
};

struct user_unwind {
	const struct process_table *processes;
	struct user_file_table *files;
	unw_addr_space_t space;
	struct u64_map numbers; /* serial of a user_file -> place in known + 1 */
	struct unwound_file *known; /* owned; by number - first_number */
	size_t known_count;
	size_t known_capacity;
	uint32_t first_number; /* libunwind may remember those before */
	/* The frame that is left. */
	const struct user_unwind_copy *copy;
	struct frame_reg regs[UNW_TDEP_LAST_REG + 1];
	uint64_t code; /* its address, in files */
	bool has_no_info;
	bool has_left_copy;
	uint32_t reads; /* of files */
	struct user_unwind_trail trail;
	uint64_t chain[USER_UNWIND_FRAMES_MAX];
};

/* ---- what libunwind asks for ---- */

static uint64_t stack_pointer(const struct user_unwind *unwind)
{
	return unwind->copy->regs[USER_REG_SP];
}

static void note_word(struct user_unwind *unwind, uint64_t at, uint64_t word)
{
	struct user_unwind_trail *trail = &unwind->trail;

	for (size_t i = 0; i < trail->count; i++)
		if (trail->offsets[i] == at / sizeof(word) && !(at % sizeof(word)))
			return;
	trail->is_whole = trail->is_whole && trail->count < USER_UNWIND_TRAIL_MAX && !(at % sizeof(word)) && at / sizeof(word) <= UINT16_MAX;
	if (!trail->is_whole)
		return;
	trail->offsets[trail->count] = (uint16_t)(at / sizeof(word));
	trail->words[trail->count++] = word;
}

static void note_reg(struct user_unwind *unwind, int number)
{
	struct user_unwind_trail *trail = &unwind->trail;

	if (!unwind->regs[number].is_first || number == UNW_X86_64_RSP)
		return;
	if (number == UNW_X86_64_RBP)
		trail->has_bp = true;
	else
		trail->is_whole = false;
}

/* 8 bytes of the task's memory, as far as it was copied. */
static bool read_stack(struct user_unwind *unwind, uint64_t address, uint64_t *word)
{
	const struct user_unwind_copy *copy = unwind->copy;
	uint64_t at = address - stack_pointer(unwind);

	if (address >= stack_pointer(unwind) && at < copy->stack_bytes && copy->stack_bytes - at >= sizeof(*word)) {
		memcpy(word, copy->stack + at, sizeof(*word));
		note_word(unwind, at, *word);
		return true;
	}
	unwind->has_left_copy |= address >= stack_pointer(unwind) && copy->is_full;
	return false;
}

static struct unwound_file *file_at(const struct user_unwind *unwind, uint64_t address)
{
	uint64_t number = (address & ~IN_FILE) >> FILE_SHIFT;
	uint64_t place = number - unwind->first_number;

	return number >= unwind->first_number && place < unwind->known_count && unwind->known[place].image ? &unwind->known[place] :
													     NULL;
}

static int access_mem(unw_addr_space_t space, unw_word_t address, unw_word_t *word, int write, void *context)
{
	struct user_unwind *unwind = context;
	struct unwound_file *file = address & IN_FILE ? file_at(unwind, address) : NULL;

	(void)space;
	if (write)
		return -UNW_EINVAL;
	if (address & IN_FILE)
		return file && ++unwind->reads < READS_MAX && unwind_table_read(&file->table, file->image, address & ADDRESS_MASK, word, sizeof(*word)) ? 0 : -UNW_EINVAL;
	return read_stack(unwind, address, word) ? 0 : -UNW_EINVAL;
}

static int access_reg(unw_addr_space_t space, unw_regnum_t number, unw_word_t *value, int write, void *context)
{
	struct user_unwind *unwind = context;

	(void)space;
	if (write)
		return -UNW_EREADONLYREG;
	if (number == UNW_X86_64_RIP) {
		*value = unwind->code;
		return 0;
	}
	if (number < 0 || number > UNW_TDEP_LAST_REG || unwind->regs[number].where == REG_UNKNOWN)
		return -UNW_EBADREG;
	if (unwind->regs[number].where == REG_ON_STACK)
		return read_stack(unwind, unwind->regs[number].value, value) ? 0 : -UNW_EINVAL;
	note_reg(unwind, number);
	*value = unwind->regs[number].value;
	return 0;
}

static int find_proc_info(unw_addr_space_t space, unw_word_t ip, unw_proc_info_t *info, int with_unwind_info, void *context)
{
	struct user_unwind *unwind = context;
	struct unwound_file *file = ip & IN_FILE ? file_at(unwind, ip) : NULL;
	uint64_t base = ip & ~ADDRESS_MASK;

	if (!file || !file->has_table) {
		unwind->has_no_info = true;
		return -UNW_ENOINFO;
	}
	struct elf_image_range code = elf_image_code(file->image);
	unw_dyn_info_t table = {.start_ip = base + code.address,
				.end_ip = base + code.address + code.size_bytes,
				.format = UNW_INFO_FORMAT_REMOTE_TABLE};
	table.u.rti.segbase = base + file->table.base;
	table.u.rti.table_data = base + file->table.address;
	table.u.rti.table_len = file->table.count;
	int ret = _Ux86_64_dwarf_search_unwind_table(space, ip, &table, info, with_unwind_info, context);
	unwind->has_no_info = ret < 0;
	return ret;
}

static void put_unwind_info(unw_addr_space_t space, unw_proc_info_t *info, void *context)
{
	(void)space;
	(void)info;
	(void)context;
}

static int no_dynamic_info(unw_addr_space_t space, unw_word_t *list, void *context)
{
	(void)space;
	(void)list;
	(void)context;
	return -UNW_ENOINFO;
}

static int no_float(unw_addr_space_t space, unw_regnum_t number, unw_fpreg_t *value, int write, void *context)
{
	(void)space;
	(void)number;
	(void)value;
	(void)write;
	(void)context;
	return -UNW_EBADREG;
}

static int no_resume(unw_addr_space_t space, unw_cursor_t *cursor, void *context)
{
	(void)space;
	(void)cursor;
	(void)context;
	return -UNW_EINVAL;
}

static int no_name(unw_addr_space_t space, unw_word_t address, char *name, size_t size_bytes, unw_word_t *offset, void *context)
{
	(void)space;
	(void)address;
	(void)name;
	(void)size_bytes;
	(void)offset;
	(void)context;
	return -UNW_ENOINFO;
}

static unw_accessors_t accessors = {
	.find_proc_info = find_proc_info,
	.put_unwind_info = put_unwind_info,
	.get_dyn_info_list_addr = no_dynamic_info,
	.access_mem = access_mem,
	.access_reg = access_reg,
	.access_fpreg = no_float,
	.resume = no_resume,
	.get_proc_name = no_name,
};

/* ---- files ---- */

static void forget_files(struct user_unwind *unwind)
{
	for (size_t i = 0; i < unwind->known_count; i++) {
		elf_image_free(unwind->known[i].image);
		unwind_table_release(&unwind->known[i].table);
	}
	unwind->first_number += (uint32_t)unwind->known_count;
	unwind->known_count = 0;
	u64_map_clear(&unwind->numbers);
	if (unwind->first_number > FILE_NUMBERS_MAX)
		unwind->first_number = 1;
	unw_flush_cache(unwind->space, 0, 0);
}

static void keep_small(struct user_unwind *unwind)
{
	size_t kept_bytes = 0;

	for (size_t i = 0; i < unwind->known_count; i++)
		kept_bytes += unwind->known[i].image ? elf_image_kept_bytes(unwind->known[i].image) +
							       unwind_table_made_bytes(&unwind->known[i].table) :
						       0;
	if (kept_bytes > KEPT_BYTES_MAX || unwind->known_count >= KEPT_FILES_MAX)
		forget_files(unwind);
}

static struct elf_image *open_image(const struct user_unwind *unwind, uint32_t file)
{
	struct elf_image *image = NULL;
	int fd = user_file_fd(unwind->files, file);

	if (user_file_is_vdso(unwind->files, file))
		return elf_image_new_vdso(&image) ? NULL : image;
	return fd < 0 || elf_image_new(&image, fd) ? NULL : image;
}

/* Place in known, which is made where it is new; -1: without memory. */
static int64_t known_place(struct user_unwind *unwind, uint32_t file)
{
	uint64_t serial = user_file_serial(unwind->files, file);
	const uint64_t *found = u64_map_find(&unwind->numbers, serial);

	if (found)
		return (int64_t)*found - 1;
	if (unwind->known_count == unwind->known_capacity) {
		size_t capacity = unwind->known_capacity ? 2 * unwind->known_capacity : 64;
		struct unwound_file *known = reallocarray(unwind->known, capacity, sizeof(*known));

		if (!known)
			return -1;
		unwind->known = known;
		unwind->known_capacity = capacity;
	}
	uint64_t *place = u64_map_put(&unwind->numbers, serial);
	if (!place)
		return -1;
	struct unwound_file *added = &unwind->known[unwind->known_count];
	*added = (struct unwound_file){.image = open_image(unwind, file)};
	added->has_table = added->image && unwind_table_open(&added->table, added->image);
	*place = ++unwind->known_count;
	return (int64_t)*place - 1;
}

/* The address in files of the process's code; 0: it is in none that can be read. */
static uint64_t code_address(struct user_unwind *unwind, int32_t pid, uint64_t address, bool *is_known)
{
	struct user_place place = process_table_place(unwind->processes, pid, address);
	uint64_t in_file;

	*is_known = place.file;
	int64_t known = place.file ? known_place(unwind, place.file) : -1;
	if (known < 0 || !unwind->known[known].image ||
	    !elf_image_code_address(unwind->known[known].image, place.offset_bytes, &in_file) || in_file > ADDRESS_MASK)
		return 0;
	return IN_FILE | (unwind->first_number + (uint64_t)known) << FILE_SHIFT | in_file;
}

/* ---- frames ---- */

struct frame {
	uint64_t ip;
	bool is_exact; /* ip is of an instruction that was interrupted, or the innermost; else a return address */
};

static uint64_t reg_value(struct user_unwind *unwind, int number, bool *is_known)
{
	unw_word_t value = 0;

	*is_known = !access_reg(unwind->space, number, &value, 0, unwind);
	return value;
}

static void set_reg(struct user_unwind *unwind, int number, uint64_t value)
{
	unwind->regs[number] = (struct frame_reg){.where = REG_VALUE, .value = value};
}

/* The code that a signal's handler returns to: rt_sigreturn(). */
static bool is_signal_return(struct user_unwind *unwind, uint64_t code)
{
	static const uint8_t by_rax[] = {0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05};
	static const uint8_t by_eax[] = {0xb8, 0x0f, 0, 0, 0, 0x0f, 0x05};
	struct unwound_file *file = code ? file_at(unwind, code) : NULL;
	uint8_t bytes[sizeof(by_rax)];

	return file && elf_image_read(file->image, code & ADDRESS_MASK, bytes, sizeof(bytes)) &&
	       (!memcmp(bytes, by_rax, sizeof(by_rax)) || !memcmp(bytes, by_eax, sizeof(by_eax)));
}

/* All registers of what a signal interrupted are where the stack pointer is. */
static bool leave_signal(struct user_unwind *unwind, struct frame *frame)
{
	static const uint8_t order[] = {UNW_X86_64_R8,	UNW_X86_64_R9,	UNW_X86_64_R10, UNW_X86_64_R11, UNW_X86_64_R12, UNW_X86_64_R13,
					UNW_X86_64_R14, UNW_X86_64_R15, UNW_X86_64_RDI, UNW_X86_64_RSI, UNW_X86_64_RBP, UNW_X86_64_RBX,
					UNW_X86_64_RDX, UNW_X86_64_RAX, UNW_X86_64_RCX, UNW_X86_64_RSP};
	uint64_t at = unwind->regs[UNW_X86_64_RSP].value + CONTEXT_REGS_AT;

	uint64_t sp;

	for (size_t i = 0; i < sizeof(order); i++, at += sizeof(uint64_t))
		unwind->regs[order[i]] = (struct frame_reg){.where = REG_ON_STACK, .value = at};
	frame->is_exact = true;
	if (!read_stack(unwind, at - sizeof(sp), &sp) || !read_stack(unwind, at, &frame->ip))
		return false;
	set_reg(unwind, UNW_X86_64_RSP, sp);
	return true;
}

/* Of code that nothing describes. */
static bool leave_by_frame_pointer(struct user_unwind *unwind, struct frame *frame)
{
	bool is_known;
	uint64_t bp = reg_value(unwind, UNW_X86_64_RBP, &is_known), next_bp;

	if (!is_known || bp < unwind->regs[UNW_X86_64_RSP].value || bp % 8 || !read_stack(unwind, bp + 8, &frame->ip) ||
	    !read_stack(unwind, bp, &next_bp))
		return false;
	set_reg(unwind, UNW_X86_64_RBP, next_bp);
	set_reg(unwind, UNW_X86_64_RSP, bp + 16);
	frame->is_exact = false;
	return true;
}

/* Programs and threads begin in code that nothing describes where it is written in assembly, as musl's, and clear the frame pointer. */
static bool is_start(struct user_unwind *unwind, uint64_t code)
{
	const struct unwound_file *file = code ? file_at(unwind, code) : NULL;
	bool is_known;

	return file && file->has_table && !reg_value(unwind, UNW_X86_64_RBP, &is_known) && is_known;
}

/* Takes over where the step says that the caller's registers are. Those that calls do not keep are not known any more. */
static void take_registers(struct user_unwind *unwind, unw_cursor_t *cursor, uint64_t sp)
{
	static const uint8_t kept[] = {UNW_X86_64_RBX, UNW_X86_64_RBP, UNW_X86_64_R12, UNW_X86_64_R13, UNW_X86_64_R14, UNW_X86_64_R15};
	struct frame_reg regs[UNW_TDEP_LAST_REG + 1] = {0};

	for (size_t i = 0; i < sizeof(kept); i++) {
		unw_save_loc_t location;

		if (unw_get_save_loc(cursor, kept[i], &location))
			continue;
		if (location.type == UNW_SLT_MEMORY)
			regs[kept[i]] = (struct frame_reg){.where = REG_ON_STACK, .value = location.u.addr};
		else if (location.type == UNW_SLT_REG)
			regs[kept[i]] = unwind->regs[location.u.regnum];
	}
	memcpy(unwind->regs, regs, sizeof(regs));
	set_reg(unwind, UNW_X86_64_RSP, sp);
}

enum step {
	STEP_DONE,
	STEP_OUTERMOST,
	STEP_UNDESCRIBED,
	STEP_FAILED,
};

static enum step leave_by_table(struct user_unwind *unwind, struct frame *frame)
{
	unw_cursor_t cursor;
	unw_word_t ip, sp;

	unwind->has_no_info = false;
	if (unw_init_remote(&cursor, unwind->space, unwind))
		return STEP_FAILED;
	int ret = unw_step(&cursor);
	/* It guesses then, and so can we. */
	if (unwind->has_no_info)
		return STEP_UNDESCRIBED;
	if (ret <= 0)
		return ret ? STEP_FAILED : STEP_OUTERMOST;
	if (unw_get_reg(&cursor, UNW_X86_64_RIP, &ip) || unw_get_reg(&cursor, UNW_X86_64_RSP, &sp))
		return STEP_FAILED;
	/* Each caller's frame is above. */
	if (sp <= unwind->regs[UNW_X86_64_RSP].value)
		return STEP_FAILED;
	take_registers(unwind, &cursor, sp);
	*frame = (struct frame){.ip = ip};
	return STEP_DONE;
}

/* code: of the frame, 0 in no file. */
static enum step leave(struct user_unwind *unwind, uint64_t code, struct frame *frame)
{
	enum step step = STEP_UNDESCRIBED;

	unwind->code = code - !frame->is_exact;
	if (code && is_signal_return(unwind, code))
		return leave_signal(unwind, frame) ? STEP_DONE : STEP_FAILED;
	if (code)
		step = leave_by_table(unwind, frame);
	if (step != STEP_UNDESCRIBED)
		return step;
	unwind->has_left_copy = false;
	if (is_start(unwind, code))
		return STEP_OUTERMOST;
	return leave_by_frame_pointer(unwind, frame) ? STEP_DONE : STEP_FAILED;
}

static void begin(struct user_unwind *unwind, const struct user_unwind_copy *copy)
{
	static const uint8_t numbers[USER_REG_COUNT] = {
		[USER_REG_AX] = UNW_X86_64_RAX, [USER_REG_BX] = UNW_X86_64_RBX, [USER_REG_CX] = UNW_X86_64_RCX,
		[USER_REG_DX] = UNW_X86_64_RDX, [USER_REG_SI] = UNW_X86_64_RSI, [USER_REG_DI] = UNW_X86_64_RDI,
		[USER_REG_BP] = UNW_X86_64_RBP, [USER_REG_SP] = UNW_X86_64_RSP, [USER_REG_IP] = UNW_X86_64_RIP};

	unwind->copy = copy;
	unwind->has_left_copy = false;
	unwind->reads = 0;
	memset(unwind->regs, 0, sizeof(unwind->regs));
	for (int i = 0; i < USER_REG_COUNT; i++) {
		int number = i < USER_REG_R8 ? numbers[i] : UNW_X86_64_R8 + i - USER_REG_R8;

		set_reg(unwind, number, copy->regs[i]);
		unwind->regs[number].is_first = true;
	}
	unwind->trail.is_whole = true;
	unwind->trail.has_bp = false;
	unwind->trail.bp = copy->regs[USER_REG_BP];
	unwind->trail.count = 0;
}

size_t user_unwind_run(struct user_unwind *unwind, int32_t pid, const struct user_unwind_copy *copy, const uint64_t **chain,
		       enum user_unwind_end *end)
{
	struct frame frame = {.ip = copy->regs[USER_REG_IP], .is_exact = true};
	enum step step = STEP_DONE;
	size_t count = 0;

	keep_small(unwind);
	begin(unwind, copy);
	*chain = unwind->chain;
	while (step == STEP_DONE && count < USER_UNWIND_FRAMES_MAX) {
		bool is_known;
		/* A call may be the last instruction of its function. */
		uint64_t code = code_address(unwind, pid, frame.ip - !frame.is_exact, &is_known);

		/* What is no code is no frame. */
		if (count && !is_known)
			break;
		unwind->chain[count] = frame.ip + (count && frame.is_exact);
		count++;
		step = leave(unwind, code ? code + !frame.is_exact : 0, &frame);
	}
	*end = step == STEP_OUTERMOST ? USER_UNWIND_WHOLE :
	       step == STEP_DONE && count == USER_UNWIND_FRAMES_MAX ? USER_UNWIND_CUT :
	       step == STEP_FAILED && unwind->has_left_copy ? USER_UNWIND_CUT :
							     USER_UNWIND_LOST;
	return count;
}

const struct user_unwind_trail *user_unwind_trail(const struct user_unwind *unwind)
{
	return &unwind->trail;
}

uint64_t user_unwind_code(const struct user_unwind *unwind, int32_t pid, const uint64_t *chain, size_t count)
{
	uint64_t code = count;

	for (size_t i = 0; i < count; i++) {
		struct user_place place = process_table_place(unwind->processes, pid, chain[i] - (i > 0));

		code = u64_mix(code ^ user_file_serial(unwind->files, place.file));
		code = u64_mix(code ^ place.offset_bytes);
	}
	return code;
}

int user_unwind_new(struct user_unwind **out, const struct process_table *processes, struct user_file_table *files, struct error *err)
{
	struct user_unwind *unwind = calloc(1, sizeof(*unwind));

	if (unwind)
		unwind->space = unw_create_addr_space(&accessors, 0);
	if (!unwind || !unwind->space) {
		free(unwind);
		return error_set(err, -ENOMEM, "unwinding user stacks: out of memory");
	}
	unw_set_caching_policy(unwind->space, UNW_CACHE_GLOBAL);
	unw_set_cache_size(unwind->space, REMEMBERED, 0);
	unwind->processes = processes;
	unwind->files = files;
	unwind->first_number = 1;
	*out = unwind;
	return 0;
}

void user_unwind_free(struct user_unwind *unwind)
{
	if (!unwind)
		return;
	forget_files(unwind);
	unw_destroy_addr_space(unwind->space);
	u64_map_release(&unwind->numbers);
	free(unwind->known);
	free(unwind);
}
#else

int user_unwind_new(struct user_unwind **out, const struct process_table *processes, struct user_file_table *files, struct error *err)
{
	(void)out;
	(void)processes;
	(void)files;
	return error_set(err, -ENOTSUP, "user stacks are unwound on x86-64 only");
}

void user_unwind_free(struct user_unwind *unwind)
{
	(void)unwind;
}

size_t user_unwind_run(struct user_unwind *unwind, int32_t pid, const struct user_unwind_copy *copy, const uint64_t **chain,
		       enum user_unwind_end *end)
{
	(void)unwind;
	(void)pid;
	(void)copy;
	*chain = NULL;
	*end = USER_UNWIND_LOST;
	return 0;
}

const struct user_unwind_trail *user_unwind_trail(const struct user_unwind *unwind)
{
	static const struct user_unwind_trail none;

	(void)unwind;
	return &none;
}

uint64_t user_unwind_code(const struct user_unwind *unwind, int32_t pid, const uint64_t *chain, size_t count)
{
	(void)unwind;
	(void)pid;
	(void)chain;
	return count;
}
#endif
