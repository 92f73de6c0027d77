//! `tls` of a server: who we are, and whose clients are let in.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de};

use crate::{Duration, Invalid, Opaque, TlsVersion, Validate};

/// TLS as a server wants it. Empty texts mean "not set", as in the Collector.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct TlsServerConfig {
    /// A file with certificate authorities; clients are judged by `client_ca_file` alone.
    pub ca_file: String,
    /// Certificate authorities, themselves.
    pub ca_pem: Opaque,
    /// Accepted; a server has no use for the authorities of the system.
    pub include_system_ca_certs_pool: bool,
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
    /// Cipher suites by their IANA names; those that rustls thinks safe when empty.
    pub cipher_suites: Vec<String>,
    /// Not supported: there are no insecure suites here.
    pub include_insecure_cipher_suites: bool,
    /// Curves by Go's names, such as `X25519`; all there are when empty.
    pub curve_preferences: Vec<String>,
    /// How old certificate files may grow before they are read again; zero means never.
    pub reload_interval: Duration,
    /// A file with the authorities that sign our clients; given one, clients need a certificate.
    pub client_ca_file: String,
    /// Whether that file is read again when it changes.
    pub client_ca_file_reload: bool,
    /// Keys in a TPM. Not supported.
    pub tpm: TpmConfig,
}

/// A key in a trusted platform module. Not supported; recognised so that the error is honest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct TpmConfig {
    /// Whether the key is in a TPM.
    pub enabled: bool,
    /// The device.
    pub path: String,
    /// The authorization of its owner.
    pub owner_auth: Opaque,
    /// The authorization of the key.
    pub auth: Opaque,
}

/// Reads a version; an empty text means that none was given.
fn version<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<TlsVersion>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.is_empty() {
        return Ok(None);
    }
    TlsVersion::deserialize(de::value::StrDeserializer::new(&text)).map(Some)
}

impl TlsServerConfig {
    /// Returns the oldest version to accept, 1.2 when not set.
    pub fn oldest_version(&self) -> TlsVersion {
        self.min_version.unwrap_or(TlsVersion::V1_2)
    }

    fn invalid_identity(&self) -> Vec<Invalid> {
        let mut invalid = Vec::new();
        let pairs = [
            ("ca_file", "ca_pem", &self.ca_file, &self.ca_pem),
            ("cert_file", "cert_pem", &self.cert_file, &self.cert_pem),
            ("key_file", "key_pem", &self.key_file, &self.key_pem),
        ];
        for (file, pem, path, text) in pairs {
            if !path.is_empty() && !text.is_empty() {
                let message = format!("must not be given together with `{file}`");
                invalid.push(Invalid::at(pem, message));
            }
        }
        let needed = [
            ("cert_file", &self.cert_file, &self.cert_pem),
            ("key_file", &self.key_file, &self.key_pem),
        ];
        for (key, path, text) in needed {
            if path.is_empty() && text.is_empty() {
                let message = "is needed: TLS servers have a certificate and its key";
                invalid.push(Invalid::at(key, message));
            }
        }
        invalid
    }
}

impl Validate for TlsServerConfig {
    fn validate(&self) -> Vec<Invalid> {
        let mut invalid = self.invalid_identity();
        if let Some(newest) = self.max_version {
            if newest < self.oldest_version() {
                let message = "must not be older than `min_version`";
                invalid.push(Invalid::at("max_version", message));
            } else if newest < TlsVersion::V1_2 {
                let message = "below 1.2 is not supported by tapline";
                invalid.push(Invalid::at("max_version", message));
            }
        }
        if self.include_insecure_cipher_suites {
            let message = "is not supported by tapline: it has no insecure cipher suites";
            invalid.push(Invalid::at("include_insecure_cipher_suites", message));
        }
        if self.tpm.enabled {
            let message = "is not supported by tapline";
            invalid.push(Invalid::at("tpm::enabled", message));
        }
        if self.client_ca_file_reload && self.client_ca_file.is_empty() {
            let message = "needs `client_ca_file`";
            invalid.push(Invalid::at("client_ca_file_reload", message));
        }
        invalid
    }
}
