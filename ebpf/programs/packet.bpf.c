/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Bytes move on a TCP connection, for kernels that do not say so (before 6.3).
 *
 *   hook                         since  emits
 *   tp_btf/tcp_rcv_space_adjust  4.17   event_open (once), event_data or event_exchange
 *   cgroup_skb/egress            4.10   the same; on the root of the cgroup2 tree, so for everybody
 *
 * What is received is noticed in the receiving call, right after the kernel has copied it: the
 * bytes are in the caller's buffer, and how many there are is how far the connection has come. A
 * call that empties several packets is noticed at each of them; whether the next notice belongs to
 * the same call follows from what was left: a call goes on while it has room and there is more.
 *
 * What is sent is noticed as it leaves, from the packet. So sendfile, splice and io_uring are seen
 * like any other way to send, and retransmissions are told by their sequence numbers. The first
 * packet of a message mostly leaves within the sending call, and then it is known who sent it. If
 * not, it is given to whoever moved bytes there before, and marked as guessed.
 *
 * AF_UNIX is not seen: there are no packets.
 */
#include "capture.h"
#include "reading.h"

#define IPV4_HEADER_MIN 20
#define IPV6_HEADER 40
#define TCP_HEADER_MIN 20

/* Where the payload of a TCP packet is, and where in its stream. */
struct segment {
    u32 at;
    u32 len;
    u32 seq;
};

/* === What is received === */

/* Where the running call has the bytes that it just got, behind those it got before. */
INLINE bool find_received(struct call *call, struct socket_state *state, struct sock *sk,
                          struct arguments *arguments, struct task_struct *task)
{
    if (!read_arguments(arguments, task) || !read_fd_is_socket(task, arguments->fd, (u64)sk))
        return false;
    call->buffer.other.skip = state->read_bytes;
    if (!read_buffer(&call->buffer, arguments))
        return false;
    /* Then the bytes were thrown away, not copied to the caller. */
    return !(receive_flags(arguments) & MSG_TRUNC);
}

/* Whether the call will get more: then what it got so far is behind it. Packets that wait for the
 * socket to be unlocked are not taken for more: most of them are acknowledgements. */
INLINE bool call_goes_on(struct call *call, struct arguments *arguments, struct tcp_sock *tcp,
                         u64 filled)
{
    bool waits = receive_flags(arguments) & MSG_WAITALL;

    if (tcp->rcv_nxt == tcp->copied_seq && !waits)
        return false;
    u64 room = call->buffer.pieces ? sum_pieces(call->buffer.address, call->buffer.pieces)
                                   : arguments->third;
    return filled < room;
}

SEC("tp_btf/tcp_rcv_space_adjust")
int bytes_received(u64 *ctx)
{
    struct sock *sk = (struct sock *)ctx[0];
    struct control *control = the_control();
    struct tcp_sock *tcp = bpf_skc_to_tcp_sock(sk);

    if (!control || !tcp)
        return 0;
    struct socket_state *state = state_of(sk);
    if (!state)
        return 0;
    u32 seq = tcp->copied_seq;
    u32 len = seq - state->received_seq;
    bool known = state->positions & POSITION_RECEIVED;
    state->received_seq = seq;
    state->positions |= POSITION_RECEIVED;
    if (!known || (s32)len <= 0 || control->capture_max == 0)
        return 0;

    struct call call = {.len = len, .direction = DIRECTION_RECEIVED, .end_seq = seq};
    struct task_struct *task = (struct task_struct *)bpf_get_current_task();
    struct arguments arguments = {};
    call.pid_tgid = bpf_get_current_pid_tgid();
    if (state->read_bytes && state->mover != call.pid_tgid)
        state->read_bytes = 0;
    bool found = find_received(&call, state, sk, &arguments, task);
    call.where = found ? WHERE_GIVEN : WHERE_NOWHERE;
    u64 filled = (u64)state->read_bytes + len;
    state->read_bytes = found && call_goes_on(&call, &arguments, tcp, filled) ? filled : 0;
    count_and_follow(sk, state, control, &call, SOURCE_READ);
    return 0;
}

