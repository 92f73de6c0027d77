/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * What can be told of a socket without its payload: who asked when, when the answer began and
 * ended, and how many bytes that were. A pair of turns is finished when the asker speaks again, or
 * when the socket ends. Bytes that nobody asked for (a greeting, a stream) are only counted.
 */
#ifndef TAPLINE_LENGTHS_H
#define TAPLINE_LENGTHS_H

#include "announce.h"
#include "shed.h"

/* How often a socket whose turn does not end says how far it has come. */
#define TELL_EVERY_NS 10000000000ull

INLINE void forget_pair(struct socket_state *state)
{
    state->started_ns = 0;
    state->answered_ns = 0;
    state->ended_ns = 0;
    state->request_bytes = 0;
    state->response_bytes = 0;
}

/* Tells the pair of turns that is over, or only the counters; then there is none any more. */
APART int tell_exchange(struct sock *sk, struct socket_state *state, bool pair)
{
    struct event_exchange event;
    struct control *control = the_control();

    if (!control)
        return 0;
    u64 pid_tgid = pair ? state->asker : state->mover;
    announce(sk, state, pid_tgid, control->announcement);
    __builtin_memset(&event, 0, sizeof(event));
    fill_header(&event.header, EVENT_EXCHANGE, sizeof(event));
    event.cookie = state->cookie;
    event.sent = state->sent;
    event.received = state->received;
    event.role = state->role;
    event.mode = state->mode;
    event.tgid = pid_tgid >> 32;
    event.tid = pid_tgid;
    state->told_ns = event.header.at_ns;
    if (pair) {
        event.started_ns = state->started_ns;
        event.answered_ns = state->answered_ns;
        event.ended_ns = state->ended_ns;
        event.request_bytes = state->request_bytes;
        event.response_bytes = state->response_bytes;
        forget_pair(state);
    }
    if (!emit_data(&event, sizeof(event), control) && event.answered_ns)
        count_exchange_lost();
    return 0;
}

/* Counts bytes that moved, before they are in the socket's own counters. */
INLINE void count_lengths(struct sock *sk, struct socket_state *state, u8 direction, u32 len,
                          u64 pid_tgid, u64 now)
{
    u8 asks = asking_direction(state);

    if (asks == direction && state->answered_ns)
        tell_exchange(sk, state, true);
    if (asks == direction) {
        if (state->started_ns == 0) {
            state->started_ns = now;
            state->asker = pid_tgid;
        }
        state->request_bytes += len;
        state->ended_ns = now;
    } else if (state->started_ns) {
        if (state->answered_ns == 0)
            state->answered_ns = now;
        state->response_bytes += len;
        state->ended_ns = now;
    }
    if (state->told_ns == 0)
        state->told_ns = now;
    else if (state->mode == MODE_LENGTHS && now - state->told_ns > TELL_EVERY_NS)
        tell_exchange(sk, state, false);
}

/* The socket ends, or its payload is wanted from now on. */
INLINE void end_exchange(struct sock *sk, struct socket_state *state)
{
    bool counted = state->mode == MODE_PENDING || state->mode == MODE_LENGTHS;

    if (counted && state->started_ns)
        tell_exchange(sk, state, true);
}

#endif
