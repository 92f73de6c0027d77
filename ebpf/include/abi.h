/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * What the kernel half tells the user half, byte for byte. `src/abi.rs` mirrors every struct here,
 * and `tests/abi.rs` compares both with the BTF of the compiled objects.
 *
 * Times are CLOCK_MONOTONIC nanoseconds. Addresses are 16 bytes, IPv4 as ::ffff:a.b.c.d.
 * Ports are in host order. Padding is explicit and zero.
 */
#ifndef TAPLINE_ABI_H
#define TAPLINE_ABI_H

#include "kernel.h"

#define ABI_VERSION 2

/* Bytes of one socket call that may be copied; a power of two. */
#define CAPTURE_MAX 8192
#define TAIL_MAX 8
#define ERROR_UNTOLD 4095
#define FILENAME_MAX_BYTES 256
#define ARGS_MAX_BYTES 1024
#define ENV_MAX_BYTES 8192

enum event_kind {
    EVENT_DATA = 1,
    EVENT_OPEN = 2,
    EVENT_CLOSE = 3,
    EVENT_CONNECT_FAILED = 4,
    EVENT_EXEC = 5,
    EVENT_FORK = 6,
    EVENT_EXIT = 7,
    EVENT_EXCHANGE = 8,
    EVENT_SUM = 9,
    EVENT_DATAGRAM = 16,
    EVENT_TLS_DATA = 20,
    EVENT_TLS_IO = 21,
    EVENT_TLS_END = 22,
};

enum direction { DIRECTION_SENT = 0, DIRECTION_RECEIVED = 1 };
enum role { ROLE_UNKNOWN = 0, ROLE_CLIENT = 1, ROLE_SERVER = 2 };

enum data_flags {
    DATA_NO_BUFFER = 1, /* sendfile, splice, kernel thread, 32-bit task: bytes moved unseen */
    DATA_ANEW = 2,      /* an exchange begins, and of the one before something is lost */
    DATA_ALONE = 4,     /* its exchanges are chosen one by one when some are let go */
    DATA_GUESSED_THREAD = 16, /* sent later than asked for: by whom was not seen */
};

enum close_flags {
    CLOSE_BY_PEER = 1, /* the peer's FIN came before ours */
    CLOSE_OF_PEER = 2, /* AF_UNIX: the peer will send no more; the socket is still open */
};

struct event_header {
    u16 kind;
    u16 version;
    u32 size; /* of the whole record */
    u64 at_ns;
};

struct tuple {
    u8 local[16];
    u8 remote[16];
    u16 local_port;
    u16 remote_port;
    u32 netns; /* inode of the network namespace */
    u16 family;
    u8 pad[6];
};

/* Bytes moved on a socket: where they stand in their stream, and a prefix of them. */
struct event_data {
    struct event_header header;
    u64 cookie;
    u64 offset; /* of the first byte, counted from when we first saw the socket */
    u32 tgid;
    u32 tid;
    u32 tcp_end_seq; /* TCP sequence number after the last byte; 0 for AF_UNIX */
    u32 len;         /* bytes moved */
    u16 copied;      /* bytes in data */
    u8 direction;
    u8 flags;
    u8 tail_len;
    u8 mode; /* of the socket, when this was made */
    u16 shed_share;    /* of SHARES: the chance that such an exchange had to be let go */
    u8 tail[TAIL_MAX]; /* the last bytes moved, when data ends before them */
    /* `copied` bytes follow */
};

/* A socket whose data follows: before its first event_data, and again when it may have been missed. */
struct event_open {
    struct event_header header;
    u64 cookie;
    u64 connect_ns;     /* connect() began; 0 when not seen */
    u64 established_ns; /* 0 when the connection is older than we are */
    struct tuple tuple;
    u32 tgid;
    u32 tid;
    u8 role;
    u8 pad[7];
};

/* A datagram of DNS. */
struct event_datagram {
    struct event_header header;
    u64 cookie;
    struct tuple tuple; /* remote end zero where a socket without one received it */
    u32 tgid;
    u32 tid;
    u32 len;
    u16 copied;
    u8 direction;
    u8 pad;
    /* `copied` bytes follow */
};

/* What a socket did whose payload nobody asked for: one finished pair of turns, or only the
 * counters. Who asks is known from the handshake, or from the verdict; else there are no pairs. */
struct event_exchange {
    struct event_header header;
    u64 cookie;
    u64 started_ns;  /* first byte of the request; 0 when there is no pair to tell */
    u64 answered_ns; /* first byte of the response; 0 when the socket ended without one */
    u64 ended_ns;    /* last byte of the response, else of the request */
    u64 request_bytes;
    u64 response_bytes;
    u64 sent; /* by the socket since we first saw it, as in event_data.offset */
    u64 received;
    u32 tgid; /* moved the first byte of the request; without a pair, the last bytes */
    u32 tid;
    u8 role;
    u8 mode; /* of the socket, when this was made */
    u16 shed_share; /* as in event_data, of this pair */
    u8 pad[4];
};

/* Buckets of summed durations: up to 1, 2.5, 5, 10, 25, 50 and 100 ms. */
#define SUM_BUCKETS 7

/* Finished pairs of turns that came too fast to be told one by one, since the last such record. */
struct event_sum {
    struct event_header header;
    u64 cookie;
    u64 lasted_ns; /* all together */
    u64 sent;      /* by the socket since we first saw it, as in event_exchange */
    u64 received;
    u32 buckets[SUM_BUCKETS];
    u32 shortest_ns;
    u32 longest_ns;
    u32 tgid; /* moved the first byte of the last request */
    u32 tid;
    u8 role;
    u8 mode;
    u8 pad[2];
};

