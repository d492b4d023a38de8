/* Many machines in a mail: the answer, a table, and for the first call stacks who stands out. */
#include "report/render_fleet.h"

#include <errno.h>
#include <string.h>

#include "report/escape.h"
#include "report/number.h"

#define ROWS_MAX 20u
#define STACKS_MAX 5u
#define FUNCTIONS_MAX 14u

fleet_render_function *fleet_renderer_find(const char *format)
{
	static const struct {
		const char *format;
		fleet_render_function *render;
	} renderers[] = {{"text", render_fleet_text}, {"json", render_fleet_json}, {"html", render_fleet_html}};

	for (size_t i = 0; i < sizeof(renderers) / sizeof(renderers[0]); i++)
		if (!strcmp(renderers[i].format, format))
			return renderers[i].render;
	return NULL;
}

static void write_line(FILE *out, const char *line)
{
	escape_ascii(out, line, 200);
	fputc('\n', out);
}

static void write_row(FILE *out, struct arena *arena, const struct fleet *fleet, const struct fleet_row *row)
{
	const char *caller = fleet_row_caller(fleet, row);

	write_line(out, arena_format(arena, "%7u %7u %9s %9s %10s  %.40s%s%.40s (%.24s)", row->leak_hosts, row->live_hosts,
				     number_count(row->live).text, number_bytes(row->live_bytes).text,
				     row->low_rate > 0 ? arena_format(arena, "%.3g/s", row->low_rate) : "-", fleet_row_name(fleet, row),
				     *caller ? " <- " : "", caller, signature_text(&fleet->names, row->signature->cache)));
}

static void write_outliers(FILE *out, struct arena *arena, const struct fleet *fleet, const struct fleet_row *row)
{
	if (!row->outliers)
		return;
	write_line(out, arena_format(arena, "   %u stand%s out; half of the recordings have at most %.3g objects/h live:", row->outliers,
				     row->outliers == 1 ? "s" : "", row->median * 1.42));
	for (uint32_t i = 0; i < row->top_count; i++)
		if (fleet_is_outlier(row, &row->top[i]))
			write_line(out, arena_format(arena, "     %.64s: %s live, %.3g/h, %s%s%s", fleet_recording_name(arena, fleet, row->top[i].recording),
						     number_count(row->top[i].live).text, row->top[i].rate, suspect_class_name(row->top[i].class),
						     row->top[i].confidence ? ", confidence " : "",
						     row->top[i].confidence ? suspect_confidence_name(row->top[i].confidence) : ""));
}

static void write_stack(FILE *out, struct arena *arena, const struct fleet *fleet, const struct fleet_row *row, uint32_t number)
{
	write_line(out, arena_format(arena, "\n%u. %.64s: live on %u, a leak on %u (with high confidence on %u), on %u build%s of the kernel%s%s", number,
				     fleet_row_name(fleet, row), row->live_hosts, row->leak_hosts, row->high_hosts, row->kernels,
				     row->kernels == 1 ? "" : "s", row->rung ? ": " : "", row->rung ? signature_rung_name(row->rung) : "") + 1);
	write_outliers(out, arena, fleet, row);
	for (uint32_t i = 0; i < row->signature->count && i < FUNCTIONS_MAX; i++)
		write_line(out, arena_format(arena, "     %.100s", signature_text(&fleet->names, row->signature->functions[i].name)));
	if (row->signature->count > FUNCTIONS_MAX)
		write_line(out, "     ...");
}

int render_fleet_text(const struct fleet *fleet, FILE *out, struct error *err)
{
	struct arena arena = {0};
	const char *const *remarks = fleet_remarks(&arena, fleet);

	write_line(out, fleet_verdict(&arena, fleet));
	for (; remarks && *remarks; remarks++)
		write_line(out, *remarks);
	if (fleet->row_count)
		fputs("\nleak on live on      live     bytes   at least  allocated at\n", out);
	for (uint32_t i = 0; i < fleet->row_count && i < ROWS_MAX; i++)
		write_row(out, &arena, fleet, fleet->rows[i]);
	if (fleet->row_count > ROWS_MAX)
		write_line(out, arena_format(&arena, "(and %s)", number_of(fleet->row_count - ROWS_MAX, "more call stack").text));
	for (uint32_t i = 0; i < fleet->row_count && i < STACKS_MAX; i++) {
		fputc('\n', out);
		write_stack(out, &arena, fleet, fleet->rows[i], i + 1);
	}
	int ret = arena.failed ? error_set(err, -ENOMEM, "not enough memory for the report") : 0;
	arena_release(&arena);
	return ret;
}
