//! Distinguished names, encoded as Go's `crypto/x509/pkix` does, since SPIRE's certificates carry
//! them and peers compare names byte for byte.

use const_oid::{ObjectIdentifier, db::rfc4519};
use der::{Any, Decode, Encode, Tag};
use x509_cert::{
    attr::AttributeTypeAndValue,
    name::{Name, RdnSequence, RelativeDistinguishedName},
};

/// Why a name could not be built.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("cannot encode distinguished name: {0}")]
pub struct NameError(String);

impl From<der::Error> for NameError {
    fn from(error: der::Error) -> Self {
        Self(error.to_string())
    }
}

/// The attributes of a name. All values of one attribute go into one RDN, and RDNs come in the
/// order of the fields here, as in Go.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct NameBuilder {
    /// C.
    pub country: Vec<String>,
    /// O.
    pub organization: Vec<String>,
    /// OU.
    pub organizational_unit: Vec<String>,
    /// L.
    pub locality: Vec<String>,
    /// ST.
    pub province: Vec<String>,
    /// street.
    pub street_address: Vec<String>,
    /// postalCode.
    pub postal_code: Vec<String>,
    /// CN; left out when empty.
    pub common_name: String,
    /// serialNumber; left out when empty.
    pub serial_number: String,
}

const STREET_ADDRESS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.9");

impl NameBuilder {
    /// `C=US, O=<organization>`: SPIRE's default subjects.
    pub fn us(organization: &str) -> Self {
        Self {
            country: vec!["US".to_owned()],
            organization: vec![organization.to_owned()],
            ..Self::default()
        }
    }

    /// Whether there is no attribute at all.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The name as DER.
    ///
    /// # Errors
    /// When a value is too long to encode.
    pub fn to_der(&self) -> Result<Vec<u8>, NameError> {
        let single = |value: &String| {
            if value.is_empty() {
                vec![]
            } else {
                vec![value.clone()]
            }
        };
        let attributes = [
            (rfc4519::COUNTRY_NAME, self.country.clone()),
            (rfc4519::ORGANIZATION_NAME, self.organization.clone()),
            (
                rfc4519::ORGANIZATIONAL_UNIT_NAME,
                self.organizational_unit.clone(),
            ),
            (rfc4519::LOCALITY_NAME, self.locality.clone()),
            (rfc4519::ST, self.province.clone()),
            (STREET_ADDRESS, self.street_address.clone()),
            (rfc4519::POSTAL_CODE, self.postal_code.clone()),
            (rfc4519::COMMON_NAME, single(&self.common_name)),
            (rfc4519::SERIAL_NUMBER, single(&self.serial_number)),
        ];
        let mut name = RdnSequence::default();
        for (oid, values) in attributes.iter().filter(|(_, values)| !values.is_empty()) {
            let mut rdn = RelativeDistinguishedName::default();
            for value in values {
                let value = Any::new(string_tag(value), value.as_bytes())?;
                rdn.insert(AttributeTypeAndValue { oid: *oid, value })?;
            }
            name.push(rdn);
        }
        Ok(name.to_der()?)
    }

    /// Reads the known attributes out of a DER name; others are dropped, as Go does when it
    /// builds a name from a parsed one.
    ///
    /// # Errors
    /// When the bytes are not a name.
    pub fn from_der(der: &[u8]) -> Result<Self, NameError> {
        let name = Name::from_der(der)?;
        let mut built = Self::default();
        for attribute in name.iter() {
            let value = String::from_utf8_lossy(attribute.value.value()).into_owned();
            match attribute.oid {
                rfc4519::COUNTRY_NAME => built.country.push(value),
                rfc4519::ORGANIZATION_NAME => built.organization.push(value),
                rfc4519::ORGANIZATIONAL_UNIT_NAME => built.organizational_unit.push(value),
                rfc4519::LOCALITY_NAME => built.locality.push(value),
                rfc4519::ST => built.province.push(value),
                STREET_ADDRESS => built.street_address.push(value),
                rfc4519::POSTAL_CODE => built.postal_code.push(value),
                rfc4519::COMMON_NAME => built.common_name = value,
                rfc4519::SERIAL_NUMBER => built.serial_number = value,
                _ => {}
            }
        }
        Ok(built)
    }
}

/// PrintableString where its alphabet allows, else UTF8String. `*` and `&` are not in it, though
/// some encoders let them pass.
fn string_tag(value: &str) -> Tag {
    let printable = |byte: u8| byte.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(&byte);
    if value.bytes().all(printable) {
        Tag::PrintableString
    } else {
        Tag::Utf8String
    }
}
