/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Datagrams of DNS. Called by the socket hooks, for UDP sockets; has no hook of its own.
 *
 *   emits event_datagram
 *
 * A socket with a port of DNS is believed. Any other is looked at until it has moved so many
 * datagrams that were none, and costs one storage lookup from then on.
 */
#include "capture.h"

#define DNS_HEADER_BYTES 12
#define DNS_BYTES_MIN (DNS_HEADER_BYTES + 5)
/* All of most messages. */
#define DNS_CAPTURE_MAX 1024
#define STRANGE_DATAGRAMS_MAX 8
enum { PORT_DNS = 53, PORT_MDNS = 5353, PORT_LLMNR = 5355 };

/* What we remember of a UDP socket. Lives in the socket and dies with it. */
struct datagrams_state {
    u8 strange;
    u8 is_dns;
    u8 pad[6];
};

struct {
    MAP_UINT(type, BPF_MAP_TYPE_SK_STORAGE);
    MAP_UINT(map_flags, BPF_F_NO_PREALLOC);
    MAP_TYPE(key, int);
    MAP_TYPE(value, struct datagrams_state);
} datagram_sockets SEC(".maps");

struct datagram_scratch {
    struct event_datagram event; /* and right behind it, as in the ring: */
    u8 data[DNS_CAPTURE_MAX];
};

struct {
    MAP_UINT(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    MAP_UINT(max_entries, 1);
    MAP_TYPE(key, u32);
    MAP_TYPE(value, struct datagram_scratch);
} datagram_scratches SEC(".maps");

INLINE bool is_udp(struct sock *sk)
{
    u16 family = sk->__sk_common.skc_family;
    return (family == AF_INET || family == AF_INET6) && sk->sk_type == SOCK_DGRAM &&
           sk->sk_protocol == IPPROTO_UDP;
}

INLINE bool is_dns_port(u16 port)
{
    return port == PORT_DNS || port == PORT_MDNS || port == PORT_LLMNR;
}

/* Reads where a call sends to into an unconnected socket's tuple. */
INLINE void read_peer(struct tuple *tuple, u64 address)
{
    struct {
        u16 family;
        u16 port;
        u32 rest[6]; /* IPv4: the address; IPv6: the flow, the address, its scope */
    } peer = {0};

    if (!address || tuple->remote_port != 0)
        return;
    bpf_probe_read_user(&peer, 8, (void *)address);
    if (peer.family == AF_INET6)
        bpf_probe_read_user(&peer, sizeof(peer), (void *)address);
    if (peer.family != AF_INET && peer.family != AF_INET6)
        return;
    tuple->remote_port = __builtin_bswap16(peer.port);
    if (peer.family == AF_INET)
        mapped(tuple->remote, peer.rest[0]);
    else
        __builtin_memcpy(tuple->remote, peer.rest + 1, 16);
}

/* The first bytes of a message with one question, as the user half demands it. */
INLINE bool looks_like_dns(const u8 *bytes)
{
    bool is_answer = bytes[2] & 0x80;
    u8 opcode = (bytes[2] >> 3) & 0xf;
    u8 code = bytes[3] & 0xf;

    if ((opcode != 0 && opcode != 4 && opcode != 5) || (bytes[3] & 0x40))
        return false;
    if (bytes[4] != 0 || bytes[5] != 1 || bytes[8] > 1 || bytes[10] > 1)
        return false;
    return is_answer || (code == 0 && bytes[6] == 0 && bytes[7] == 0);
}

INLINE void emit_datagram(struct sock *sk, struct buffer *buffer, struct tuple *tuple, u32 len,
                          u8 direction)
{
    u32 zero = 0;
    struct datagram_scratch *record = bpf_map_lookup_elem(&datagram_scratches, &zero);
    struct scratch *scratch = scratch_of(SCRATCH_OF_CALLS);
    struct control *control = the_control();
    u64 pid_tgid = the_mover();
    u32 tgid = pid_tgid >> 32;

    if (!record || !scratch || !control || tgid == control->self_tgid ||
        bpf_map_lookup_elem(&ignored, &tgid))
        return;
    struct event_datagram *event = &record->event;
    u32 copied = copy_payload(buffer->address, buffer->pieces, len, DNS_CAPTURE_MAX,
                              SCRATCH_OF_CALLS);
    OPAQUE(copied);
    if (copied > DNS_CAPTURE_MAX)
        copied = DNS_CAPTURE_MAX;
    if (copied > 0)
        bpf_probe_read_kernel(record->data, copied, scratch->data);
    fill_header(&event->header, EVENT_DATAGRAM, sizeof(*event) + copied);
    event->cookie = bpf_get_socket_cookie(sk);
    event->tuple = *tuple;
    event->tgid = tgid;
    event->tid = pid_tgid;
    event->len = len;
    event->copied = copied;
    event->direction = direction;
    event->pad = 0;
    emit_data(record, sizeof(*event) + copied, control);
}

/* The scratch is the caller's alone, and with it the one of datagrams. */
INLINE void look_at_datagram(struct scratch *scratch, struct sock *sk, u32 len, int flags,
                             u8 direction)
{
    struct tuple tuple;
    struct buffer buffer;

    /* Whoever only looks looks again; with MSG_TRUNC the length is not that of the buffer. */
    if (direction == DIRECTION_RECEIVED && (flags & (MSG_PEEK | MSG_ERRQUEUE | MSG_TRUNC)))
        return;
    struct datagrams_state *state =
        bpf_sk_storage_get(&datagram_sockets, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
    if (!state || state->strange >= STRANGE_DATAGRAMS_MAX) {
        batch_passes(sk, len, direction);
        return;
    }
    if (!find_buffer(&buffer, sk, len, direction))
        return;
    read_tuple(&tuple, sk);
    if (direction == DIRECTION_SENT)
        read_peer(&tuple, buffer.peer);
    if (len < DNS_BYTES_MIN) {
        state->strange += !state->is_dns;
        return;
    }
    if (!state->is_dns) {
        copy_payload(buffer.address, buffer.pieces, len, DNS_HEADER_BYTES, SCRATCH_OF_CALLS);
        if (!is_dns_port(tuple.local_port) && !is_dns_port(tuple.remote_port) &&
            !looks_like_dns(scratch->data)) {
            state->strange += 1;
            return;
        }
        state->is_dns = 1;
    }
    emit_datagram(sk, &buffer, &tuple, len, direction);
}

/* A datagram of `len` bytes moved on a UDP socket. */
INLINE void datagram_moved(struct sock *sk, u32 len, int flags, u8 direction)
{
    struct control *control = the_control();

    if (!control || control->capture_max == 0)
        return;
    struct scratch *scratch = claim_scratch(SCRATCH_OF_CALLS);
    if (unlikely(!scratch)) {
        struct loss *loss = my_losses();
        if (loss)
            loss->busy += 1;
        return;
    }
    look_at_datagram(scratch, sk, len, flags, direction);
    release_scratch(scratch);
}
