//! PKCS#11 URIs (RFC 7512).

/// What a URI asks for; what it does not name may be anything.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Uri {
    pub(super) token: Option<String>,
    pub(super) manufacturer: Option<String>,
    pub(super) model: Option<String>,
    pub(super) serial: Option<String>,
    pub(super) slot: Option<u64>,
    pub(super) object: Option<Vec<u8>>,
    pub(super) id: Option<Vec<u8>>,
    pub(super) pin: Option<String>,
    pub(super) pin_file: Option<String>,
    pub(super) module: Option<String>,
}

impl Uri {
    /// Reads a URI. Attributes that are not known are passed over, as the RFC has it.
    ///
    /// # Errors
    /// When it is none. Says why, and repeats no PIN.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let rest = text
            .strip_prefix("pkcs11:")
            .ok_or("it does not begin with pkcs11:")?;
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut uri = Self::default();
        for part in path.split(';').filter(|part| !part.is_empty()) {
            let (name, value) = attribute(part)?;
            let text = || String::from_utf8_lossy(&value).into_owned();
            match name {
                "token" => uri.token = Some(text()),
                "manufacturer" => uri.manufacturer = Some(text()),
                "model" => uri.model = Some(text()),
                "serial" => uri.serial = Some(text()),
                "slot-id" => {
                    let slot = text().parse();
                    uri.slot = Some(slot.map_err(|_| "slot-id is no number")?);
                }
                "object" => uri.object = Some(value),
                "id" => uri.id = Some(value),
                _ => {}
            }
        }
        for part in query.split('&').filter(|part| !part.is_empty()) {
            let (name, value) = attribute(part)?;
            let text = String::from_utf8_lossy(&value).into_owned();
            match name {
                "pin-value" => uri.pin = Some(text),
                "pin-source" => {
                    uri.pin_file = Some(text.strip_prefix("file:").unwrap_or(&text).to_owned());
                }
                "module-path" => uri.module = Some(text),
                _ => {}
            }
        }
        Ok(uri)
    }
}

fn attribute(part: &str) -> Result<(&str, Vec<u8>), String> {
    let (name, value) = part.split_once('=').ok_or("an attribute has no value")?;
    let mut bytes = value.bytes();
    let mut decoded = Vec::new();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let digits = [bytes.next(), bytes.next()].map(Option::unwrap_or_default);
        let value = hex::decode(digits).map_err(|_| format!("{name} has a broken % escape"))?;
        decoded.extend(value);
    }
    Ok((name, decoded))
}

/// The URI without its query, in which a PIN may be: for messages.
pub(super) fn without_query(text: &str) -> &str {
    text.split('?').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_decoded() {
        let text = "pkcs11:token=My%20token;id=%01%ff;object=k;type=private;slot-id=7?pin-value=12%264&module-path=/lib/x.so";
        let expected = Uri {
            token: Some("My token".to_owned()),
            slot: Some(7),
            id: Some(vec![1, 255]),
            object: Some(b"k".to_vec()),
            pin: Some("12&4".to_owned()),
            module: Some("/lib/x.so".to_owned()),
            ..Uri::default()
        };
        assert_eq!(Uri::parse(text), Ok(expected));
        assert_eq!(without_query(text), text.split('?').next().unwrap());
        assert_eq!(Uri::parse("pkcs11:"), Ok(Uri::default()));
    }

    #[test]
    fn broken_ones_are_refused() {
        for text in [
            "x",
            "pkcs11:id",
            "pkcs11:id=%0",
            "pkcs11:id=%zz",
            "pkcs11:slot-id=x",
        ] {
            Uri::parse(text).unwrap_err();
        }
    }
}
