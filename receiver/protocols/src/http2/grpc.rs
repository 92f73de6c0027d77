//! What gRPC means by its headers: statuses, deadlines, and what stands for a status where none
//! was sent (gRPC over HTTP/2; "HTTP to gRPC Status Code Mapping"; its "Errors" table).

use crate::rpc::{Source, Status};

/// The names of the statuses, by number.
const NAMES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];
const CANCELLED: u32 = 1;
const UNKNOWN: u32 = 2;
const DEADLINE_EXCEEDED: u32 = 4;
const PERMISSION_DENIED: u32 = 7;
const RESOURCE_EXHAUSTED: u32 = 8;
const UNIMPLEMENTED: u32 = 12;
const INTERNAL: u32 = 13;
const UNAVAILABLE: u32 = 14;
const DATA_LOSS: u32 = 15;
const UNAUTHENTICATED: u32 = 16;

/// Describes a status.
pub(super) fn status(code: u32, source: Source) -> Status {
    let name = usize::try_from(code).ok().and_then(|code| NAMES.get(code));
    Status {
        code,
        // Numbers without a name mean this one.
        name: name.unwrap_or(&NAMES[UNKNOWN as usize]),
        source,
        is_server_error: code as usize >= NAMES.len()
            || matches!(
                code,
                UNKNOWN | DEADLINE_EXCEEDED | UNIMPLEMENTED | INTERNAL | UNAVAILABLE | DATA_LOSS
            ),
        is_client_error: code != 0,
    }
}

/// Returns what a stream's error code means for the call on it.
pub(super) fn of_reset(code: u32) -> Status {
    let code = match code {
        0x7 => UNAVAILABLE,
        0x8 => CANCELLED,
        0xb => RESOURCE_EXHAUSTED,
        0xc => PERMISSION_DENIED,
        _ => INTERNAL,
    };
    status(code, Source::Reset)
}

/// Returns what it means that a call was given up after its deadline.
pub(super) fn of_deadline() -> Status {
    status(DEADLINE_EXCEEDED, Source::Deadline)
}

/// Returns what a response without a status means for a call.
pub(super) fn of_http(code: u16) -> Status {
    let code = match code {
        400 => INTERNAL,
        401 => UNAUTHENTICATED,
        403 => PERMISSION_DENIED,
        404 => UNIMPLEMENTED,
        429 | 502..=504 => UNAVAILABLE,
        _ => UNKNOWN,
    };
    status(code, Source::Http)
}

/// Returns whether a content type is one of gRPC.
pub(super) fn is_content_type(text: &str) -> bool {
    let rest = text
        .get(.."application/grpc".len())
        .filter(|start| start.eq_ignore_ascii_case("application/grpc"))
        .map(|start| &text[start.len()..]);
    rest.is_some_and(|rest| matches!(rest.as_bytes().first(), None | Some(b'+' | b'-' | b';')))
}

/// Reads a timeout: up to eight digits and a unit.
pub(super) fn timeout_ns(text: &str) -> Option<u64> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let unit_ns = match unit {
        "H" => 3_600_000_000_000,
        "M" => 60_000_000_000,
        "S" => 1_000_000_000,
        "m" => 1_000_000,
        "u" => 1_000,
        "n" => 1,
        _ => return None,
    };
    Some(digits.parse::<u64>().ok()?.saturating_mul(unit_ns))
}

/// Reads a method as a path says it: `/pkg.Service/Method`.
pub(super) fn method(path: &str) -> &str {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    path.strip_prefix('/').unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_timeouts() {
        assert_eq!(timeout_ns("250m"), Some(250_000_000));
        assert_eq!(timeout_ns("99999999H"), Some(u64::MAX));
        for bad in ["", "S", "1", "1s", "-1S", "123456789S", "1é"] {
            assert_eq!(timeout_ns(bad), None, "{bad}");
        }
    }

    #[test]
    fn knows_its_content_types() {
        for good in [
            "application/grpc",
            "application/grpc+proto",
            "application/grpc-web-text",
        ] {
            assert!(is_content_type(good), "{good}");
        }
        for bad in [
            "application/grpcs",
            "application/json",
            "application/grp",
            "",
        ] {
            assert!(!is_content_type(bad), "{bad}");
        }
    }

    #[test]
    fn names_what_has_no_name_unknown() {
        let strange = status(99, Source::Sent);
        assert_eq!((strange.name, strange.code), ("UNKNOWN", 99));
        assert!(strange.is_server_error);
        assert!(!status(5, Source::Sent).is_server_error);
    }
}
