//! Whose word a function takes for who answers it over HTTPS.
//!
//! Where Amazon answers, it is five authorities of Amazon's own that vouch for it. A function trusts these and no other, which
//! is safer than trusting some hundred and forty, and quicker to read. They are not a choice of ours:
//! Amazon recommends all five to whoever keeps a list of his own (<https://www.amazontrust.com/repository/>).
//!
//! Not decided here: when somebody says otherwise, see [`crate::clients`].

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

/// Amazon Root CA 1 to 4, and the Starfield Services Root that Amazon had before them. They expire in 2037 and later.
pub const AMAZON: &str = include_str!("amazon-roots.pem");

/// Who has to vouch for a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Amazon, and nobody else.
    Amazon,
    /// Whom the system trusts, or the files that `SSL_CERT_FILE` and `SSL_CERT_DIR` name.
    System,
}

impl Trust {
    /// The authorities' certificates. Those of the system's that cannot be read are left out: what they would have vouched for
    /// is refused.
    pub fn roots(self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        let (_, unreadable) = roots.add_parsable_certificates(match self {
            Self::Amazon => CertificateDer::pem_slice_iter(AMAZON.as_bytes()).filter_map(Result::ok).collect(),
            Self::System => of_the_system(),
        });
        if unreadable > 0 || roots.is_empty() {
            tracing::warn!(trusted = roots.len(), unreadable, "not every certificate of an authority can be read");
        }
        roots
    }
}

fn of_the_system() -> Vec<CertificateDer<'static>> {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!(%error, "certificates of authorities cannot be read");
    }
    found.certs
}

/// Whether Amazon's authorities vouch for the endpoints of a region: those of AWS itself and of `GovCloud`. China, the
/// isolated partitions and the European Sovereign Cloud have others, and so may what is to come.
/// <https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html>
pub fn is_amazons(region: &str) -> bool {
    const AREAS: [&str; 9] = ["af", "ap", "ca", "eu", "il", "me", "mx", "sa", "us"];
    match region.split('-').collect::<Vec<_>>()[..] {
        ["us", "gov", _, _] => true,
        [area, _, _] => AREAS.contains(&area),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_of_amazons_authorities_is_one_that_browsers_trust() {
        let amazons: Vec<_> =
            CertificateDer::pem_slice_iter(AMAZON.as_bytes()).map(|each| each.expect("a certificate")).collect();
        assert_eq!(amazons.len(), 5);
        for each in &amazons {
            assert!(webpki_root_certs::TLS_SERVER_ROOT_CERTS.contains(each), "{each:?}");
        }
    }
}
