//! Certificates written one after the other, as the Workload API sends them.

use der::{Decode, Header, Reader, SliceReader};

use super::X509Error;

/// Splits concatenated DER certificates. They are not looked into.
///
/// # Errors
/// When the bytes are not whole DER values.
pub fn split_certificates(concatenated: &[u8]) -> Result<Vec<Vec<u8>>, X509Error> {
    let mut certificates = Vec::new();
    let mut rest = concatenated;
    while !rest.is_empty() {
        let (certificate, after) = first(rest)?;
        certificates.push(certificate.to_vec());
        rest = after;
    }
    Ok(certificates)
}

fn first(bytes: &[u8]) -> Result<(&[u8], &[u8]), X509Error> {
    let mut reader = SliceReader::new(bytes)?;
    let header = Header::decode(&mut reader)?;
    let head = usize::try_from(reader.position()).unwrap_or(usize::MAX);
    let body = usize::try_from(header.length()).unwrap_or(usize::MAX);
    bytes
        .split_at_checked(head.saturating_add(body))
        .ok_or_else(|| X509Error::Malformed("a certificate is cut off".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_whole_values() {
        let one = [0x30, 0x02, 0x05, 0x00];
        let two = [0x30, 0x00];
        let both = [&one[..], &two].concat();
        assert_eq!(
            split_certificates(&both).unwrap(),
            [one.to_vec(), two.to_vec()]
        );
        assert!(split_certificates(&[]).unwrap().is_empty());
    }

    #[test]
    fn refuses_what_is_cut_off() {
        assert!(split_certificates(&[0x30, 0x02, 0x05]).is_err());
        assert!(split_certificates(&[0x30]).is_err());
    }
}
