//! Protobuf messages as JSON: proto field names, fields without a value shown, 64-bit integers
//! as strings, enums by name.

use std::sync::LazyLock;

use prost_reflect::{DescriptorPool, DynamicMessage, SerializeOptions};
use serde_json::Value;

use super::OutputError;

static POOL: LazyLock<Result<DescriptorPool, prost_reflect::DescriptorError>> =
    LazyLock::new(|| DescriptorPool::decode(steeple_proto::DESCRIPTORS));

/// A message with its full proto name.
pub(crate) struct Message {
    name: &'static str,
    bytes: Vec<u8>,
}

impl Message {
    /// `name` is the full proto name of `M`.
    pub(crate) fn new<M: prost::Message>(name: &'static str, message: &M) -> Self {
        Self {
            name,
            bytes: message.encode_to_vec(),
        }
    }

    /// The message as JSON.
    pub(crate) fn to_json(&self) -> Result<Value, OutputError> {
        let defect = |why: &dyn std::fmt::Display| OutputError::Defect {
            message: self.name,
            why: why.to_string(),
        };
        let pool = POOL.as_ref().map_err(|error| defect(error))?;
        let descriptor = pool
            .get_message_by_name(self.name)
            .ok_or_else(|| defect(&"no such message"))?;
        let message = DynamicMessage::decode(descriptor, self.bytes.as_slice())
            .map_err(|error| defect(&error))?;
        let options = SerializeOptions::new()
            .use_proto_field_name(true)
            .skip_default_fields(false);
        message
            .serialize_with_options(serde_json::value::Serializer, &options)
            .map_err(|error| defect(&error))
    }
}

#[cfg(test)]
mod tests {
    use steeple_proto::{server, types};

    use super::*;
    use crate::output::json::{Escape, encode, without_nulls};

    fn line(message: &Message) -> String {
        encode(&without_nulls(message.to_json().unwrap()), Escape::Html)
    }

    #[test]
    fn unset_fields_are_shown_and_64_bit_integers_are_strings() {
        let entry = types::Entry {
            id: "one".into(),
            spiffe_id: Some(types::Spiffeid {
                trust_domain: "example.org".into(),
                path: "/a".into(),
            }),
            created_at: 1_700_000_000,
            ..Default::default()
        };
        assert_eq!(
            line(&Message::new("spire.api.types.Entry", &entry)),
            concat!(
                r#"{"admin":false,"created_at":"1700000000","dns_names":[],"downstream":false,"#,
                r#""expires_at":"0","federates_with":[],"hint":"","id":"one","jwt_svid_ttl":0,"#,
                r#""revision_number":"0","selectors":[],"#,
                r#""spiffe_id":{"path":"/a","trust_domain":"example.org"},"#,
                r#""store_svid":false,"x509_svid_ttl":0}"#
            )
        );
    }

    #[test]
    fn bytes_are_base64() {
        let bundle = types::Bundle {
            x509_authorities: vec![types::X509Certificate {
                asn1: vec![0xfb, 0xff].into(),
                tainted: true,
            }],
            ..Default::default()
        };
        let text = line(&Message::new("spire.api.types.Bundle", &bundle));
        assert!(
            text.contains(r#""x509_authorities":[{"asn1":"+/8=","tainted":true}]"#),
            "{text}"
        );
    }

    #[test]
    fn an_empty_list_is_shown() {
        let answer = server::entry::ListEntriesResponse::default();
        let name = "spire.api.server.entry.v1.ListEntriesResponse";
        assert_eq!(
            line(&Message::new(name, &answer)),
            r#"{"entries":[],"next_page_token":""}"#
        );
    }
}
