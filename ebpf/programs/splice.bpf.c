/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Received bytes leave a TCP socket without a receive call.
 *
 *   hook                          since  emits
 *   tp_btf/tcp_rcv_space_adjust   4.17   event_data without bytes
 *
 * splice() and the zero-copy getsockopt() pass the socket's receive hook. Both tell TCP that room
 * was made, and so does every receive, which pays a look at its own number here. How many bytes it
 * was is what the sequence numbers say beyond what was counted.
 */
#include "capture.h"

/* More than any receive buffer holds: then the numbers do not fit what was counted. */
#define RECEIVED_AT_ONCE_MAX (1 << 30)

SEC("tp_btf/tcp_rcv_space_adjust")
int tcp_rcv_space_adjust(u64 *ctx)
{
    struct sock *sk = (struct sock *)ctx[0];
    struct task_struct *task = bpf_get_current_task_btf();
    s64 nr = REGS_NR(bpf_task_pt_regs(task));

    if (likely(nr != NR_SPLICE && nr != NR_GETSOCKOPT))
        return 0;
    struct socket_state *state = state_of(sk);
    struct tcp_sock *tcp = bpf_skc_to_tcp_sock(sk);
    if (!state || !tcp)
        return 0;
    u32 moved = tcp->copied_seq - state->received_base - (u32)state->received;
    if (!state->based) {
        find_base(state, tcp, 0);
        return 0;
    }
    if ((state->flags & SOCKET_PEER_FIN) && tcp->copied_seq == tcp->rcv_nxt)
        moved -= 1; /* the end takes a number of its own */
    if (moved > 0 && moved <= RECEIVED_AT_ONCE_MAX)
        bytes_moved(sk, DIRECTION_RECEIVED, moved, WHERE_NOWHERE, NULL);
    return 0;
}
