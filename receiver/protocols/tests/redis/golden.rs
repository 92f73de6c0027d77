//! Conversations and what they come to, however their chunks are cut.

use tapline_protocols::conversation::Since;
use tapline_protocols::conversation::Toward;

use super::script::{Act, acts, command, replay, told};

/// Name, conversation, what it comes to.
const CONVERSATIONS: [(&str, &str, &str); 15] = [
    (
        "values never leave",
        "> SET user:42 hunter2
         < +OK
         > MGET a b c d e f
         < *2\\r\\n$3\\r\\nfoo\\r\\n$-1",
        "SET ? ? -> ok keys=1\nMGET ?{6} -> ok keys=6\n",
    ),
    (
        "a pipeline is answered in order, whatever the kind of reply",
        "> PING ; INCR n ; GET k ; LRANGE l 0 1 ; GET no ; DEL x y
         < +PONG ; :12 ; $3\\r\\na\\r\\n ; *2\\r\\n$1\\r\\na\\r\\n*1\\r\\n:5 ; $-1 ; -WRONGTYPE of x",
        "PING -> ok\nINCR ? -> ok keys=1\nGET ? -> ok keys=1\nLRANGE ? ? ? -> ok keys=1\n\
         GET ? -> ok keys=1\nDEL ? ? -> WRONGTYPE keys=2\n",
    ),
    (
        "a transaction says how many commands it is made of",
        "> MULTI ; SET a 1 ; INCR b ; EXEC ; GET a
         < +OK ; +QUEUED ; +QUEUED ; *2\\r\\n+OK\\r\\n-WRONGTYPE not a number ; $1\\r\\n1",
        "MULTI -> ok\nSET ? ? -> ok keys=1\nINCR ? -> ok keys=1\nEXEC -> WRONGTYPE batch=2\n\
         GET ? -> ok keys=1\n",
    ),
    (
        "a transaction that is thrown away",
        "> MULTI
         < +OK
         > NOPE x
         < -ERR unknown command 'NOPE'
         > EXEC
         < -EXECABORT Transaction discarded",
        "MULTI -> ok\n_OTHER -> ERR\nEXEC -> EXECABORT batch=0\n",
    ),
    (
        "what the server does not know is not told",
        ">> hunter\\r\\n
         < -ERR unknown command 'hunter'",
        "_OTHER -> ERR\n",
    ),
    (
        "inline commands and empty lines",
        ">> PING\\r\\n\\r\\nset  k v\\r\\n
         < +PONG ; +OK",
        "PING -> ok\nSET ? ? -> ok keys=1\n",
    ),
    (
        "the database is the one that was selected",
        "> SELECT 3 ; GET a
         < +OK ; $-1
         > SELECT x
         < -ERR invalid DB index
         > GET a
         < $-1",
        "SELECT ? -> ok\nGET ? -> ok db=3 keys=1\nSELECT ? -> ERR db=3\nGET ? -> ok db=3 keys=1\n",
    ),
    (
        "RESP3: maps, sets, doubles, nulls, booleans, big numbers, verbatim texts, attributes",
        "> HELLO 3
         < %2\\r\\n$6\\r\\nserver\\r\\n$5\\r\\nredis\\r\\n+proto\\r\\n:3
         > A.A ; A.B ; A.C ; A.D ; A.E ; A.F ; A.G ; A.H
         < ~2\\r\\n+a\\r\\n+b ; ,1.5 ; _ ; #t ; (123456789 ; =7\\r\\ntxt:abc ; |1\\r\\n+k\\r\\n+v\\r\\n:1 ; !7\\r\\nBAD yes",
        "HELLO ? -> ok\nA.A -> ok\nA.B -> ok\nA.C -> ok\nA.D -> ok\nA.E -> ok\nA.F -> ok\n\
         A.G -> ok\nA.H -> BAD\n",
    ),
    (
        "messages to subscribers are no answers",
        "> SUBSCRIBE a b
         < *3\\r\\n$9\\r\\nsubscribe\\r\\n$1\\r\\na\\r\\n:1
         < *3\\r\\n$9\\r\\nsubscribe\\r\\n$1\\r\\nb\\r\\n:2 ; *3\\r\\n$7\\r\\nmessage\\r\\n$1\\r\\na\\r\\n$1\\r\\nx
         > PING
         < *3\\r\\n$7\\r\\nmessage\\r\\n$1\\r\\na\\r\\n$1\\r\\nx ; *2\\r\\n$4\\r\\npong\\r\\n$0\\r\\n",
        "SUBSCRIBE ? ? -> ok\nPING -> ok\n",
    ),
    (
        "pushes come at any time",
        "> HELLO 3
         < >2\\r\\n$10\\r\\ninvalidate\\r\\n*1\\r\\n$1\\r\\nk ; %0
         > SUBSCRIBE a ; GET k
         < >3\\r\\n$9\\r\\nsubscribe\\r\\n$1\\r\\na\\r\\n:1 ; >3\\r\\n$7\\r\\nmessage\\r\\n$1\\r\\na\\r\\n$1\\r\\nx ; $1\\r\\nv",
        "HELLO ? -> ok\nSUBSCRIBE ? -> ok\nGET ? -> ok keys=1\n",
    ),
    (
        "a list that begins like a message is an answer to who did not subscribe",
        "> LRANGE l 0 9
         < *2\\r\\n$7\\r\\nmessage\\r\\n$1\\r\\na",
        "LRANGE ? ? ? -> ok keys=1\n",
    ),
    (
        "what follows MONITOR is no reply",
        "> MONITOR
         < +OK
         < +1700000000.1 [0 127.0.0.1:1] \"get\" \"a\"
         > GET a",
        "MONITOR -> ok\n",
    ),
    (
        "commands with two words",
        "> CLIENT SETNAME secret ; CONFIG GET x
         < +OK ; *0",
        "CLIENT SETNAME ? -> ok\nCONFIG GET ? -> ok\n",
    ),
    (
        "a connection that ends takes its commands with it",
        "> BLPOP q 0
         ! close",
        "BLPOP ? ? -> !closed_by_client keys=1\n",
    ),
    (
        "an answer that is too late belongs to nobody else",
        "> BLPOP q 0
         ! expire
         < *-1
         > GET a
         < $-1",
        "BLPOP ? ? -> !timeout keys=1\nGET ? -> ok keys=1\n",
    ),
];

