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

/// Whether the first block of a connection plainly names an authority that HTTP/2 servers take.
/// It spares the common client the decoding of the whole block; "no" means: look closely.
pub(super) fn plainly_acceptable(block: &[u8]) -> bool {
    // What nearly everyone sends, Huffman-coded (RFC 7541, appendix B).
    const LOCALHOST: &[u8] = &[0x86, 0xa0, 0xe4, 0x1d, 0x13, 0x9d, 0x09];
    let Some(coded) = coded_authority(block) else {
        return false;
    };
    if coded == LOCALHOST {
        return true;
    }
    // A block of its own: the value under the static name, without touching any state.
    let alone = [&[0x01], coded].concat();
    Blocks::new()
        .decode(&alone)
        .is_some_and(|fields| acceptable(&fields))
}

/// The value of `:authority` as it is coded, length first, if it stands under its static name.
fn coded_authority(block: &[u8]) -> Option<&[u8]> {
    const AUTHORITY: usize = 1;
    let mut rest = block;
    loop {
        let prefix = match *rest.first()? {
            0x80.. => 7,
            0x40.. => 6,
            0x20.. => 5,
            _ => 4,
        };
        let (index, after) = integer(rest, prefix)?;
        rest = after;
        if prefix == 7 || prefix == 5 {
            continue;
        }
        if index == 0 {
            rest = after_string(rest)?;
        }
        let next = after_string(rest)?;
        if index == AUTHORITY {
            return rest.get(..rest.len() - next.len());
        }
        rest = next;
    }
}

/// What follows a string.
fn after_string(coded: &[u8]) -> Option<&[u8]> {
    let (len, rest) = integer(coded, 7)?;
    rest.get(len..)
}

/// An integer behind a prefix of so many bits (RFC 7541, 5.1), and what follows it.
fn integer(coded: &[u8], bits: u32) -> Option<(usize, &[u8])> {
    let mask = (1usize << bits) - 1;
    let (&first, mut rest) = coded.split_first()?;
    let mut value = usize::from(first) & mask;
    if value < mask {
        return Some((value, rest));
    }
    for shift in [0, 7, 14] {
        let (&byte, after) = rest.split_first()?;
        rest = after;
        value += usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some((value, rest));
        }
    }
    None
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
    fn the_quick_look_agrees_with_the_close_one() {
        let coded = |authority: &str| {
            let mut block = vec![0x3f, 0x01, 0x83, 0x40];
            push_string(&mut block, b"x");
            push_string(&mut block, b"y");
            block.push(0x41);
            push_string(&mut block, authority.as_bytes());
            block
        };
        for authority in ["localhost", "[::]:50051", "a.example"] {
            assert!(plainly_acceptable(&coded(authority)), "{authority}");
        }
        for authority in ["%2Ftmp%2Fapi.sock", "a b", ""] {
            assert!(!plainly_acceptable(&coded(authority)), "{authority}");
        }
        // As Go's client codes it: Huffman, and added to the dynamic table.
        let go = [0x83, 0x41, 0x86, 0xa0, 0xe4, 0x1d, 0x13, 0x9d, 0x09];
        assert!(plainly_acceptable(&go));
        let fields = Blocks::new().decode(&go).unwrap();
        assert_eq!(authorities(&fields).next(), Some(&b"localhost"[..]));
        // None at all, or cut short: look closely.
        assert!(!plainly_acceptable(&[0x83, 0x86]));
        assert!(!plainly_acceptable(&go[..5]));
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
        fn the_quick_look_survives_any_bytes(block in prop::collection::vec(any::<u8>(), 0..200)) {
            let _: bool = plainly_acceptable(&block);
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