struct event_close {
    struct event_header header;
    u64 cookie;
    u64 sent_bytes;
    u64 received_bytes;
    u32 srtt_us;
    u32 retransmits;
    u32 error; /* errno of the socket, 0 for an orderly end */
    u32 flags;
};

struct event_connect_failed {
    struct event_header header;
    u64 cookie;
    u64 connect_ns;
    struct tuple tuple;
    u32 tgid;
    u32 tid;
    u32 error; /* errno; 0 when the process gave up itself, ERROR_UNTOLD when connect() failed
                  before the socket knew why */
    u32 pad;
};

enum tls_data_flags {
    TLS_DATA_NO_BUFFER = 1, /* the plaintext could not be read */
    TLS_DATA_FROM_START = 2, /* the handshake of the stream was seen */
    TLS_DATA_UNENDED = 4, /* nobody hears of its end: offsets go on in the next of its address */
};

/* Plaintext that a TLS library took or gave, and a prefix of it. */
struct event_tls_data {
    struct event_header header;
    u64 stream; /* the library's object, unique in its process while it lives */
    u64 cookie; /* of the socket that moved bytes inside its calls; 0 if none did */
    u64 offset; /* of the first byte in its direction of the plaintext */
    u32 tgid;
    u32 tid;
    u32 len;    /* bytes taken or given */
    u16 copied; /* bytes in data */
    u8 direction;
    u8 flags;
    u8 tail_len;
    u8 pad[7];
    u8 tail[TAIL_MAX]; /* the last of them, when data ends before them */
    /* `copied` bytes follow */
};

/* Records of one socket call whose lengths are told. */
#define TLS_RECORDS_MAX 4

/* Encrypted bytes moved outside any call of the library: whose they are is found by their lengths. */
struct event_tls_io {
    struct event_header header;
    u64 cookie;
    u32 tgid;
    u32 tid;
    u32 len;
    u8 direction;
    u8 count; /* of `records` */
    u8 begun; /* rustls read the hello of the peer */
    u8 pad;
    u16 records[TLS_RECORDS_MAX]; /* lengths of records with application data; 0 for others */
};

/* The library let go of its object: another may get its address. */
struct event_tls_end {
    struct event_header header;
    u64 stream;
    u32 tgid;
    u32 pad;
};

struct event_exec {
    struct event_header header;
    u64 start_boottime_ns;
    u32 tgid;
    u32 parent_tgid;
    u16 args_len;
    u16 env_len;
    u32 pad;
    u8 filename[FILENAME_MAX_BYTES]; /* NUL-terminated */
    u8 args[ARGS_MAX_BYTES];         /* NUL-separated */
    /* `env_len` bytes of environment follow, NUL-separated; only OTEL_* is ever looked at */
};

struct event_fork {
    struct event_header header;
    u64 start_boottime_ns;
    u32 tgid;
    u32 parent_tgid;
};

struct event_exit {
    struct event_header header;
    u32 tgid;
    u32 pad;
};

/* One socket that existed before us; records of the iterator, not of the ring. */
struct existing_socket {
    u64 cookie;
    struct tuple tuple;
    u32 tgid;
    u32 state;
};

/* What the bytes of a socket are to the kernel half. */
enum mode {
    MODE_PENDING = 0, /* looked at, and counted, until user space has a verdict */
    MODE_PARSE = 1,   /* copied */
    MODE_LENGTHS = 2, /* counted: event_exchange instead of event_data */
    MODE_SILENT = 3,  /* nothing is told but the end */
};

enum verdict_flags {
    VERDICT_EVERY_CALL = 1, /* a message may begin in any call, so every call has its budget */
    VERDICT_LOOK = 2,       /* of lengths: every so many turns are shown nevertheless */
    VERDICT_SUM = 4,        /* of lengths: nobody asks for single exchanges */
    VERDICT_ALONE = 8,      /* no exchange needs an earlier one to be understood */
};

/* What user space found a socket to be; in `verdicts`, by cookie. */
struct verdict {
    u32 capture_bytes; /* of a call; 0 for control.capture_max */
    u8 mode;
    u8 role; /* for a socket whose handshake was not seen */
    u8 flags;
    u8 pad;
};

/* What user space tells the kernel half; one entry in `control`. */
struct control {
    u32 generation; /* changes whenever `ignored` does */
    u32 self_tgid;  /* found by the iterator, which runs as us */
    u32 capture_max;  /* 0 until every hook is attached */
    u32 announcement; /* changes when user space may have missed an event_open */
    u32 verdict_generation; /* changes when a verdict does that was acted upon */
    u32 shed_from;  /* bytes waiting in the ring from which a share of the connections is let go */
    u32 data_until; /* bytes waiting from which only beginnings and ends are taken */
    u32 shed_share; /* of SHARES: the exchanges that the governor lets go */
    u32 slot;       /* counts the stretches of time for which connections are chosen */
};

/* Per CPU, in `losses`. */
struct loss {
    u64 events;      /* records the full ring had no room for */
    u64 bytes;       /* their size */
    u64 busy;        /* payloads left out because the scratch was in use */
    u64 unreadable;  /* payloads whose user memory could not be read */
    u64 no_state;    /* calls on sockets that the kernel gave no storage for */
    u64 exchanges;   /* exchanges of which something is missing, whatever the reason */
    u64 shed;        /* of these, those let go as a whole, whatever the reason */
    u64 governed;    /* of these, those that the governor's share let go */
    u64 shed_connections; /* times a connection was let go */
};

#endif
