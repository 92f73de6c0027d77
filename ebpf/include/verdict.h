/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * What user space found a socket to be. It cannot write into the socket's storage, so it leaves its
 * verdict in a map, where it is looked up while the socket has none, and again after user space
 * said that it changed its mind about some socket.
 */
#ifndef TAPLINE_VERDICT_H
#define TAPLINE_VERDICT_H

#include "budget.h"

INLINE void take_verdict(struct sock *sk, struct socket_state *state, struct verdict *verdict)
{
    if (state->mode == verdict->mode && state->mode == MODE_LENGTHS)
        return;
    if (verdict->mode != MODE_LENGTHS)
        end_exchange(sk, state);
    else if (state->mode != MODE_PENDING)
        forget_pair(state);
    if (verdict->mode == MODE_LENGTHS) {
        /* What is summed is never let go, and stands for itself. */
        state->flags &= ~SOCKET_SHED;
        state->shed_share = 0;
    }
    state->mode = verdict->mode;
    state->capture = verdict->capture_bytes;
    state->verdict_flags = verdict->flags;
    if (state->role == ROLE_UNKNOWN)
        state->role = verdict->role;
    state->budget = 0;
    /* What was said of it may not hold: then it is looked at anew, and else seldom. */
    state->turns = verdict->mode == MODE_PENDING ? 0 : SNIFF_TURNS_MAX;
}

/* Asks for the verdict on a socket when there may be one it does not know. */
INLINE void ask_verdict(struct sock *sk, struct socket_state *state, struct control *control)
{
    bool waits = state->mode == MODE_PENDING && (state->flags & SOCKET_SNIFFED);

    if (likely(!waits && state->verdict_generation == control->verdict_generation))
        return;
    state->verdict_generation = control->verdict_generation;
    u64 cookie = state->cookie;
    struct verdict *verdict = bpf_map_lookup_elem(&verdicts, &cookie);
    if (verdict)
        take_verdict(sk, state, verdict);
}

#endif
