//! Certificates for TLS tests, valid for 100 years. `testdata/tls/generate.sh` made them.
//!
//! The private keys are public knowledge. They must not be known outside tests.

/// The CA that signed [`SERVER_PEM`] and [`CLIENT_PEM`].
pub const CA_PEM: &str = include_str!("../testdata/tls/ca.pem");

/// A CA that signed nothing here.
pub const OTHER_CA_PEM: &str = include_str!("../testdata/tls/other-ca.pem");

/// A server certificate for `localhost`, `backend.test` and `127.0.0.1`.
pub const SERVER_PEM: &str = include_str!("../testdata/tls/server.pem");

/// The key of [`SERVER_PEM`].
pub const SERVER_KEY: &str = include_str!("../testdata/tls/server.key");

/// A client certificate.
pub const CLIENT_PEM: &str = include_str!("../testdata/tls/client.pem");

/// The key of [`CLIENT_PEM`].
pub const CLIENT_KEY: &str = include_str!("../testdata/tls/client.key");
