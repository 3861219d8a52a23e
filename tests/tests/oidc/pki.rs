//! A web CA for the cases.

use anyhow::Result;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use steeple_tests::Place;

/// A CA.
pub(crate) struct Ca(CertifiedIssuer<'static, KeyPair>);

impl Ca {
    pub(crate) fn new() -> Result<Self> {
        let mut params = CertificateParams::new(Vec::new())?;
        // Not the name that leaves have without being told: they would look self-signed.
        params.distinguished_name.push(DnType::CommonName, "Web CA");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Ok(Self(CertifiedIssuer::self_signed(
            params,
            KeyPair::generate()?,
        )?))
    }

    /// The CA's certificate.
    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// Writes `<name>.pem` and `<name>.key` for these names.
    pub(crate) fn issue(&self, place: &Place, name: &str, names: &[&str]) -> Result<()> {
        let key = KeyPair::generate()?;
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let certificate = CertificateParams::new(names)?.signed_by(&key, &self.0)?;
        place.write(&format!("{name}.pem"), certificate.pem())?;
        place.write(&format!("{name}.key"), key.serialize_pem())?;
        Ok(())
    }
}
