//! FastCGI. Records are built here, by the specification.

use tapline_protocols::{
    conversation::{Outcome, Since, Toward},
    parser::Told,
};

use super::script::{Act, cuts, in_pieces, protocol, recognised, replay};

const BEGIN: u8 = 1;
const END: u8 = 3;
const PARAMS: u8 = 4;
const STDIN: u8 = 5;
const STDOUT: u8 = 6;

/// A record with some padding, as nginx writes it.
fn record(kind: u8, id: u16, content: &[u8]) -> Vec<u8> {
    let len = u16::try_from(content.len()).expect("short");
    let padding = u8::try_from((8 - content.len() % 8) % 8).expect("a byte");
    let mut out = vec![1, kind];
    out.extend(id.to_be_bytes());
    out.extend(len.to_be_bytes());
    out.extend([padding, 0]);
    out.extend(content);
    out.resize(out.len() + usize::from(padding), 0);
    out
}

fn pair(name: &str, value: &str) -> Vec<u8> {
    let length = |text: &str| match u8::try_from(text.len()) {
        Ok(len) if len < 128 => vec![len],
        _ => (u32::try_from(text.len()).expect("short") | 0x8000_0000)
            .to_be_bytes()
            .to_vec(),
    };
    [length(name), length(value), name.into(), value.into()].concat()
}

fn asks(id: u16, target: &str, body: &[u8]) -> Vec<u8> {
    let params = [
        pair("REQUEST_METHOD", "POST"),
        pair("REQUEST_URI", target),
        pair("HTTP_COOKIE", &"s3cret".repeat(40)),
        pair("HTTP_HOST", "shop.example"),
        pair("SERVER_PROTOCOL", "HTTP/1.1"),
    ];
    [
        record(BEGIN, id, &[0, 1, 1, 0, 0, 0, 0, 0]),
        record(PARAMS, id, &params.concat()),
        record(PARAMS, id, b""),
        record(STDIN, id, body),
        record(STDIN, id, b""),
    ]
    .concat()
}

fn answers(id: u16, output: &str) -> Vec<u8> {
    [
        record(STDOUT, id, output.as_bytes()),
        record(STDOUT, id, b""),
        record(END, id, &[0; 8]),
    ]
    .concat()
}

fn to(toward: Toward, bytes: Vec<u8>) -> Act {
    Act::Chunk {
        toward,
        bytes,
        missing: 0,
    }
}

fn line(told: &Told) -> String {
    let Told::Http(exchange) = told else {
        panic!("{told:?} of HTTP")
    };
    let request = &exchange.request;
    let end = match (&exchange.response, exchange.outcome) {
        (Some(response), Outcome::Answered) => response.status.to_string(),
        (None, Outcome::Answered) => "nothing".to_owned(),
        (_, Outcome::Unanswered(why)) => format!("!{}", why.error_type()),
    };
    let cut = if request.truncated { " truncated" } else { "" };
    format!(
        "{} {} {} +{}{cut} -> {end}",
        request.method,
        request.host.as_deref().unwrap_or("?"),
        request.target,
        exchange.request_body_bytes
    )
}

fn conversation() -> Vec<Act> {
    vec![
        to(Toward::Server, asks(1, "/cart.php?a=1", b"form")),
        to(
            Toward::Client,
            answers(1, "Content-Type: text/html\r\n\r\nok"),
        ),
        to(
            Toward::Server,
            [asks(1, "/none.php", b""), asks(2, "/two.php", b"")].concat(),
        ),
        to(Toward::Client, answers(2, "Location: /there\r\n\r\n")),
        to(
            Toward::Client,
            answers(1, "Status: 404 Not Found\r\n\r\nno"),
        ),
    ]
}

const EXPECTED: &str = "\
POST shop.example /cart.php?a=1 +4 -> 200
POST shop.example /none.php +0 -> 404
POST shop.example /two.php +0 -> 302
";

#[test]
fn requests_are_told_as_those_of_http() {
    let fastcgi = protocol("fastcgi");
    let seen = replay(fastcgi, &conversation(), Since::Begin);
    assert_eq!(seen.lines(line), EXPECTED);
    assert!(!format!("{:?}", seen.told).contains("s3cret"));
    for size in 1..4 {
        let pieces = in_pieces(&conversation(), size);
        let lines = replay(fastcgi, &pieces, Since::Begin).lines(line);
        assert_eq!(lines, EXPECTED, "in pieces of {size}");
    }
    assert_eq!(recognised(&conversation(), false), Some(("fastcgi", 0)));
}

#[test]
fn recovers_wherever_it_is_cut() {
    for mut cut in cuts(&conversation()[..2]) {
        cut.extend([
            to(Toward::Server, asks(1, "/after.php", b"")),
            to(Toward::Client, answers(1, "Status: 503 Busy\r\n\r\n")),
        ]);
        let lines = replay(protocol("fastcgi"), &cut, Since::Later).lines(line);
        let last = lines.lines().last().expect("something");
        assert_eq!(last, "POST shop.example /after.php +0 -> 503");
        let wrong = lines
            .lines()
            .any(|line| line.contains("cart") && line.ends_with("503"));
        assert!(!wrong, "{lines}");
    }
}

#[test]
fn parameters_that_were_not_captured_say_so() {
    let mut bytes = asks(1, "/x.php", b"");
    let missing = bytes.len() - 60;
    bytes.truncate(60);
    let acts = [
        Act::Chunk {
            toward: Toward::Server,
            bytes,
            missing,
        },
        to(Toward::Client, answers(1, "\r\nok")),
    ];
    // That the parameters are complete was among what is missing: nothing is known to be asked.
    let lines = replay(protocol("fastcgi"), &acts, Since::Begin).lines(line);
    assert_eq!(lines, "");
}