/* === What is sent === */

/* Returns where the TCP header is, or 0. IPv6 extension headers are for nobody's data. */
INLINE u32 find_tcp(struct __sk_buff *packet)
{
    u8 ip[IPV4_HEADER_MIN];

    if (bpf_skb_load_bytes(packet, 0, ip, sizeof(ip)))
        return 0;
    if (ip[0] >> 4 == 4)
        return ip[9] == IPPROTO_TCP ? (ip[0] & 15) * 4 : 0;
    return ip[0] >> 4 == 6 && ip[6] == IPPROTO_TCP ? IPV6_HEADER : 0;
}

INLINE bool find_payload(struct segment *segment, struct __sk_buff *packet)
{
    u8 tcp[TCP_HEADER_MIN];
    u32 at = find_tcp(packet);

    if (at == 0 || bpf_skb_load_bytes(packet, at, tcp, sizeof(tcp)))
        return false;
    segment->seq = (u32)tcp[4] << 24 | (u32)tcp[5] << 16 | (u32)tcp[6] << 8 | tcp[7];
    segment->at = at + (tcp[12] >> 4) * 4;
    if (packet->len <= segment->at)
        return false;
    segment->len = packet->len - segment->at;
    return true;
}

/* Leaves of a segment what was not sent before; returns whether there is something. */
INLINE bool take_new(struct segment *segment, struct socket_state *state)
{
    u32 end = segment->seq + segment->len;

    if (!(state->positions & POSITION_SENT))
        state->sent_seq = segment->seq;
    state->positions |= POSITION_SENT;
    u32 fresh = end - state->sent_seq;
    if ((s32)fresh <= 0)
        return false;
    if (fresh > segment->len) {
        state->sent += fresh - segment->len; /* these left unseen */
        fresh = segment->len;
    }
    segment->at += segment->len - fresh;
    segment->len = fresh;
    state->sent_seq = end;
    return true;
}

/* Finds out who sends. Only the first packet of a message is asked: the others follow it. */
INLINE void find_sender(struct call *call, struct socket_state *state, u64 sk)
{
    struct task_struct *task = (struct task_struct *)bpf_get_current_task();
    struct arguments arguments = {};

    call->pid_tgid = state->mover;
    if (state->last_direction == DIRECTION_SENT + 1 && state->mover) {
        call->flags = state->guessed ? DATA_GUESSED_THREAD : 0;
        return;
    }
    state->guessed =
        !read_arguments(&arguments, task) || !read_fd_is_socket(task, arguments.fd, sk);
    if (state->guessed)
        call->flags = DATA_GUESSED_THREAD;
    else
        call->pid_tgid = current_pid_tgid(task);
}

INLINE void on_packet(struct __sk_buff *packet)
{
    struct control *control = the_control();
    struct segment segment;
    void *socket = packet->sk;

    if (!control || !socket)
        return;
    socket = bpf_sk_fullsock(socket);
    if (!socket || !find_payload(&segment, packet))
        return;
    struct sock *sk = (struct sock *)bpf_skc_to_tcp_sock(socket);
    if (!sk)
        return;
    struct socket_state *state = nameless_state_of(sk);
    if (!state)
        return;
    if (unlikely(!state->cookie))
        state->cookie =
            kernel_has & HAS_SOCKET_COOKIE ? bpf_get_socket_cookie(packet) : new_name();
    if (!take_new(&segment, state) || control->capture_max == 0)
        return;
    struct call call = {.len = segment.len, .direction = DIRECTION_SENT, .where = WHERE_GIVEN};
    call.end_seq = segment.seq + segment.len;
    call.buffer.other.packet = packet;
    call.buffer.address = segment.at;
    find_sender(&call, state, (u64)sk);
    if (call.pid_tgid)
        count_and_follow(sk, state, control, &call, SOURCE_PACKET);
    else
        state->sent += call.len; /* nobody we know of */
}

SEC("cgroup_skb/egress")
int packet_leaves(struct __sk_buff *packet)
{
    on_packet(packet);
    return 1; /* whatever happens here, the packet leaves */
}
