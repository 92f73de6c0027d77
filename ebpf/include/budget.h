/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * How much of a socket call to copy: nothing of what is strange, little of what is only looked at,
 * and of a message that is understood as much as its budget allows.
 */
#ifndef TAPLINE_BUDGET_H
#define TAPLINE_BUDGET_H

#include "buffer.h"
#include "classify.h"

#define UNDECIDED_CHUNKS 24
#define DECIDED_AT_BYTES 16
/* A socket that began so many turns like nothing we parse is looked at only every so many turns: it
 * is another protocol, or an old connection in the middle of something. */
#define STRANGE_TURNS 8
#define STRANGE_LOOK_EVERY 16
/* When a message's budget is spent: enough to see that a new message starts. */
#define BODY_PEEK 64

/* Whether the turn is worth looking at. */
INLINE bool is_worth_a_look(struct socket_state *state)
{
    if (state->strange_turns < STRANGE_TURNS)
        return true;
    state->strange_turns += 1;
    if (state->strange_turns < STRANGE_TURNS + STRANGE_LOOK_EVERY)
        return false;
    state->strange_turns = STRANGE_TURNS;
    return true;
}

/* Whether what was just looked at is a further reply to a pipeline. */
INLINE bool is_reply(struct socket_state *state)
{
    if (state->protocol != PROTOCOL_REDIS)
        return false;
    struct scratch *scratch = the_scratch();
    return scratch && begins_reply(scratch->data[0]);
}

/* How much of this call to copy; 0 means that the call is of no interest. */
INLINE u32 wanted_bytes(struct buffer *buffer, struct socket_state *state, struct control *control,
                        u32 len, bool turned)
{
    if (turned)
        state->budget = 2 * control->capture_max;
    if (state->protocol == PROTOCOL_UNKNOWN) {
        if (turned) {
            state->undecided = 0;
            u32 looks = classify(copy_payload(buffer->address, buffer->pieces, len, SNIFF_BYTES));
            if (looks == LOOKS_OTHER) {
                if (state->strange_turns < STRANGE_TURNS)
                    state->strange_turns += 1;
                return 0;
            }
            if (looks == LOOKS_UNDECIDED)
                state->undecided = UNDECIDED_CHUNKS;
            else
                state->protocol = looks == LOOKS_REDIS      ? PROTOCOL_REDIS
                                  : looks == LOOKS_POSTGRES ? PROTOCOL_POSTGRES
                                                            : PROTOCOL_HTTP1;
        } else if (state->undecided == 0) {
            return 0;
        } else {
            state->undecided -= 1;
            if (len >= DECIDED_AT_BYTES || state->undecided == 0)
                state->protocol = PROTOCOL_HTTP1; /* user space knows all of it, and is strict */
        }
    } else if (state->protocol == PROTOCOL_POSTGRES && turned) {
        copy_payload(buffer->address, buffer->pieces, len, SNIFF_BYTES);
        struct scratch *scratch = the_scratch();
        if (scratch && len > 2 && begins_tls(scratch->data))
            state->protocol = PROTOCOL_OPAQUE;
    } else if (state->budget < control->capture_max) {
        u32 looks = classify(copy_payload(buffer->address, buffer->pieces, len, SNIFF_BYTES));
        if (looks >= LOOKS_HTTP1 || is_reply(state))
            state->budget = 2 * control->capture_max;
        else if (state->budget < BODY_PEEK)
            return BODY_PEEK;
    }
    if (state->protocol == PROTOCOL_OPAQUE)
        return 0;
    return state->budget < control->capture_max ? state->budget : control->capture_max;
}

#endif
