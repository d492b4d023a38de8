/* Knows perf.data by its first bytes; everything else is taken for text. */
#include "report/import_file.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "report/output.h"
#include "report/perf_script.h"
#include "trace/cleanup.h"
#include "trace/format.h"

static int write_trace(void *context, const void *bytes, size_t size_bytes, struct error *err)
{
	struct output *output = context;

	if (fwrite(bytes, 1, size_bytes, output->stream) == size_bytes)
		return 0;
	return error_set(err, errno ? -errno : -EIO, "%s: %m", output->path);
}

static int import_text(FILE *text, const char *name, struct output *output, struct import_totals *totals, struct error *err)
{
	struct trace_writer *writer = NULL;
	int ret = trace_writer_new(&writer, write_trace, output, err);

	if (!ret)
		ret = import_perf_text(writer, text, name, totals, err);
	trace_writer_free(writer);
	return ret;
}

static int import_perf_data(const char *path, struct output *output, struct import_totals *totals, struct error *err)
{
	CLEANUP(perf_script_release) struct perf_script script = {0};
	struct error complaint = {0};
	int ret = perf_script_start(&script, path, err), failed;

	if (ret)
		return ret;
	ret = import_text(script.text, path, output, totals, err);
	if (ret && ret != -ENODATA)
		return ret;
	/* Where it says why there is nothing, or that it has not printed all, that is the sentence. */
	failed = perf_script_end(&script, path, &complaint);
	if (failed)
		*err = complaint;
	return failed ? failed : ret;
}

static int open_text(const char *input, FILE **text, struct error *err)
{
	struct stat status;

	*text = strcmp(input, "-") ? fopen(input, "re") : stdin;
	if (!*text)
		return error_set(err, -errno, "%s: %m; name a perf.data, or the text that perf script printed", input);
	if (!fstat(fileno(*text), &status) && S_ISDIR(status.st_mode))
		return error_set(err, -EISDIR, "%s: is a directory; name the perf.data in it", input);
	return 0;
}

/* PERFILE2, and as other machines write it. */
static int is_perf_data(const char *input, FILE *text, bool *is_data, struct error *err)
{
	char magic[8] = "";
	int first = getc(text);

	*is_data = false;
	if (first != EOF)
		ungetc(first, text);
	if (!strcmp(input, "-")) {
		if (first != 'P')
			return 0;
		return error_set(err, -EINVAL, "standard input: takes the text of perf script, not perf.data; name that file instead of -");
	}
	bool is_whole = fread(magic, 1, sizeof(magic), text) == sizeof(magic);
	*is_data = is_whole && (!memcmp(magic, "PERFILE2", 8) || !memcmp(magic, "2ELIFREP", 8) || !memcmp(magic, "PERFFILE", 8));
	if (is_whole && !memcmp(magic, TRACE_MAGIC, sizeof(magic)))
		return error_set(err, -EINVAL, "%s: is a trace of slabrec already; slabreport reads it", input);
	if (!*is_data && fseek(text, 0, SEEK_SET))
		return error_set(err, -errno, "%s: %m; give its text on standard input", input);
	return 0;
}

int import_file(const char *input, const char *path, struct import_totals *totals, struct error *err)
{
	CLEANUP(output_release) struct output output = {0};
	FILE *text = NULL;
	bool is_data = false;
	int ret = open_text(input, &text, err);

	*totals = (struct import_totals){0};
	if (!ret)
		ret = is_perf_data(input, text, &is_data, err);
	if (!ret)
		ret = output_open(&output, path, err);
	/* It has what a trace has: names of tasks and files, of all users. */
	if (!ret && output.temporary && fchmod(fileno(output.stream), 0600))
		ret = error_set(err, -errno, "%s: %m", path);
	if (!ret && is_data)
		ret = import_perf_data(input, &output, totals, err);
	else if (!ret)
		ret = import_text(text, strcmp(input, "-") ? input : "standard input", &output, totals, err);
	if (text && text != stdin)
		fclose(text);
	return ret ? ret : output_commit(&output, err);
}