#[test]
fn conversations_come_to_what_they_say() {
    for (name, script, expected) in CONVERSATIONS {
        assert_eq!(told(script), expected, "{name}");
    }
}

#[test]
fn it_does_not_matter_where_chunks_are_cut() {
    for (name, script, expected) in CONVERSATIONS {
        let acts = acts(script);
        for (index, act) in acts.iter().enumerate() {
            for cut in 1..len(act) {
                let mut acts = acts.clone();
                acts.splice(index..=index, pieces(act, cut));
                let seen = replay(&acts, Since::Begin).lines();
                assert_eq!(seen, expected, "{name}: {index}@{cut}");
            }
        }
        let bytewise: Vec<Act> = acts.iter().flat_map(|act| pieces(act, 1)).collect();
        assert_eq!(replay(&bytewise, Since::Begin).lines(), expected, "{name}");
    }
}

#[test]
fn values_that_were_not_captured_cost_nothing() {
    let expected = "SET ? ? -> ok keys=1\nGET ? -> ok keys=1\nGET ? -> ok keys=1\n";
    let script = "
        >> *3\\r\\n$3\\r\\nSET\\r\\n$1\\r\\nk\\r\\n$1000\\r\\nxxxx{998}
        < +OK
        > GET k
        << $1000\\r\\nxx{1000}
        > GET k
        << $1000\\r\\nxx{500}
        << {500}";
    assert_eq!(told(script), expected);
}

#[test]
fn a_cut_key_is_still_a_key_and_a_cut_name_is_unknown() {
    let script = "
        >> *2\\r\\n$3\\r\\nGET\\r\\n$1000\\r\\nxxxx{998}
        < $-1
        >> *2\\r\\n$2000\\r\\nGETxx{1997}
        >> $1\\r\\nk\\r\\n
        < -ERR unknown command 'x'";
    assert_eq!(
        told(script),
        "GET ? -> ok keys=1\n_OTHER -> ERR truncated\n"
    );
}

#[test]
fn a_reply_without_an_end_lasts_until_the_client_goes_on() {
    let script = "
        > LRANGE l 0 -1
        << *600\\r\\n$1\\r\\na\\r\\n$1{4000}
        << \\r\\nbbbb
        > GET a
        < $-1";
    assert_eq!(
        told(script),
        "LRANGE ? ? ? -> ok keys=1\nGET ? -> ok keys=1\n"
    );
}

#[test]
fn a_connection_with_a_past_is_understood_from_its_next_command_on() {
    let script = "
        << rest of a value\\r\\n
        > GET a
        < $-1
        > SELECT 1 ; GET a
        < +OK ; $-1";
    let seen = replay(&acts(script), Since::Later).lines();
    assert_eq!(
        seen,
        "GET ? -> ok db=? keys=1\nSELECT ? -> ok db=?\nGET ? -> ok db=1 keys=1\n"
    );
}

#[test]
fn commands_beyond_the_bound_are_told_as_unknown_and_pairing_goes_on() {
    let many: Vec<u8> = (0..600).flat_map(|_| command("PING")).collect();
    let script = [
        Act::Chunk {
            toward: Toward::Server,
            bytes: many,
            missing: 0,
        },
        Act::Chunk {
            toward: Toward::Client,
            bytes: b"+PONG\r\n".repeat(600),
            missing: 0,
        },
    ];
    let rest = acts("> GET a\n< -OOM x");
    let seen = replay(&[&script[..], &rest].concat(), Since::Begin).lines();
    assert_eq!(seen.matches("PING -> ok\n").count(), 512);
    assert_eq!(seen.matches("PING -> !too_many_open\n").count(), 88);
    assert!(seen.ends_with("GET ? -> OOM keys=1\n"), "{seen}");
}

fn len(act: &Act) -> usize {
    match act {
        Act::Chunk { bytes, .. } => bytes.len(),
        _ => 0,
    }
}

/// Cuts a chunk into pieces of a size.
fn pieces(act: &Act, size: usize) -> Vec<Act> {
    let Act::Chunk { toward, bytes, .. } = act else {
        return vec![act.clone()];
    };
    let piece = |bytes: &[u8]| Act::Chunk {
        toward: *toward,
        bytes: bytes.to_vec(),
        missing: 0,
    };
    bytes.chunks(size).map(piece).collect()
}
