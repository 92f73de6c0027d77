//! An address and a port as one text.

use tapline_pdata::view::Value;

/// Returns `address:port`, `[address]:port` for IPv6, or the address alone.
pub(super) fn endpoint(address: &str, port: Option<i64>) -> String {
    match port {
        Some(port) if address.contains(':') => format!("[{address}]:{port}"),
        Some(port) => format!("{address}:{port}"),
        None => address.to_owned(),
    }
}

/// Finds the first address among pairs of attributes, with its port.
pub(super) fn find<'a>(
    attr: impl Fn(&str) -> Option<Value<'a>>,
    pairs: &[(&str, &str)],
) -> Option<String> {
    pairs.iter().find_map(|(address, port)| {
        let address = attr(address)?;
        let address = address.as_str().filter(|text| !text.is_empty())?;
        Some(endpoint(address, attr(port).and_then(|port| port.as_int())))
    })
}
