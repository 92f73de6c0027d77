//! A cassette written by hand: what the kernel half would say, one line for each record.
//!
//! ```text
//! exec PID PATH ARGV0 [ARG..] [OTEL_..=VALUE..]     a process runs a program
//! open COOKIE client|server|unknown PID LOCAL REMOTE
//! COOKIE > TEXT      the process sent; \r, \n, \0 and \x7f are escapes, {N} is N bytes unseen
//! COOKIE < TEXT      the process received
//! COOKIE >T7 TEXT    the same on thread 7
//! close COOKIE [reset|peer]
//! refused COOKIE PID REMOTE
//! ```
//! Every line is one millisecond after the one before.

use std::{collections::HashMap, net::SocketAddr};

use tapline_ebpf::abi::{
    self, EventClose, EventConnectFailed, EventData, EventExec, EventHeader, EventOpen, Plain,
    Tuple,
};

const MS: u64 = 1_000_000;

/// Cuts every data record into records of at most this many bytes.
#[derive(Clone, Copy)]
pub(crate) struct Cut(pub(crate) usize);

/// The bytes of a cassette.
pub(crate) struct Tape {
    bytes: Vec<u8>,
    now_ns: u64,
    owners: HashMap<u64, u32>,
    positions: HashMap<(u64, u8), u64>,
    cut: usize,
}

impl Tape {
    /// Writes the script.
    pub(crate) fn written(script: &str, cut: Cut) -> Vec<u8> {
        let mut bytes = b"TAPCASS1".to_vec();
        bytes.extend(0_i64.to_le_bytes());
        bytes.extend(0_u32.to_le_bytes());
        let (owners, positions) = (HashMap::new(), HashMap::new());
        let mut tape = Self {
            bytes,
            now_ns: 1_000 * MS,
            owners,
            positions,
            cut: cut.0,
        };
        for line in script
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
        {
            tape.line(line);
            tape.now_ns += MS;
        }
        tape.bytes
    }

