//! Conversations and what they come to, however their chunks are cut.

use tapline_protocols::conversation::Since;
use tapline_protocols::conversation::Toward;

use super::script::{Act, acts, chunk, replay, told};

/// Name, conversation, what it comes to.
const CONVERSATIONS: [(&str, &str, &str); 13] = [
    (
        "a simple query, its rows and its errors",
        "> startup me shop
         < R ; S ; K ; Z
         > Q SELECT * FROM users WHERE name = 'secret'
         < T ; D 100 ; D 7 ; N ; C SELECT 2 ; Z
         > Q SELECT nope FROM users
         < E 42703 ; Z",
        "SELECT users -> ok db=shop\nSELECT users -> 42703 db=shop\n",
    ),
    (
        "no encryption is not the end",
        "> tls
         < byte N
         > startup me -
         < R ; Z
         > Q BEGIN; UPDATE t SET a = 1; COMMIT
         < C BEGIN ; C UPDATE 1 ; C COMMIT ; Z",
        "BEGIN UPDATE t COMMIT -> ok db=\n",
    ),
    (
        "encryption is",
        "> tls
         < byte S
         > Q SELECT 1
         < Z",
        "",
    ),
    (
        "a request to cancel is none to the database",
        "> cancel",
        "",
    ),
    (
        "an extended query is told where it is executed",
        "> startup me shop
         < Z
         > P - SELECT * FROM t WHERE a = $1 ; B - - ; D P ; E - ; S
         < 1 ; 2 ; T ; D 9 ; C SELECT 1 ; Z",
        "SELECT t -> ok db=shop\n",
    ),
    (
        "a prepared statement has its name again",
        "> startup me shop
         < Z
         > P s1 INSERT INTO t VALUES ($1) ; D Ss1 ; S
         < 1 ; t ; n ; Z
         > B - s1 ; E - ; S
         < 2 ; C INSERT 0 1 ; Z
         > C S s1 ; S
         < 3 ; Z
         > B - s1 ; E - ; S
         < E 26000 ; Z",
        "PREPARE INSERT t -> ok db=shop\nINSERT t -> ok db=shop\n_OTHER -> 26000 db=shop\n",
    ),
    (
        "in a pipeline an error ends everything up to the synchronisation",
        "> startup me shop
         < Z
         > P a UPDATE t SET x=1 ; B - a ; E - ; P b DELETE FROM u ; B - b ; E - ; B - a ; E - ; S ; B - a ; E - ; S
         < 1 ; 2 ; C UPDATE 1 ; 1 ; E 42P01 ; Z ; 2 ; C UPDATE 1 ; Z",
        "UPDATE t -> ok db=shop\nDELETE u -> 42P01 db=shop\nUPDATE t -> 42P01 db=shop\n\
         UPDATE t -> ok db=shop\n",
    ),
    (
        "a statement that cannot be prepared",
        "> startup me shop
         < Z
         > P s SELECT nope ; S
         < E 42703 ; Z
         > Q SELECT 1
         < T ; D 5 ; C SELECT 1 ; Z",
        "PREPARE SELECT -> 42703 db=shop\nSELECT -> ok db=shop\n",
    ),
    (
        "rows are fetched in portions",
        "> startup me shop
         < Z
         > P - SELECT * FROM t ; B c - ; E c ; S
         < 1 ; 2 ; D 5 ; s ; Z
         > E c ; S
         < D 5 ; C SELECT 1 ; Z",
        "SELECT t -> ok db=shop\nSELECT t -> ok db=shop\n",
    ),
    (
        "data for COPY is no request, and the client that sends it waits",
        "> startup me shop
         < Z
         > Q COPY t FROM STDIN
         < G
         > d 1 secret ; d 2 secret ; c
         < C COPY 2 ; Z
         > Q COPY t TO STDOUT
         < H ; d 5 ; d 5 ; c ; C COPY 2 ; Z
         ! gap server ?
         > Q SELECT 1
         < C SELECT 1 ; Z
         > Q SELECT 1 FROM a
         < C SELECT 1 ; Z",
        "COPY t -> ok db=shop\nCOPY t -> ok db=shop\nSELECT a -> ok db=shop\n",
    ),
    (
        "an empty query",
        "> startup me shop
         < Z
         > Q --
         < I ; Z",
        "_OTHER -> ok db=shop\n",
    ),
    (
        "a connection that ends takes its queries with it",
        "> startup me shop
         < Z
         > Q SELECT pg_sleep(100)
         ! close",
        "SELECT -> !closed_by_client db=shop\n",
    ),
    (
        "an answer that is too late belongs to nobody else",
        "> startup me shop
         < Z
         > Q SELECT pg_sleep(100)
         ! expire
         < C SELECT 1 ; Z
         > Q SELECT 1 FROM a
         < E 57014 ; Z",
        "SELECT -> !timeout db=shop\nSELECT a -> 57014 db=shop\n",
    ),
];

