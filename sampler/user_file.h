/*
 * The files that processes execute: each once, with its build-id, opened while a process that maps it lives, so that its
 * functions can be named at the end of the recording.
 */
#ifndef SLABREC_SAMPLER_USER_FILE_H
#define SLABREC_SAMPLER_USER_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trace/u64_map.h"
#include "trace/writer.h"

struct user_file;

struct user_file_table {
	struct trace_writer *writer; /* borrowed */
	struct user_file *files;     /* owned; number - 1 */
	size_t count;
	size_t capacity;
	uint32_t unused;     /* number of the first entry that is free, which tells the next; 0 none */
	size_t used_count;
	size_t crowded_count; /* so many are worth a look for those that nobody maps any more */
	struct u64_map by_key;
	unsigned int open_count;
	uint64_t last_serial;
};

void user_file_table_init(struct user_file_table *table, struct trace_writer *writer);
void user_file_table_release(struct user_file_table *table);

/* Number of the file that pid has mapped under path, from 1. inode 0: not known. 0 without memory. */
uint32_t user_file_find(struct user_file_table *table, int32_t pid, const char *path, uint64_t inode);

/* Who has it mapped, so that it can be found where path does not lead to it any more, or never did here. */
struct user_file_view {
	int32_t pid;
	int32_t parent_pid; /* may be there when pid is not, with the same mounts; 0 not known */
	uint64_t begin;	    /* of the mapping */
	uint64_t end;
};

/* The same. */
uint32_t user_file_find_mapped(struct user_file_table *table, const struct user_file_view *view, const char *path, uint64_t inode);

/* The file's id in the trace: only files that a recorded call chain goes through are written. 0 for number 0. */
uint32_t user_file_id(struct user_file_table *table, uint32_t number);

/* The file itself, -1 where it could not be opened; owned by the table. */
int user_file_fd(const struct user_file_table *table, uint32_t number);
/* Tells files apart for ever, where numbers are used again; 0 for number 0. */
uint64_t user_file_serial(const struct user_file_table *table, uint32_t number);
bool user_file_is_vdso(const struct user_file_table *table, uint32_t number);

/*
 * Forgets files that are neither in the trace nor kept since the last time, so that programs that come and go leave nothing behind:
 * their numbers are used again. Worth it only when there are many.
 */
bool user_file_is_crowded(const struct user_file_table *table);
void user_file_keep(struct user_file_table *table, uint32_t number);
void user_file_forget_others(struct user_file_table *table);

#endif
