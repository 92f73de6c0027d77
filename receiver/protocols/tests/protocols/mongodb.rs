//! MongoDB. The messages are built here, by the specification of the wire protocol and of BSON.

use tapline_protocols::{
    conversation::{Since, Toward},
    mongodb::MongoDb,
    parser::Told,
};

use super::script::{Act, cuts, in_pieces, operation, protocol, recognised, replay};

/// An element of a document.
enum Field<'a> {
    Text(&'a str, &'a str),
    Int(&'a str, i32),
    Double(&'a str, f64),
    Inner(&'a str, Vec<u8>),
    List(&'a str, Vec<u8>),
}

fn document(fields: &[Field<'_>]) -> Vec<u8> {
    let mut inner = Vec::new();
    let mut element = |kind: u8, name: &str, value: &[u8]| {
        inner.push(kind);
        inner.extend(name.as_bytes());
        inner.push(0);
        inner.extend(value);
    };
    for field in fields {
        match field {
            Field::Text(name, text) => {
                let len = u32::try_from(text.len() + 1).expect("short");
                let value = [&len.to_le_bytes()[..], text.as_bytes(), &[0]].concat();
                element(2, name, &value);
            }
            Field::Int(name, value) => element(0x10, name, &value.to_le_bytes()),
            Field::Double(name, value) => element(1, name, &value.to_le_bytes()),
            Field::Inner(name, document) => element(3, name, document),
            Field::List(name, document) => element(4, name, document),
        }
    }
    let len = u32::try_from(inner.len() + 5).expect("short");
    [&len.to_le_bytes()[..], &inner, &[0]].concat()
}

fn message(id: u32, to: u32, code: u32, body: &[u8]) -> Vec<u8> {
    let len = u32::try_from(body.len() + 16).expect("short");
    let head = [len, id, to, code].map(u32::to_le_bytes).concat();
    [&head[..], body].concat()
}

fn msg(id: u32, to: u32, flags: u32, document: &[u8]) -> Vec<u8> {
    let body = [&flags.to_le_bytes()[..], &[0], document].concat();
    message(id, to, 2013, &body)
}

fn packed(method: u8, plain: &[u8]) -> Vec<u8> {
    let (head, body) = plain.split_at(16);
    let data = match method {
        1 => snap::raw::Encoder::new().compress_vec(body).expect("fits"),
        2 => {
            let mut out = Vec::new();
            let mut stream = flate2::read::ZlibEncoder::new(body, flate2::Compression::default());
            std::io::Read::read_to_end(&mut stream, &mut out).expect("memory");
            out
        }
        3 => zstd::encode_all(body, 3).expect("memory"),
        _ => body.to_vec(),
    };
    let len = u32::try_from(body.len()).expect("short");
    let body = [&head[12..16], &len.to_le_bytes(), &[method], &data].concat();
    let word = |at: usize| u32::from_le_bytes(head[at..at + 4].try_into().expect("four"));
    message(word(4), word(8), 2012, &body)
}

fn find(id: u32, collection: &str) -> Vec<u8> {
    let filter = document(&[Field::Text("name", "s3cret"), Field::Int("n", 7)]);
    let fields = [
        Field::Text("find", collection),
        Field::Inner("filter", filter),
        Field::Text("$db", "shop"),
    ];
    msg(id, 0, 0, &document(&fields))
}

fn ok(id: u32, to: u32) -> Vec<u8> {
    let cursor = document(&[Field::List("firstBatch", document(&[]))]);
    let fields = [Field::Inner("cursor", cursor), Field::Double("ok", 1.0)];
    msg(id, to, 0, &document(&fields))
}

fn failed(id: u32, to: u32, name: &str) -> Vec<u8> {
    let fields = [
        Field::Double("ok", 0.0),
        Field::Text("errmsg", "no s3cret here"),
        Field::Int("code", 11000),
        Field::Text("codeName", name),
    ];
    msg(id, to, 0, &document(&fields))
}

fn to(toward: Toward, bytes: Vec<u8>) -> Act {
    Act::Chunk {
        toward,
        bytes,
        missing: 0,
    }
}

fn asks(bytes: Vec<u8>) -> Act {
    to(Toward::Server, bytes)
}

fn answers(bytes: Vec<u8>) -> Act {
    to(Toward::Client, bytes)
}

/// The operation without its sizes.
fn line(told: &Told) -> String {
    let mut line = operation(told);
    line.truncate(line.rfind(' ').expect("sizes"));
    line
}

fn told(acts: &[Act]) -> String {
    replay(protocol("mongodb"), acts, Since::Begin).lines(line)
}

fn conversation() -> Vec<Act> {
    let rows = document(&[Field::Text("0", "s3cret")]);
    let insert = {
        let command = document(&[Field::Text("insert", "cart"), Field::Text("$db", "shop")]);
        let documents = [rows.clone(), rows.clone(), rows].concat();
        let len = u32::try_from(4 + 10 + documents.len()).expect("short");
        let sequence = [&[1], &len.to_le_bytes()[..], b"documents\0", &documents].concat();
        let body = [&[0, 0, 0, 0, 0], &command[..], &sequence].concat();
        message(3, 0, 2013, &body)
    };
    let more = document(&[
        Field::Int("getMore", 9),
        Field::Text("collection", "user"),
        Field::Text("$db", "shop"),
    ]);
    let hello = {
        let command = document(&[Field::Int("isMaster", 1)]);
        let body = [
            &[0, 0, 0, 0][..],
            b"admin.$cmd\0",
            &[0; 4],
            &[255; 4],
            &command,
        ];
        message(1, 0, 2004, &body.concat())
    };
    let hello_ok = {
        let body = [&[0; 20][..], &document(&[Field::Double("ok", 1.0)])].concat();
        message(100, 1, 1, &body)
    };
    let quiet = document(&[Field::Text("update", "log"), Field::Text("$db", "shop")]);
    vec![
        asks(hello),
        answers(hello_ok),
        asks(find(2, "user")),
        answers(ok(101, 2)),
        asks([insert, msg(4, 0, 0, &more)].concat()),
        answers(failed(102, 4, "CursorNotFound")),
        answers(failed(103, 3, "DuplicateKey")),
        asks(msg(5, 0, 2, &quiet)),
    ]
}

const EXPECTED: &str = "\
isMaster @admin -> ok
find user @shop -> ok
insert cart @shop batch=3 -> DuplicateKey
getMore user @shop -> CursorNotFound
update log @shop -> ok
";

#[test]
fn pairs_by_the_ids_that_responses_name() {
    assert_eq!(told(&conversation()), EXPECTED);
    for size in 1..4 {
        let pieces = in_pieces(&conversation(), size);
        assert_eq!(told(&pieces), EXPECTED, "in pieces of {size}");
    }
}

#[test]
fn reads_compressed_messages_of_every_method() {
    for method in 0..4 {
        let acts = [
            asks(packed(method, &find(1, "user"))),
            answers(packed(method, &failed(2, 1, "Unauthorized"))),
        ];
        let expected = "find user @shop -> Unauthorized\n";
        assert_eq!(told(&acts), expected, "method {method}");
        assert_eq!(recognised(&acts, false), Some(("mongodb", 0)));
    }
}

#[test]
fn write_errors_are_errors_though_the_command_is_ok() {
    let error = document(&[Field::Int("index", 0), Field::Int("code", 11000)]);
    let errors = document(&[Field::Inner("0", error)]);
    let response = document(&[
        Field::Int("n", 0),
        Field::List("writeErrors", errors),
        Field::Double("ok", 1.0),
    ]);
    let acts = [asks(find(1, "user")), answers(msg(2, 1, 0, &response))];
    // `ok` comes behind the errors, and means only that the command itself was understood.
    assert_eq!(told(&acts), "find user @shop -> 11000\n");
}

#[test]
fn finds_its_place_after_a_loss_and_never_pairs_wrongly() {
    let acts = |number: u32| {
        let name = format!("E{number}");
        let collection = format!("c{number}");
        [
            asks(find(number, &collection)),
            answers(failed(1000 + number, number, &name)),
        ]
    };
    let all: Vec<Act> = (1..6).flat_map(acts).collect();
    for cut in cuts(&all) {
        let mut cut = cut;
        cut.push(Act::Expire);
        cut.extend(acts(7));
        let lines = told(&cut);
        for line in lines.lines().filter(|line| line.contains("-> E")) {
            let error = line.split("-> E").nth(1).expect("one");
            let collection = line.strip_prefix("find c");
            let is_unknown = collection.is_none();
            let is_own = collection.is_some_and(|collection| collection.starts_with(error));
            assert!(is_own || is_unknown, "{line}");
        }
        assert!(lines.ends_with("find c7 @shop -> E7\n"), "{lines}");
    }
}

#[test]
fn keeps_no_value() {
    let seen = replay(protocol("mongodb"), &conversation(), Since::Begin);
    assert!(!format!("{:?}", seen.told).contains("s3cret"));
}

#[test]
fn a_head_that_is_read_alone_is_not_believed_alone() {
    let split = |bytes: Vec<u8>| {
        let (head, body) = bytes.split_at(16);
        (head.to_vec(), body.to_vec())
    };
    let (head, body) = split(find(1, "user"));
    let (answer_head, answer_body) = split(ok(2, 1));
    let acts = [
        asks(head),
        asks(body),
        answers(answer_head),
        answers(answer_body),
    ];
    assert_eq!(recognised(&acts[..1], true), None);
    assert_eq!(recognised(&acts[..2], true), Some(("mongodb", 1)));
    assert_eq!(told(&acts), "find user @shop -> ok\n");
}

#[test]
fn holds_no_more_than_its_bound() {
    let acts: Vec<Act> = (1..1000).map(|id| asks(find(id, "user"))).collect();
    let seen = replay(protocol("mongodb"), &acts, Since::Begin);
    assert_eq!(seen.told.len(), 999 - tapline_protocols::mongodb::OPEN_MAX);
    assert!(MongoDb::buffered_bytes_max() < 512 * 1024);
}
