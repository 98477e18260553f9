//! Whose word a function takes for who answers it over HTTPS.
//!
//! Where Amazon answers, it is five authorities of Amazon's own that vouch for it. A function trusts these and no other, which
//! is safer than trusting some hundred and forty, and quicker to read. They are not a choice of ours:
//! Amazon recommends all five to whoever keeps a list of his own (<https://www.amazontrust.com/repository/>).
//!
//! Not decided here: when somebody says otherwise, see [`crate::clients`].

use aws_smithy_http_client::tls::TrustStore;

/// Amazon Root CA 1 to 4, and the Starfield Services Root that Amazon had before them. They expire in 2037 and later.
pub const AMAZON: &str = include_str!("amazon-roots.pem");

/// Nobody but Amazon.
pub fn amazon() -> TrustStore {
    TrustStore::empty().with_pem_certificate(AMAZON)
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
    use rustls_pki_types::CertificateDer;
    use rustls_pki_types::pem::PemObject as _;

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