#[test]
fn conversations_come_to_what_they_say() {
    for (name, script, expected) in CONVERSATIONS {
        assert_eq!(told(script, Since::Begin), expected, "{name}");
    }
}

#[test]
fn it_does_not_matter_where_chunks_are_cut() {
    for (name, script, expected) in CONVERSATIONS {
        let acts = acts(script);
        // A command that follows a loss is found at the beginning of its chunk.
        let fixed = acts.iter().position(|act| matches!(act, Act::Gap(..)));
        let fixed = fixed.unwrap_or(acts.len());
        for (index, act) in acts.iter().enumerate().take(fixed) {
            for cut in 1..size(act) {
                let mut acts = acts.clone();
                acts.splice(index..=index, pieces(act, cut));
                let seen = replay(&acts, Since::Begin).lines();
                assert_eq!(seen, expected, "{name}: {index}@{cut}");
            }
        }
        let mut bytewise: Vec<Act> = acts[..fixed]
            .iter()
            .flat_map(|act| pieces(act, 1))
            .collect();
        bytewise.extend_from_slice(&acts[fixed..]);
        assert_eq!(replay(&bytewise, Since::Begin).lines(), expected, "{name}");
    }
}

#[test]
fn rows_that_were_not_captured_cost_nothing_but_the_error() {
    let script = "
        > startup me shop
        < Z
        > Q SELECT * FROM t
        cut 20 < T ; D 9000 ; C SELECT 1 ; Z
        > Q SELECT * FROM u
        cut 20 < T ; D 9000 ; D 9000
        cut 20 < D 9000 ; D 9000
        cut 20 < D 9000 ; C SELECT 5 ; Z
        > P - SELECT * FROM v ; B - - ; E - ; S
        cut 20 < 1 ; 2 ; D 9000 ; C SELECT 1 ; Z
        > Q SELECT * FROM w
        < E 42P01 ; Z";
    let expected = "SELECT t -> ok db=shop\nSELECT u -> ok db=shop\nSELECT v -> ok db=shop\n\
                    SELECT w -> 42P01 db=shop\n";
    assert_eq!(told(script, Since::Begin), expected);
}

#[test]
fn a_long_statement_is_told_as_far_as_it_was_seen() {
    let long = format!(
        "> startup me shop\n< Z\ncut 60 > Q SELECT * FROM t WHERE a IN ({})\n< C SELECT 1 ; Z",
        "'secret', ".repeat(2000)
    );
    assert_eq!(told(&long, Since::Begin), "SELECT t -> ok db=shop\n");
}

#[test]
fn a_connection_with_a_past_is_understood_from_its_next_statement_on() {
    let script = "
        < D 10 ; C SELECT 1 ; Z
        > B - s7 ; E - ; S
        < 2 ; C SELECT 1 ; Z
        > Q DELETE FROM t
        < C DELETE 1 ; Z";
    assert_eq!(told(script, Since::Later), "_OTHER -> ok\nDELETE t -> ok\n");
}

fn size(act: &Act) -> usize {
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
    let toward: Toward = *toward;
    bytes
        .chunks(size)
        .map(|piece| chunk(toward, piece.to_vec()))
        .collect()
}
