/* SPDX-License-Identifier: Apache-2.0
 * What klp has to say besides events: lines on stderr. */
#ifndef KLP_COMPLAIN_H
#define KLP_COMPLAIN_H

#if defined(__GNUC__)
__attribute__((format(printf, 1, 2)))
#endif
/* "klp: …" and a line break, in one write: the pusher's thread has lines of its own to say (see verbose.h). */
void complain(const char *format, ...);

#endif
