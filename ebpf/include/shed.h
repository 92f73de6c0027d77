/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Losing honestly. What is lost is counted in exchanges, each once, and when much is waiting whole
 * exchanges are let go before records get lost at random.
 *
 * A connection is let go when its hash is below a share that grows with what is waiting, so the
 * first to go and the last to come back are always the same ones, until the hash is salted anew.
 * The hash is of the addresses without their order: both ends on one machine go together.
 */
#ifndef TAPLINE_SHED_H
#define TAPLINE_SHED_H

#include "socket.h"

/* Somebody else's turn to be let go after 2^34 ns, 17 seconds. */
#define SALT_SHIFT 34
#define SHARES 256

INLINE void count_exchanges_lost(u32 count)
{
    struct loss *loss = my_losses();
    if (loss)
        loss->exchanges += count;
}

INLINE void count_exchange_lost(void)
{
    count_exchanges_lost(1);
}

/* Something of the exchange that goes on is lost. */
INLINE void lose_exchange(struct socket_state *state)
{
    if (state->flags & SOCKET_HIT)
        return;
    state->flags |= SOCKET_HIT;
    count_exchange_lost();
}

/* Which way requests go; a direction that does not exist when that is not known. */
INLINE u8 asking_direction(struct socket_state *state)
{
    return state->role == ROLE_CLIENT   ? DIRECTION_SENT
           : state->role == ROLE_SERVER ? DIRECTION_RECEIVED
                                        : DIRECTION_RECEIVED + 1;
}

/* A number below SHARES that both ends of a connection agree on. */
INLINE u32 share_of(struct sock *sk, struct socket_state *state, u64 now)
{
    u64 salt = (now >> SALT_SHIFT) * 0x9e3779b97f4a7c15ull;
    u16 family = 0;
    u16 port = 0;
    u16 peer_port = 0;
    u32 address = 0;
    u32 peer_address = 0;

    GET(family, sk->__sk_common.skc_family);
    GET(port, sk->__sk_common.skc_num);
    GET(peer_port, sk->__sk_common.skc_dport);
    GET(address, sk->__sk_common.skc_rcv_saddr);
    GET(peer_address, sk->__sk_common.skc_daddr);
    u64 ports = port ^ __builtin_bswap16(peer_port);
    u64 both = family == AF_UNIX ? state->cookie : address ^ peer_address;
    u64 mixed = (ports << 32 ^ both ^ salt) * 0xd6e8feb86659fd93ull;
    mixed ^= mixed >> 32;
    mixed *= 0xd6e8feb86659fd93ull;
    return mixed >> 56;
}

APART int decide_share(struct sock *sk, struct socket_state *state, struct control *control,
                       u64 waiting)
{
    u64 range = control->data_until - control->shed_from;
    u64 over = waiting - control->shed_from;
    bool shed = over >= range || share_of(sk, state, bpf_ktime_get_ns()) < over * SHARES / range;

    if (shed && !(state->flags & SOCKET_SHED)) {
        struct loss *loss = my_losses();
        if (loss)
            loss->shed_connections += 1;
    }
    state->flags = shed ? state->flags | SOCKET_SHED : state->flags & ~SOCKET_SHED;
    return 0;
}

/* Whether a turn this way begins an exchange. Not knowing who asks, we call that an exchange which
 * begins the way the socket was first seen to be used: as many, and told nowhere. */
INLINE bool is_asking(struct socket_state *state, u8 direction)
{
    if (state->role == ROLE_UNKNOWN)
        return state->first_direction == direction + 1;
    return asking_direction(state) == direction;
}

/* A new exchange begins, as far as turns can tell: it is followed as a whole, or let go. */
INLINE void begin_exchange(struct sock *sk, struct socket_state *state, struct control *control)
{
    u64 waiting = bytes_waiting();

    state->flags &= ~SOCKET_HIT;
    if (likely(waiting <= control->shed_from))
        state->flags &= ~SOCKET_SHED;
    else
        decide_share(sk, state, control, waiting);
}

INLINE void count_shed(struct socket_state *state)
{
    struct loss *loss = my_losses();
    if (loss && !(state->flags & SOCKET_HIT))
        loss->shed += 1;
    lose_exchange(state);
}

#endif
