//! `tls` of a client: whom to trust, and how to prove who we are.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de};

use crate::{Duration, Invalid, Opaque, TpmConfig, Validate};

/// TLS as a client wants it. Empty texts mean "not set", as in the Collector.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "they are the Collector's keys"
)]
pub struct TlsClientConfig {
    /// Whether to speak without TLS; ignored when a certificate authority is given.
    pub insecure: bool,
    /// Whether any certificate of the server is good enough.
    pub insecure_skip_verify: bool,
    /// The name to ask for and to check, instead of the one in the endpoint.
    pub server_name_override: String,
    /// A file with the certificate authorities to trust.
    pub ca_file: String,
    /// The certificate authorities to trust, themselves.
    pub ca_pem: Opaque,
    /// A file with our certificate.
    pub cert_file: String,
    /// Our certificate, itself.
    pub cert_pem: Opaque,
    /// A file with our private key.
    pub key_file: String,
    /// Our private key, itself.
    pub key_pem: Opaque,
    /// The oldest version to accept.
    #[serde(deserialize_with = "version")]
    pub min_version: Option<TlsVersion>,
    /// The newest version to accept; the newest there is when not set.
    #[serde(deserialize_with = "version")]
    pub max_version: Option<TlsVersion>,
    /// Whether to trust the system's certificate authorities beside the given ones.
    pub include_system_ca_certs_pool: bool,
    /// Cipher suites by their IANA names; those that rustls thinks safe when empty.
    pub cipher_suites: Vec<String>,
    /// Not supported: there are no insecure suites here.
    pub include_insecure_cipher_suites: bool,
    /// Curves by Go's names, such as `X25519`; all there are when empty.
    pub curve_preferences: Vec<String>,
    /// How old certificate files may grow before they are read again; zero means never.
    pub reload_interval: Duration,
    /// Keys in a TPM. Not supported.
    pub tpm: TpmConfig,
}

/// A version of TLS.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema, Serialize,
)]
pub enum TlsVersion {
    /// TLS 1.0.
    #[serde(rename = "1.0")]
    V1_0,
    /// TLS 1.1.
    #[serde(rename = "1.1")]
    V1_1,
    /// TLS 1.2.
    #[serde(rename = "1.2")]
    V1_2,
    /// TLS 1.3.
    #[serde(rename = "1.3")]
    V1_3,
}

/// Reads a version; an empty text means that none was given.
fn version<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<TlsVersion>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.is_empty() {
        return Ok(None);
    }
    TlsVersion::deserialize(de::value::StrDeserializer::new(&text)).map(Some)
}

impl TlsClientConfig {
    /// Returns the oldest version to accept, 1.2 when not set.
    pub fn oldest_version(&self) -> TlsVersion {
        self.min_version.unwrap_or(TlsVersion::V1_2)
    }
}

impl Validate for TlsClientConfig {
    fn validate(&self) -> Vec<Invalid> {
        let mut invalid = Vec::new();
        let pairs = [
            ("ca_file", "ca_pem", &self.ca_file, &self.ca_pem),
            ("cert_file", "cert_pem", &self.cert_file, &self.cert_pem),
            ("key_file", "key_pem", &self.key_file, &self.key_pem),
        ];
        for (file, pem, path, text) in pairs {
            if !path.is_empty() && !text.is_empty() {
                invalid.push(Invalid::at(
                    pem,
                    format!("must not be given together with `{file}`"),
                ));
            }
        }
        let given = |file: &str, pem: &Opaque| !file.is_empty() || !pem.is_empty();
        let has_certificate = given(&self.cert_file, &self.cert_pem);
        let has_key = given(&self.key_file, &self.key_pem);
        if has_certificate && !has_key {
            invalid.push(Invalid::at("key_file", "is needed with a certificate"));
        }
        if has_key && !has_certificate {
            invalid.push(Invalid::at("cert_file", "is needed with a key"));
        }
        if self
            .max_version
            .is_some_and(|newest| newest < self.oldest_version())
        {
            invalid.push(Invalid::at(
                "max_version",
                "must not be older than `min_version`",
            ));
        }
        if self.include_insecure_cipher_suites {
            let message = "is not supported by tapline: it has no insecure cipher suites";
            invalid.push(Invalid::at("include_insecure_cipher_suites", message));
        }
        if self.tpm.enabled {
            invalid.push(Invalid::at("tpm::enabled", "is not supported by tapline"));
        }
        invalid
    }
}
