/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Does a message start look like one of the protocols that are worth recognising right here, before
 * user space could say so? Cheap and generous: a false yes costs a few copied bytes, user space is
 * strict. Every other protocol is shown to user space, and copied on its verdict.
 */
#ifndef TAPLINE_CLASSIFY_H
#define TAPLINE_CLASSIFY_H

#include "maps.h"

#define CLASSIFY_BYTES 32
#define METHOD_MAX 24
/* Of a Redis command's arguments; the server takes a million at most. */
#define COUNT_DIGITS_MAX 7

enum looks {
    LOOKS_OTHER = 0,
    LOOKS_UNDECIDED = 1,
    LOOKS_HTTP1 = 2,
    LOOKS_REDIS = 3,
    LOOKS_POSTGRES = 4,
    LOOKS_TLS = 5, /* not parsed, but worth more than a glance */
    LOOKS_HTTP2 = 6,
};

INLINE bool is_method_letter(u8 c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' || c == '_';
}

/* `HTTP/1.`; the first `len` bytes of it are undecided. */
INLINE enum looks looks_response(const u8 *head, u32 len)
{
    const u8 want[7] = {'H', 'T', 'T', 'P', '/', '1', '.'};
#pragma unroll
    for (u32 i = 0; i < sizeof(want); i++) {
        if (i >= len)
            return LOOKS_UNDECIDED;
        if (head[i] != want[i])
            return LOOKS_OTHER;
    }
    return LOOKS_HTTP1;
}

/* A method, one space, and a target: `/path`, `*`, `http://...`, or CONNECT's `host:port`. */
INLINE enum looks looks_request(const u8 *head, u32 len)
{
    for (u32 i = 0; i < METHOD_MAX; i++) {
        if (i >= len)
            return LOOKS_UNDECIDED;
        u8 c = head[i];
        if (c == ' ' && i > 0) {
            if (i + 1 >= len)
                return LOOKS_UNDECIDED;
            u8 next = head[(i + 1) & (CLASSIFY_BYTES - 1)];
            bool connect = head[0] == 'C' && i == 7;
            if (next == '*' && head[0] == 'P' && i == 3)
                return LOOKS_HTTP2; /* "PRI * HTTP/2.0" */
            if (next == '/' || next == '*' || next == 'h' || next == 'H' || connect)
                return LOOKS_HTTP1;
            return LOOKS_OTHER;
        }
        if (!is_method_letter(c))
            return LOOKS_OTHER;
    }
    return LOOKS_OTHER;
}

/* What a load balancer may put before the first request (PROXY protocol 1 and 2), or an empty line
 * that a careless client does. User space skips it. */
INLINE enum looks looks_preamble(const u8 *head, u32 len)
{
    const u8 want[6] = {'P', 'R', 'O', 'X', 'Y', ' '};

    if (len > 0 && head[0] == '\r')
        return len < 2 ? LOOKS_UNDECIDED : head[1] == '\n' ? LOOKS_HTTP1 : LOOKS_OTHER;
#pragma unroll
    for (u32 i = 0; i < sizeof(want); i++) {
        if (i >= len)
            return LOOKS_UNDECIDED;
        if (head[i] != want[i])
            return LOOKS_OTHER;
    }
    return LOOKS_HTTP1;
}

/* `*3\r\n$`, as every command of a Redis client begins, or an inline `PING`. */
INLINE enum looks looks_redis(const u8 *head, u32 len)
{
    const u8 ping[4] = {'p', 'i', 'n', 'g'};

    if (len < 2)
        return len == 0 || head[0] == '*' ? LOOKS_UNDECIDED : LOOKS_OTHER;
    if (head[0] != '*') {
#pragma unroll
        for (u32 i = 0; i < sizeof(ping); i++) {
            if (i >= len)
                return LOOKS_UNDECIDED;
            if ((head[i] | 0x20) != ping[i])
                return LOOKS_OTHER;
        }
        if (len < 5)
            return LOOKS_UNDECIDED;
        return head[4] == '\r' || head[4] == '\n' ? LOOKS_REDIS : LOOKS_OTHER;
    }
    for (u32 i = 1; i < COUNT_DIGITS_MAX + 2; i++) {
        if (i >= len)
            return LOOKS_UNDECIDED;
        u8 c = head[i];
        if (c >= '0' && c <= '9')
            continue;
        if (i == 1 || c != '\r')
            return LOOKS_OTHER;
        if (i + 2 >= len)
            return LOOKS_UNDECIDED;
        bool fits = head[(i + 1) & (CLASSIFY_BYTES - 1)] == '\n' &&
                    head[(i + 2) & (CLASSIFY_BYTES - 1)] == '$';
        return fits ? LOOKS_REDIS : LOOKS_OTHER;
    }
    return LOOKS_OTHER;
}

/* What a Redis reply begins with. Good only for sockets known to speak it. */
INLINE bool begins_reply(u8 c)
{
    switch (c) {
    case '+': case '-': case ':': case '$': case '*': case '%': case '~': case '>': case '_':
    case '#': case ',':
        return true;
    default:
        return false;
    }
}

/* The first message of a PostgreSQL client (a length, then version 3 or a request for TLS, GSSAPI or
 * to cancel), or one with a statement: query, parse or bind, shorter than a mebibyte. */
INLINE enum looks looks_postgres(const u8 *head, u32 len)
{
    if (len < 8)
        return LOOKS_OTHER;
    if (head[0] == 0 && head[1] == 0) {
        bool version = head[4] == 0 && head[5] == 3 && head[6] == 0;
        bool request = head[4] == 0x04 && head[5] == 0xd2 && head[6] == 0x16 &&
                       head[7] >= 0x2e && head[7] <= 0x30;
        return version || request ? LOOKS_POSTGRES : LOOKS_OTHER;
    }
    if (head[0] != 'Q' && head[0] != 'P' && head[0] != 'B')
        return LOOKS_OTHER;
    if (head[1] != 0 || head[2] >= 0x10)
        return LOOKS_OTHER;
    u8 c = head[5] == 0 && head[0] != 'Q' ? head[6] : head[5];
    bool text = (c >= ' ' && c < 0x7f) || c == '\n' || c == '\t' || c == '\r';
    return text || (c == 0 && head[0] == 'B') ? LOOKS_POSTGRES : LOOKS_OTHER;
}

/* A hello of TLS 1.0 to 1.3, which says who is asked for and what was agreed upon. */
INLINE bool looks_tls_hello(const u8 *head, u32 len)
{
    return len > 5 && head[0] == 0x16 && head[1] == 3 && head[2] <= 3 &&
           (head[5] == 1 || head[5] == 2);
}

/* Looks at the first `len` bytes of one of this CPU's scratches. */
VERIFIED_ALONE u32 classify(u32 which, u32 len)
{
    struct scratch *scratch = scratch_of(which);

    if (!scratch)
        return LOOKS_OTHER;
    enum looks response = looks_response(scratch->data, len);
    if (response != LOOKS_OTHER)
        return response;
    enum looks preamble = looks_preamble(scratch->data, len);
    if (preamble != LOOKS_OTHER)
        return preamble;
    enum looks request = looks_request(scratch->data, len);
    if (request != LOOKS_OTHER)
        return request;
    enum looks redis = looks_redis(scratch->data, len);
    if (redis != LOOKS_OTHER)
        return redis;
    if (looks_tls_hello(scratch->data, len))
        return LOOKS_TLS;
    return looks_postgres(scratch->data, len);
}

#endif
