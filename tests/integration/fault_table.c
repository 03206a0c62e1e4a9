/* SPDX-License-Identifier: Apache-2.0 */
#include "fault_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { MOST_ROWS = 96, COLUMNS = 6, CELL_BYTES = 64 };

static struct fault_row rows[MOST_ROWS];
static size_t row_count;

struct fault_row *fault_table_add(const char *fault)
{
    assert_true(row_count < MOST_ROWS);
    struct fault_row *row = &rows[row_count++];
    *row = (struct fault_row){.lobbies = FAULT_UNKNOWN, .arrivals = FAULT_UNKNOWN};
    snprintf(row->fault, sizeof row->fault, "%s", fault);
    return row;
}

void fault_row_count(struct fault_row *row, const klp_event *event)
{
    row->applied += event->outcome == KLP_APPLIED;
    row->replayed += event->outcome == KLP_APPLIED && event->replayed;
    row->not_applied += event->outcome == KLP_NOT_APPLIED;
    row->possibly_applied += event->outcome == KLP_POSSIBLY_APPLIED;
    if (event->error_code.size > 0)
        snprintf(row->error, sizeof row->error, "%s", event->error_code.data);
    row->attempts += event->attempts;
    row->sends += event->sends;
    if (event->attempts > row->most_attempts)
        row->most_attempts = event->attempts;
}

/* ─── Its print ─────────────────────────────────────────────────────────────────────────────────── */

typedef char cells[COLUMNS][CELL_BYTES];

__attribute__((format(printf, 2, 3))) static void append(char *cell, const char *format, ...)
{
    size_t used = strlen(cell);
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(cell + used, CELL_BYTES - used, format, arguments);
    va_end(arguments);
}

static void append_outcome(char *cell, unsigned count, unsigned of_all, const char *name)
{
    if (count == 0)
        return;
    append(cell, "%s", *cell ? ", " : "");
    if (of_all > 1)
        append(cell, "%u ", count);
    append(cell, "%s", name);
}

static void write_effect(const struct fault_row *row, char *cell)
{
    if (row->lobbies != FAULT_UNKNOWN)
        append(cell, "%zu %s, ", row->lobbies, row->lobbies == 1 ? "lobby" : "lobbies");
    if (row->arrivals != FAULT_UNKNOWN)
        append(cell, "%zu %s", row->arrivals, row->arrivals == 1 ? "arrival" : "arrivals");
    if (!*cell)
        append(cell, "-");
}

static void write_cells(const struct fault_row *row, char (*line)[CELL_BYTES])
{
    unsigned count = row->applied + row->not_applied + row->possibly_applied;

    memset(line, 0, (size_t)COLUMNS * CELL_BYTES);
    append(line[0], "%s", row->fault);
    append_outcome(line[1], row->applied - row->replayed, count, "applied");
    append_outcome(line[1], row->replayed, count, "applied (replayed)");
    append_outcome(line[1], row->not_applied, count, "not_applied");
    append_outcome(line[1], row->possibly_applied, count, "possibly_applied");
    append(line[2], "%s", *row->error ? row->error : "-");
    append(line[3], "%u", row->attempts);
    if (count > 1)
        append(line[3], " (%u at most)", row->most_attempts);
    append(line[4], "%u", row->sends);
    write_effect(row, line[5]);
}

static void print_line(const char (*line)[CELL_BYTES], const size_t widths[COLUMNS])
{
    for (size_t i = 0; i < COLUMNS; i++)
        printf("| %-*s ", (int)widths[i], line[i]);
    printf("|\n");
}

static void print_rule(const size_t widths[COLUMNS])
{
    cells rule = {{0}};

    for (size_t i = 0; i < COLUMNS; i++)
        memset(rule[i], '-', widths[i]);
    print_line((const char(*)[CELL_BYTES])rule, widths);
}

void fault_table_print(void)
{
    static const char head[COLUMNS][CELL_BYTES] = {"fault", "outcome", "error", "attempts", "sends", "server effect"};
    static cells body[MOST_ROWS];
    size_t widths[COLUMNS];

    for (size_t i = 0; i < COLUMNS; i++)
        widths[i] = strlen(head[i]);
    for (size_t row = 0; row < row_count; row++) {
        write_cells(&rows[row], body[row]);
        for (size_t i = 0; i < COLUMNS; i++)
            if (strlen(body[row][i]) > widths[i])
                widths[i] = strlen(body[row][i]);
    }
    print_line(head, widths);
    print_rule(widths);
    for (size_t row = 0; row < row_count; row++)
        print_line((const char(*)[CELL_BYTES])body[row], widths);
    fflush(stdout);
}
