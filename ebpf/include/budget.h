/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * How much of a socket call to copy: nothing of what is strange, little of what is only looked at,
 * and of a message that is understood as much as its budget allows.
 */
#ifndef TAPLINE_BUDGET_H
#define TAPLINE_BUDGET_H

#include "copy.h"
#include "classify.h"
#include "lengths.h"

#define UNDECIDED_CHUNKS 24
#define DECIDED_AT_BYTES 16
/* What user space is shown of each turn of a socket until it has a verdict: of the first turns, and
 * of more when they come faster than it can answer. Of the very first as much as of what is parsed:
 * a connection may be over before there is a verdict. */
#define SNIFF_TURNS 8
#define SNIFF_TURNS_WHOLE 4
#define SNIFF_COPY 512
#define SNIFF_TURNS_MAX 64
/* Calls beyond what is shown of a turn of which the beginning is, so that nothing is missing when
 * there is a verdict before the next turn. */
#define SNIFF_PEEKS 64
#define SNIFF_AT_LEAST_NS 50000000ull
/* Without a verdict by then, and when it is that nobody knows the protocol, two turns in so many are
 * looked at: it may be an old connection in the middle of something. Odd, so that either way is
 * looked at first sometimes. */
#define SNIFF_LOOK_EVERY 17
/* And no more often than this: a look costs as much as ten turns that are counted. */
#define LOOK_EVERY_NS 20000000ull
/* When a message's budget is spent: enough to see that a new message starts. */
#define BODY_PEEK 64

INLINE u32 capture_of(struct socket_state *state, struct control *control)
{
    u32 capture = state->capture ? state->capture : control->capture_max;
    return capture < CAPTURE_MAX ? capture : CAPTURE_MAX;
}

/* Whether the turn that begins, of a socket that nobody knows, is to be looked at. If not, it is
 * counted towards the next look. */
INLINE bool is_look_due(struct socket_state *state, u64 now)
{
    if (state->turns < SNIFF_TURNS_MAX + SNIFF_LOOK_EVERY - 2) {
        state->turns += 1;
        return false;
    }
    return state->turns > SNIFF_TURNS_MAX + SNIFF_LOOK_EVERY - 2 ||
           now - state->looked_ns >= LOOK_EVERY_NS;
}

/* How much of the turn that begins is shown to user space. */
INLINE u32 sniffed_bytes(struct socket_state *state, struct control *control, u64 now)
{
    if (state->turns < SNIFF_TURNS_MAX) {
        /* What is told in this very call has a later time than the call. */
        bool early = (s64)(now - state->told_ns) < (s64)SNIFF_AT_LEAST_NS;
        if (state->turns < SNIFF_TURNS || early) {
            state->turns += 1;
            return state->turns <= SNIFF_TURNS_WHOLE ? control->capture_max : SNIFF_COPY;
        }
        state->turns = SNIFF_TURNS_MAX;
    }
    if (!is_look_due(state, now))
        return 0;
    bool first = state->turns == SNIFF_TURNS_MAX + SNIFF_LOOK_EVERY - 2;
    state->looked_ns = now;
    state->turns = first ? state->turns + 1 : SNIFF_TURNS_MAX;
    return SNIFF_COPY;
}

/* A further call of a turn whose beginning was shown. */
INLINE void peek(struct socket_state *state)
{
    if (state->turns >= SNIFF_TURNS_MAX || state->peeks >= SNIFF_PEEKS)
        return;
    state->peeks += 1;
    state->budget = BODY_PEEK;
}

INLINE void recognise(struct socket_state *state, struct control *control, u32 looks)
{
    state->mode = MODE_PARSE;
    forget_pair(state);
    state->verdict_flags &= ~VERDICT_ALONE;
    if (looks == LOOKS_HTTP1 || looks == LOOKS_REDIS)
        state->verdict_flags |= VERDICT_ALONE;
    if (looks == LOOKS_HTTP2) {
        /* Its messages begin anywhere in a call, and every one leans on those before. */
        state->protocol = PROTOCOL_UNKNOWN;
        state->verdict_flags |= VERDICT_EVERY_CALL;
        state->budget = 2 * capture_of(state, control);
        return;
    }
    state->protocol = looks == LOOKS_REDIS      ? PROTOCOL_REDIS
                      : looks == LOOKS_POSTGRES ? PROTOCOL_POSTGRES
                                                : PROTOCOL_HTTP1;
    state->budget = 2 * capture_of(state, control);
}

/* How much of this call to show to user space, which has no verdict yet. What we recognise
 * ourselves needs none. */
INLINE u32 wanted_to_sniff(struct buffer *buffer, enum source source, struct socket_state *state,
                           struct control *control, u32 len, bool turned)
{
    if (turned) {
        u32 looks = classify(buffer->other.scratch, copy_bytes(buffer, source, len, CLASSIFY_BYTES));
        state->undecided = 0;
        if (looks == LOOKS_UNDECIDED) {
            state->undecided = UNDECIDED_CHUNKS;
            state->budget += UNDECIDED_CHUNKS * DECIDED_AT_BYTES;
        } else if (looks == LOOKS_TLS) {
            state->budget = control->capture_max; /* who is asked for may stand far behind */
        } else if (looks != LOOKS_OTHER) {
            recognise(state, control, looks);
        }
    } else if (state->undecided > 0) {
        state->undecided -= 1;
        if (len >= DECIDED_AT_BYTES || state->undecided == 0)
            recognise(state, control, LOOKS_HTTP1); /* user space is strict, and knows all of it */
    }
    return state->budget < control->capture_max ? state->budget : control->capture_max;
}

/* Whether what was just looked at is a further reply to a pipeline. */
INLINE bool is_reply(struct socket_state *state, u32 which)
{
    if (state->protocol != PROTOCOL_REDIS)
        return false;
    struct scratch *scratch = scratch_of(which);
    return scratch && begins_reply(scratch->data[0]);
}

/* How much of this call to copy of a protocol that is parsed. */
INLINE u32 wanted_to_parse(struct buffer *buffer, enum source source, struct socket_state *state,
                           struct control *control, u32 len, bool turned)
{
    u32 capture = capture_of(state, control);

    if (turned || (state->verdict_flags & VERDICT_EVERY_CALL)) {
        state->budget = 2 * capture;
    } else if (state->budget < capture) {
        u32 looks = LOOKS_OTHER;
        if (state->protocol != PROTOCOL_UNKNOWN)
            looks = classify(buffer->other.scratch, copy_bytes(buffer, source, len, CLASSIFY_BYTES));
        if (looks >= LOOKS_HTTP1 || is_reply(state, buffer->other.scratch))
            state->budget = 2 * capture;
        else if (state->budget < BODY_PEEK)
            return BODY_PEEK;
    }
    return state->budget < capture ? state->budget : capture;
}

#endif
