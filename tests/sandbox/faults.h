/* SPDX-License-Identifier: Apache-2.0
 *
 * The script: rules that say which request meets which fault. */
#ifndef SANDBOX_FAULTS_H
#define SANDBOX_FAULTS_H

#include "fault_action.h"
#include "route.h"

#include <jansson.h>
#include <stdbool.h>

struct faults;

/* What a rule can be matched against. */
struct fault_subject {
    enum op op;
    const char *event; /* or NULL */
    const char *key;   /* the lobby's own key, or NULL */
    json_t *players;   /* array, or NULL */
};

struct faults *faults_new(void);
void faults_free(struct faults *faults);

/* One rule or an array of them: all are added, or none. Returns the ids as a new array; NULL: `why`
 * says what is wrong. */
json_t *faults_add(struct faults *faults, json_t *rules, char why[FAULT_WHY_BYTES]);

void faults_clear(struct faults *faults);

/* The action of the first rule that strikes, held for the caller; NULL: none does. */
struct fault_action *faults_strike(struct faults *faults, const struct fault_subject *subject);

/* Whether the next connection is to be reset upon accept; counts it down. */
bool faults_strike_accept(struct faults *faults);

#endif
