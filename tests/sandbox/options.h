/* SPDX-License-Identifier: Apache-2.0
 *
 * The command line. */
#ifndef SANDBOX_OPTIONS_H
#define SANDBOX_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#define SANDBOX_VERSION  "1.0.0"
#define OPTIONS_EXIT_BAD 2

struct options {
    unsigned port; /* 0: a free one */
    unsigned threads;
    const char *config_path;
    const char **fault_texts; /* --fault, in order */
    size_t fault_count;
    const char *faults_path;
    const char *tls_cert_path;
    const char *tls_key_path;
    size_t log_limit;
    bool log_bodies;
    bool parent_dies;
    bool is_verbose;
};

enum options_outcome { OPTIONS_RUN, OPTIONS_DONE, OPTIONS_BAD };

/* OPTIONS_DONE: --help or --version was answered. OPTIONS_BAD: stderr says which option is wrong. */
enum options_outcome options_read(struct options *options, int argc, char **argv);
void options_clear(struct options *options);

#endif
