/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Sockets that fell silent with something untold.
 *
 *   hook                     since  emits
 *   iter/bpf_sk_storage_map  5.9    event_sum, event_exchange
 *
 * Run by user space, now and then while there is something to be found, and once more at the end,
 * when nothing is captured any more: then what is over is told, too, that would wait for the next
 * request. A socket that moves bytes tells by itself; one that wakes up in this very moment may have
 * a pair told twice or not at all, which is why it must have been silent for long.
 */
#include "lengths.h"

#define SILENT_NS 1000000000ull

SEC("iter/bpf_sk_storage_map")
int silent_sockets(struct bpf_iter__bpf_sk_storage_map *ctx)
{
    struct socket_state *state = ctx->value;
    struct sock *sk = ctx->sk;
    struct control *control = the_control();

    if (!sk || !state || state->mode != MODE_LENGTHS)
        return 0;
    bool at_the_end = control->capture_max == 0;
    if (at_the_end) {
        if (state->answered_ns)
            tell_exchange(sk, state, true);
    } else if (bpf_ktime_get_ns() - state->ended_ns < SILENT_NS) {
        return 0;
    }
    if (state->summed)
        tell_sum(sk, state, at_the_end);
    return 0;
}