    fn line(&mut self, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["exec", pid, rest @ ..] => self.exec(number(pid), rest),
            ["open", cookie, role, pid, local, remote] => {
                self.open(
                    number(cookie).into(),
                    role,
                    number(pid),
                    tuple(local, remote),
                );
            }
            ["close", cookie, how @ ..] => self.close(number(cookie).into(), how.first()),
            ["refused", cookie, pid, remote] => {
                self.refused(
                    number(cookie).into(),
                    number(pid),
                    tuple("127.0.0.1:0", remote),
                );
            }
            [cookie, arrow, ..] => {
                let text = line.splitn(3, ' ').nth(2).unwrap_or_default();
                self.data(number(cookie).into(), arrow, text);
            }
            _ => panic!("not a line of a tape: {line}"),
        }
    }

    fn exec(&mut self, pid: u32, words: &[&str]) {
        let (env, args): (Vec<&str>, Vec<&str>) = words.iter().partition(|word| {
            word.split('=')
                .next()
                .is_some_and(|name| name.starts_with("OTEL_"))
        });
        let mut exec = EventExec {
            header: self.header(5, 0),
            start_boottime_ns: 0,
            tgid: pid,
            parent_tgid: 1,
            args_len: 0,
            env_len: 0,
            pad: 0,
            filename: [0; 256],
            args: [0; 1024],
        };
        exec.filename[..args[0].len()].copy_from_slice(args[0].as_bytes());
        let args = args[1..].join("\0");
        exec.args[..args.len()].copy_from_slice(args.as_bytes());
        exec.args_len = u16::try_from(args.len()).expect("short");
        let env = env.join("\0");
        exec.env_len = u16::try_from(env.len()).expect("short");
        self.record(&exec, env.as_bytes());
    }

    fn open(&mut self, cookie: u64, role: &str, pid: u32, tuple: Tuple) {
        self.owners.insert(cookie, pid);
        let role = match role {
            "client" => abi::ROLE_CLIENT,
            "server" => abi::ROLE_SERVER,
            _ => abi::ROLE_UNKNOWN,
        };
        let header = self.header(2, 0);
        let open = EventOpen {
            header,
            cookie,
            tuple,
            tgid: pid,
            tid: pid,
            role,
            ..Default::default()
        };
        self.record(&open, &[]);
    }

    /// `>` sent, `<` received; `T7` behind it names the thread.
    fn data(&mut self, cookie: u64, arrow: &str, text: &str) {
        let direction = u8::from(arrow.starts_with('<'));
        let owner = self.owners[&cookie];
        let tid = arrow
            .split_once('T')
            .map_or(owner, |(_, thread)| number(thread));
        let (text, unseen) = match text.split_once('{') {
            Some((text, unseen)) => (text, number(unseen.trim_end_matches('}'))),
            None => (text, 0),
        };
        let bytes = unescaped(text);
        let pieces: Vec<&[u8]> = bytes.chunks(self.cut).collect();
        for (index, piece) in pieces.iter().enumerate() {
            let last = index + 1 == pieces.len();
            let len = u32::try_from(piece.len()).expect("short") + if last { unseen } else { 0 };
            let position = self.positions.entry((cookie, direction)).or_default();
            let offset = *position;
            *position += u64::from(len);
            let event = EventData {
                header: self.header(1, 0),
                cookie,
                offset,
                tgid: owner,
                tid,
                len,
                copied: u16::try_from(piece.len()).expect("short"),
                direction,
                ..Default::default()
            };
            self.record(&event, piece);
        }
    }

    fn close(&mut self, cookie: u64, how: Option<&&str>) {
        let header = self.header(3, 0);
        let error = if how == Some(&"reset") { 104 } else { 0 };
        let flags = if how == Some(&"peer") {
            abi::CLOSE_BY_PEER
        } else {
            0
        };
        self.record(
            &EventClose {
                header,
                cookie,
                error,
                flags,
                ..Default::default()
            },
            &[],
        );
    }

    fn refused(&mut self, cookie: u64, pid: u32, tuple: Tuple) {
        let header = self.header(4, 0);
        let connect_ns = self.now_ns - MS / 2;
        let failed = EventConnectFailed {
            header,
            cookie,
            connect_ns,
            tuple,
            tgid: pid,
            tid: pid,
            error: 111,
            pad: 0,
        };
        self.record(&failed, &[]);
    }

    fn header(&self, kind: u16, size: u32) -> EventHeader {
        EventHeader {
            kind,
            version: abi::ABI_VERSION,
            size,
            at_ns: self.now_ns,
        }
    }

    fn record<T: Plain>(&mut self, head: &T, tail: &[u8]) {
        let head = abi::as_bytes(head);
        let len = u32::try_from(head.len() + tail.len()).expect("short");
        self.bytes.extend(len.to_le_bytes());
        self.bytes.extend(head);
        self.bytes.extend(tail);
    }
}

fn unescaped(text: &str) -> Vec<u8> {
    let text = text
        .replace("\\r", "\r")
        .replace("\\n", "\n")
        .replace("\\0", "\0");
    let mut parts = text.split("\\x");
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at(2);
        bytes.push(u8::from_str_radix(digits, 16).expect("two hexadecimal digits"));
        bytes.extend(rest.bytes());
    }
    bytes
}

fn number(text: &str) -> u32 {
    text.parse()
        .unwrap_or_else(|_| panic!("not a number: {text}"))
}

fn tuple(local: &str, remote: &str) -> Tuple {
    let end = |text: &str| -> ([u8; 16], u16) {
        let address: SocketAddr = text.parse().expect("address:port");
        let ip = match address.ip() {
            std::net::IpAddr::V4(ip) => ip.to_ipv6_mapped(),
            std::net::IpAddr::V6(ip) => ip,
        };
        (ip.octets(), address.port())
    };
    let ((local, local_port), (remote, remote_port)) = (end(local), end(remote));
    Tuple {
        local,
        remote,
        local_port,
        remote_port,
        netns: 1,
        family: 2,
        pad: [0; 6],
    }
}
