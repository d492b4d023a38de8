/* Tags around escaped text: no other file puts foreign text between tags. */
#include "report/html.h"

#include "report/escape.h"
#include "report/number.h"

void html_text(FILE *out, const char *text)
{
	escape_html(out, text, HTML_NAME_MAX * 4);
}

void html_element(FILE *out, const char *tag, const char *class, const char *text)
{
	if (class)
		fprintf(out, "<%s class=\"%s\">", tag, class);
	else
		fprintf(out, "<%s>", tag);
	html_text(out, text);
	fprintf(out, "</%s>", tag);
}

void html_number_cell(FILE *out, const char *number)
{
	html_element(out, "td", "n", number);
}

void html_name_cell(FILE *out, const char *name)
{
	fputs("<td class=\"name\">", out);
	escape_html(out, name, HTML_NAME_MAX);
	fputs("</td>", out);
}

void html_table(FILE *out, const char *class, const char *caption, const char *const heads[])
{
	fprintf(out, "<div class=\"wide\" tabindex=\"0\"><table class=\"%s\">\n<caption>", class);
	html_text(out, caption);
	fputs("</caption>\n<thead><tr>", out);
	for (; *heads; heads++) {
		fprintf(out, "<th scope=\"col\"%s>", **heads == '#' ? " class=\"n\"" : "");
		html_text(out, **heads == '#' ? *heads + 1 : *heads);
		fputs("</th>", out);
	}
	fputs("</tr></thead>\n<tbody>\n", out);
}

void html_table_end(FILE *out)
{
	fputs("</tbody></table></div>\n", out);
}

void html_section(FILE *out, const char *id, const char *title)
{
	fprintf(out, "<h2 id=\"%s\">", id);
	html_text(out, title);
	fputs("</h2>\n", out);
}

void html_redaction(FILE *out, const struct redaction *redaction)
{
	const char *before = ": ";

	fprintf(out, "Redaction: %s. Taken out", redaction_level_name(redaction->level));
	for (uint32_t i = 0; i < REDACTED_COUNT; i++) {
		if (!redaction->counts[i])
			continue;
		fprintf(out, "%s%s %s", before, number_count(redaction->counts[i]).text, redaction_what_name((enum redaction_what)i));
		before = ", ";
	}
	fputs(*before == ':' ? ": nothing. " : ". ", out);
}
