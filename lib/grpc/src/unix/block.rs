//! Header blocks: decoded with the client's HPACK state, written without any.

use loona_hpack::Decoder;

/// The dynamic table size that both ends start with (RFC 9113, 6.5.2) and that our server never
/// changes.
const TABLE_SIZE: usize = 4096;

/// Largest header list that is taken on, counted as RFC 9113, 6.5.2 does. The server behind
/// refuses far smaller ones.
const MAX_LIST: usize = 256 * 1024;

/// Name and value, in the order they were sent.
pub(super) type Fields = Vec<(Vec<u8>, Vec<u8>)>;

/// The client's side of header compression.
pub(super) struct Blocks {
    decoder: Decoder<'static>,
}

impl Blocks {
    pub(super) fn new() -> Self {
        let mut decoder = Decoder::new();
        decoder.set_max_allowed_table_size(TABLE_SIZE);
        Self { decoder }
    }

    /// Reads one complete block; `None` when it is malformed or too large.
    pub(super) fn decode(&mut self, block: &[u8]) -> Option<Fields> {
        let mut fields = Fields::new();
        let mut size = 0usize;
        let read = self.decoder.decode_with_cb(block, |name, value| {
            size = size.saturating_add(name.len() + value.len() + 32);
            if size <= MAX_LIST {
                fields.push((name.into_owned(), value.into_owned()));
            }
        });
        (read.is_ok() && size <= MAX_LIST).then_some(fields)
    }
}

/// Whether HTTP/2 servers take the authority in `fields`, or there is none.
pub(super) fn acceptable(fields: &Fields) -> bool {
    authorities(fields).all(|value| http::uri::Authority::try_from(value).is_ok())
}

fn authorities(fields: &Fields) -> impl Iterator<Item = &[u8]> {
    fields
        .iter()
        .filter(|(name, _)| name == b":authority")
        .map(|(_, value)| value.as_slice())
}

/// Puts `localhost` where an authority would be refused.
pub(super) fn mend(fields: &mut Fields) {
    for (name, value) in fields {
        if name == b":authority" && http::uri::Authority::try_from(value.as_slice()).is_err() {
            *value = b"localhost".to_vec();
        }
    }
}

/// Writes `fields` as literals that touch no compression state (RFC 7541, 6.2.2): whatever was
/// written before, the reader decodes them alike.
pub(super) fn encode(fields: &Fields) -> Vec<u8> {
    let size = fields
        .iter()
        .map(|(name, value)| name.len() + value.len() + 8)
        .sum();
    let mut out = Vec::with_capacity(size);
    for (name, value) in fields {
        out.push(0);
        push_string(&mut out, name);
        push_string(&mut out, value);
    }
    out
}

/// A string without Huffman coding (RFC 7541, 5.2).
fn push_string(out: &mut Vec<u8>, text: &[u8]) {
    const PREFIX: usize = 0x7f;
    if text.len() < PREFIX {
        out.push(text.len() as u8);
    } else {
        out.push(PREFIX as u8);
        let mut rest = text.len() - PREFIX;
        while rest >= 0x80 {
            out.push((rest & 0x7f) as u8 | 0x80);
            rest >>= 7;
        }
        out.push(rest as u8);
    }
    out.extend_from_slice(text);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fields(pairs: &[(&str, &str)]) -> Fields {
        pairs
            .iter()
            .map(|(n, v)| (n.as_bytes().to_vec(), v.as_bytes().to_vec()))
            .collect()
    }

    #[test]
    fn mends_only_an_authority_that_would_be_refused() {
        let good = fields(&[(":authority", "localhost:80"), ("x", "%2F")]);
        assert!(acceptable(&good));
        let mut same = good.clone();
        mend(&mut same);
        assert_eq!(same, good);

        let mut bad = fields(&[
            (":path", "/a"),
            (":authority", "%2Ftmp%2Fapi.sock"),
            ("te", "b"),
        ]);
        assert!(!acceptable(&bad));
        mend(&mut bad);
        assert_eq!(
            bad,
            fields(&[(":path", "/a"), (":authority", "localhost"), ("te", "b")])
        );
    }

    #[test]
    fn a_size_update_within_the_limit_is_taken_and_one_above_is_not() {
        // 0x3f 0x9f 0x01 sets 190; 0x3f 0xe1 0x7f sets 16384, above the 4096 that were agreed.
        assert!(Blocks::new().decode(&[0x3f, 0x9f, 0x01, 0x82]).is_some());
        assert!(Blocks::new().decode(&[0x3f, 0xe1, 0x7f, 0x82]).is_none());
    }

    #[test]
    fn a_small_block_that_unfolds_without_end_is_refused() {
        // One entry of 3 KiB in the dynamic table, then named again and again.
        let mut block = vec![0x40, 1, b'a'];
        push_string(&mut block, &vec![b'x'; 3000]);
        let within = Blocks::new().decode(&[block.clone(), vec![0xbe; 10]].concat());
        assert_eq!(within.map(|f| f.len()), Some(11));
        assert!(
            Blocks::new()
                .decode(&[block, vec![0xbe; 1000]].concat())
                .is_none()
        );
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(
            pairs in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..300), prop::collection::vec(any::<u8>(), 0..300)), 0..8)
        ) {
            prop_assert_eq!(Blocks::new().decode(&encode(&pairs)), Some(pairs));
        }

        #[test]
        fn any_bytes_are_survived(blocks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..8)) {
            let mut reader = Blocks::new();
            for block in &blocks {
                let _: Option<Fields> = reader.decode(block);
            }
        }
    }
}
