//! Hellos of `OpenSSL` 3, cut off at every byte, joined, split, and damaged.

use super::*;

const CLIENT_HELLO_13: &str = "\
    1603010200010001fc03032c531d1cbe36d310cd361848f1125212fefa5881ddb059c167c9d459e8e30cce20\
    d60e5e53e77ce386530f17e88eadfd49a287411f456553a2cfec733576974aac000813021303130100ff0100\
    01ab00000011000f00000c73686f702e6578616d706c65000b000403000102000a00160014001d0017001e00\
    19001801000101010201030104002300000010000e000c02683208687474702f312e31001600000017000000\
    0d001e001c040305030603080708080809080a080b080408050806040105010601002b0003020304002d0002\
    0101003300260024001d00200c2ab6a44e5aefe7e10f66bce65a2acd68355611e02849c33131543cf2bbfc7f\
    001500f900000000000000000000000000000000000000000000000000000000000000000000000000000000\
    0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000\
    0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000\
    0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000\
    0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000\
    000000000000000000000000000000000000000000000000000000000000000000";
const SERVER_HELLO_13: &str = "\
    160303007a020000760303eacc9dbd4def60c79c17b82a6f3790894cc3159df2c92615e55670b45cfa51b020\
    d60e5e53e77ce386530f17e88eadfd49a287411f456553a2cfec733576974aac130200002e002b0002030400\
    330024001d00205cf6039f3b24008e06bb79cad10e801f5921c449ae78d632f346e404c55cf9221403030001\
    011703030020ede9524680ae54079c0b7c34";
const CLIENT_HELLO_12: &str = "\
    16030100c4010000c0030367873cdd8d7d95f6ff302b9fa7147787026ac19e04194cdcc0fec19e1970e79a00\
    001ec02cc030c02bc02fcca9cca8c024c028c023c027009f009e006b006700ff0100007900000011000f0000\
    0c73686f702e6578616d706c65000b000403000102000a000c000a001d0017001e0019001800230000001000\
    0e000c02683208687474702f312e310016000000170000000d002a0028040305030603080708080809080a08\
    0b080408050806040105010601030303010302040205020602";
const SERVER_HELLO_12: &str = "\
    160303004a020000460303d19654eb184337bbd0e82197172601fbcaacf885c1c75ca7c394c493064dec8c00\
    c02c00001eff01000100000b000403000102002300000010000500030268320017000016030301910b00018d\
    00018a0001873082018330820129a003020102021469331e1186de938485cafe";
/// What a client of 1.3 sends when it has read the server's flight.
const FINISHED_13: &str = "140303000101170303004500";
/// What a client of 1.2 sends likewise, and what the server ends with.
const KEY_EXCHANGE_12: &str = "16030300251000002120";
const FINISHED_12: &str = "14030300010116030300280000";

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| {
        let pair = std::str::from_utf8(pair).expect("digits");
        u8::from_str_radix(pair, 16).expect("digits")
    };
    digits.chunks(2).map(byte).collect()
}

/// Feeds flights, a nanosecond apart, each in pieces of at most so many bytes.
fn watch(flights: &[(Toward, &str)], piece: usize) -> Handshake {
    let mut handshake = Handshake::default();
    for (number, (toward, hex)) in flights.iter().enumerate() {
        for piece in bytes(hex).chunks(piece) {
            handshake.feed(&Chunk {
                toward: *toward,
                at_ns: 100 + number as u64,
                bytes: piece,
                len: piece.len(),
                tail: &[],
                thread: 0,
            });
        }
    }
    handshake
}

#[test]
fn reads_who_is_asked_for_and_what_is_offered() {
    for hex in [CLIENT_HELLO_13, CLIENT_HELLO_12] {
        let hello = client_hello(&bytes(hex));
        assert_eq!(hello.server_name.as_deref(), Some("shop.example"));
        assert_eq!(hello.applications, ["h2", "http/1.1"]);
        assert_eq!(begins(&bytes(hex)), Some(Toward::Server));
    }
}

#[test]
fn reads_what_was_agreed_upon() {
    let hello = server_hello(&bytes(SERVER_HELLO_13));
    assert_eq!(hello.version, Some(Version::Tls13));
    assert_eq!(hello.application, None, "1.3 encrypts it");
    let hello = server_hello(&bytes(SERVER_HELLO_12));
    assert_eq!(hello.version, Some(Version::Tls12));
    assert_eq!(hello.application.as_deref(), Some("h2"));
}

#[test]
fn a_cut_hello_tells_nothing_that_is_not_so() {
    for hex in [CLIENT_HELLO_13, CLIENT_HELLO_12] {
        let whole = bytes(hex);
        for len in 0..whole.len() {
            let hello = client_hello(&whole[..len]);
            let name = hello.server_name.as_deref();
            assert!(name.is_none_or(|name| name == "shop.example"), "{len}");
            let offers = hello.applications;
            assert!(
                ["h2", "http/1.1"]
                    .starts_with(&offers.iter().map(String::as_str).collect::<Vec<_>>())
            );
        }
    }
    for (hex, version) in [
        (SERVER_HELLO_13, Version::Tls13),
        (SERVER_HELLO_12, Version::Tls12),
    ] {
        let whole = bytes(hex);
        for len in 0..whole.len() {
            let told = server_hello(&whole[..len]).version;
            assert!(told.is_none_or(|told| told == version), "{len}: {told:?}");
        }
    }
}

#[test]
fn damaged_hellos_do_not_panic() {
    for hex in [CLIENT_HELLO_13, SERVER_HELLO_13, SERVER_HELLO_12] {
        let whole = bytes(hex);
        for at in 0..whole.len() {
            for value in [0, 1, 0x7f, 0xff] {
                let mut damaged = whole.clone();
                damaged[at] = value;
                let _ = (client_hello(&damaged), server_hello(&damaged));
            }
        }
    }
}

#[test]
fn a_handshake_ends_when_the_last_word_is_said() {
    use Toward::{Client, Server};
    for piece in [usize::MAX, 7, 5, 1] {
        let thirteen = watch(
            &[
                (Server, CLIENT_HELLO_13),
                (Client, SERVER_HELLO_13),
                (Server, FINISHED_13),
            ],
            piece,
        );
        let session = thirteen.session().expect("hellos");
        assert_eq!(session.ended_ns, Some(102), "{piece}");
        assert_eq!(session.version, Some(Version::Tls13));
        assert_eq!(session.server_name.as_deref(), Some("shop.example"));
        let twelve = [
            (Server, CLIENT_HELLO_12),
            (Client, SERVER_HELLO_12),
            (Server, KEY_EXCHANGE_12),
        ];
        assert!(
            !watch(&twelve, piece).is_over(),
            "the server must still agree"
        );
        let twelve = [&twelve[..], &[(Client, FINISHED_12)]].concat();
        let twelve = watch(&twelve, piece);
        let session = twelve.session().expect("hellos");
        assert_eq!(session.ended_ns, Some(103), "{piece}");
        assert_eq!(session.application.as_deref(), Some("h2"));
    }
}

#[test]
fn what_begins_otherwise_is_no_handshake() {
    let other = watch(&[(Toward::Server, "0d0a0d0a00112233")], usize::MAX);
    assert!(other.is_over());
    assert_eq!(other.session(), None);
}
