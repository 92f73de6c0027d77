/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * What can be told of a socket without its payload: who asked when, when the answer began and
 * ended, and how many bytes that were. A pair of turns is finished when the asker speaks again, or
 * when the socket ends. Bytes that nobody asked for (a greeting, a stream) are only counted.
 *
 * Where nobody asks for single pairs, those that follow one another fast are summed in the socket's
 * storage, in the buckets of the user half's histogram, and told together. A sum that could not be
 * told stays and grows; a socket that falls silent is found by the user half, see flush.bpf.c.
 */
#ifndef TAPLINE_LENGTHS_H
#define TAPLINE_LENGTHS_H

#include "announce.h"
#include "shed.h"

/* How often a socket whose turn does not end says how far it has come. */
#define TELL_EVERY_NS 10000000000ull
/* Pairs are summed that end sooner than this after the last record, and took no longer. */
#define SUM_EVERY_NS 100000000ull

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
    event.shed_share = state->shed_share;
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

/* Tells what was summed, if there is room for it; else it waits for more. */
APART int tell_sum(struct sock *sk, struct socket_state *state, bool last)
{
    struct control *control = the_control();
    struct event_sum event;

    announce(sk, state, state->asker, control->announcement);
    __builtin_memset(&event, 0, sizeof(event));
    fill_header(&event.header, EVENT_SUM, sizeof(event));
    event.cookie = state->cookie;
    event.lasted_ns = state->summed_ns;
    event.sent = state->sent;
    event.received = state->received;
    __builtin_memcpy(event.buckets, state->buckets, sizeof(event.buckets));
    event.shortest_ns = state->shortest_ns;
    event.longest_ns = state->longest_ns;
    event.tgid = state->asker >> 32;
    event.tid = state->asker;
    event.role = state->role;
    event.mode = state->mode;
    u64 waiting = bytes_waiting();
    if ((!last && waiting > control->data_until) || !put(&event, sizeof(event), waiting)) {
        if (last)
            count_exchanges_lost(state->summed);
        return 0;
    }
    state->told_ns = event.header.at_ns;
    state->summed = 0;
    state->summed_ns = 0;
    __builtin_memset(state->buckets, 0, sizeof(state->buckets));
    return 0;
}

INLINE void add_to_sum(struct socket_state *state, u64 lasted_ns)
{
    if (state->summed == 0 || lasted_ns < state->shortest_ns)
        state->shortest_ns = lasted_ns;
    if (state->summed == 0 || lasted_ns > state->longest_ns)
        state->longest_ns = lasted_ns;
    state->summed += 1;
    state->summed_ns += lasted_ns;
    if (lasted_ns <= 1000000)
        state->buckets[0] += 1;
    else if (lasted_ns <= 2500000)
        state->buckets[1] += 1;
    else if (lasted_ns <= 5000000)
        state->buckets[2] += 1;
    else if (lasted_ns <= 10000000)
        state->buckets[3] += 1;
    else if (lasted_ns <= 25000000)
        state->buckets[4] += 1;
    else if (lasted_ns <= 50000000)
        state->buckets[5] += 1;
    else
        state->buckets[6] += 1;
}

/* A pair that was answered is over: it is told, or summed. */
INLINE void finish_exchange(struct sock *sk, struct socket_state *state, u64 now)
{
    u64 lasted_ns = state->ended_ns - state->started_ns;
    bool soon = now - state->told_ns < SUM_EVERY_NS;
    bool sums = state->verdict_flags & VERDICT_SUM;

    if (sums && lasted_ns <= SUM_EVERY_NS && (soon || state->summed)) {
        add_to_sum(state, lasted_ns);
        forget_pair(state);
        if (soon)
            return;
    }
    if (state->summed)
        tell_sum(sk, state, false);
    if (state->answered_ns)
        tell_exchange(sk, state, true);
}

/* Counts bytes that moved, before they are in the socket's own counters. */
INLINE void count_lengths(struct sock *sk, struct socket_state *state, u8 direction, u32 len,
                          u64 pid_tgid, u64 now)
{
    u8 asks = asking_direction(state);

    if (asks == direction && state->answered_ns)
        finish_exchange(sk, state, now);
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
    if (state->summed)
        tell_sum(sk, state, true);
}

#endif
