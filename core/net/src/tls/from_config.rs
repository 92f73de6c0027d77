//! From what the user wrote under `tls` to settings. It must not read files.

use tapline_config::{Opaque, TlsClientConfig, TlsVersion as Written};

use super::{Pem, TlsError, TlsSettings, TlsVersion, Verify};

impl TlsSettings {
    /// Takes over what the user wrote, except `insecure`: that is for the caller to obey.
    pub fn from_config(config: &TlsClientConfig) -> Result<Self, TlsError> {
        let (min_version, max_version) =
            version_bounds(config.oldest_version(), config.max_version)?;
        let name = &config.server_name_override;
        Ok(Self {
            verify: if config.insecure_skip_verify {
                Verify::Skip
            } else {
                Verify::Yes
            },
            server_name: (!name.is_empty()).then(|| name.clone()),
            ca: pem(&config.ca_file, &config.ca_pem),
            with_system_roots: config.include_system_ca_certs_pool,
            certificate: pem(&config.cert_file, &config.cert_pem),
            key: pem(&config.key_file, &config.key_pem),
            min_version: Some(min_version),
            max_version,
            cipher_suites: config.cipher_suites.clone(),
            curves: config.curve_preferences.clone(),
            reload_interval: (!config.reload_interval.is_zero())
                .then(|| config.reload_interval.get()),
        })
    }
}

/// Returns the oldest and the newest version to speak, of those that exist here.
pub(super) fn version_bounds(
    oldest: Written,
    newest: Option<Written>,
) -> Result<(TlsVersion, Option<TlsVersion>), TlsError> {
    let newest = match newest {
        None => None,
        Some(Written::V1_3) => Some(TlsVersion::Tls13),
        Some(Written::V1_2) => Some(TlsVersion::Tls12),
        Some(Written::V1_0 | Written::V1_1) => {
            return Err(TlsError::NotSupported("max_version below 1.2"));
        }
    };
    // Who allows older versions than 1.2 allows 1.2 as well.
    let oldest = match oldest {
        Written::V1_0 | Written::V1_1 | Written::V1_2 => TlsVersion::Tls12,
        Written::V1_3 => TlsVersion::Tls13,
    };
    Ok((oldest, newest))
}

pub(super) fn pem(file: &str, text: &Opaque) -> Option<Pem> {
    match (file.is_empty(), text.is_empty()) {
        (false, _) => Some(Pem::File(file.into())),
        (true, false) => Some(Pem::Text(text.reveal().to_owned())),
        (true, true) => None,
    }
}

#[cfg(test)]
mod tests {
    use tapline_config::{TlsClientConfig, TlsVersion as Written};

    use super::{Pem, TlsSettings, TlsVersion, Verify};

    #[test]
    fn takes_over_what_was_written() {
        let config = TlsClientConfig {
            insecure_skip_verify: true,
            ca_file: "/ca.pem".to_owned(),
            key_pem: "secret".into(),
            min_version: Some(Written::V1_0),
            max_version: Some(Written::V1_2),
            ..TlsClientConfig::default()
        };
        let settings = TlsSettings::from_config(&config).expect("is supported");
        assert_eq!(settings.verify, Verify::Skip);
        assert_eq!(settings.ca, Some(Pem::File("/ca.pem".into())));
        assert_eq!(settings.key, Some(Pem::Text("secret".to_owned())));
        assert_eq!(settings.min_version, Some(TlsVersion::Tls12));
        assert_eq!(settings.max_version, Some(TlsVersion::Tls12));
        assert_eq!(settings.server_name, None);
    }

    #[test]
    fn what_we_lack_is_said() {
        let max_version = Some(Written::V1_1);
        let old = TlsClientConfig {
            max_version,
            ..TlsClientConfig::default()
        };
        let message = |config| {
            TlsSettings::from_config(&config)
                .expect_err("is refused")
                .to_string()
        };
        assert_eq!(
            message(old),
            "max_version below 1.2 is not supported by tapline yet"
        );
    }
}
