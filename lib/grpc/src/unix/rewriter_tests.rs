//! Hand-made frames through the rewriter, whole and in every split.

use proptest::prelude::*;

use super::{super::block::Fields, *};

const SOCKET: &str = "%2Ftmp%2Fagent%2Fapi.sock";

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    Header {
        len: payload.len(),
        kind,
        flags,
        stream,
    }
    .write(&mut out);
    out.extend_from_slice(payload);
    out
}

fn settings() -> Vec<u8> {
    frame(4, 0, 0, &[0, 3, 0, 0, 0, 100])
}

fn literal(name: &str, value: &str, index: bool) -> Vec<u8> {
    let mut out = vec![if index { 0x40 } else { 0 }, name.len() as u8];
    out.extend_from_slice(name.as_bytes());
    out.push(value.len() as u8);
    out.extend_from_slice(value.as_bytes());
    out
}

/// A request block: `:method POST`, `:path`, and the authority added to the dynamic table.
fn request(authority: &str) -> Vec<u8> {
    [
        vec![0x83],
        literal(":path", "/a", false),
        literal(":authority", authority, true),
    ]
    .concat()
}

fn start() -> Vec<u8> {
    [PREFACE.to_vec(), settings()].concat()
}

fn run(input: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rewriter = Rewriter::new();
    rewriter.push(input, &mut out);
    rewriter.finish(&mut out);
    out
}

/// What a server without any of our knowledge reads: each block's flags, stream and fields.
fn read(mut bytes: &[u8]) -> Vec<(u8, u32, Fields)> {
    bytes = bytes.strip_prefix(PREFACE).unwrap();
    let mut blocks = Blocks::new();
    let mut open: Option<(u8, u32, Vec<u8>)> = None;
    let mut all = Vec::new();
    while let Some(header) = Header::read(bytes) {
        assert!(header.len <= MAX_FRAME);
        let payload = &bytes[FRAME_HEADER..FRAME_HEADER + header.len];
        bytes = &bytes[FRAME_HEADER + header.len..];
        match header.kind {
            HEADERS => {
                let skip = if header.flags & PRIORITY != 0 { 5 } else { 0 };
                open = Some((header.flags, header.stream, payload[skip..].to_vec()));
            }
            CONTINUATION => open.as_mut().unwrap().2.extend_from_slice(payload),
            _ => continue,
        }
        if header.flags & END_HEADERS != 0 {
            let (flags, stream, coded) = open.take().unwrap();
            all.push((flags, stream, blocks.decode(&coded).unwrap()));
        }
    }
    assert!(bytes.is_empty());
    all
}

fn authority(fields: &Fields) -> &str {
    let (_, value) = fields
        .iter()
        .find(|(name, _)| name == b":authority")
        .unwrap();
    std::str::from_utf8(value).unwrap()
}

#[test]
fn an_acceptable_authority_makes_the_connection_transparent() {
    let input = [
        start(),
        frame(HEADERS, END_HEADERS, 1, &request("localhost")),
        frame(0, END_STREAM, 1, b"data"),
        frame(HEADERS, END_HEADERS, 3, &request(SOCKET)),
    ]
    .concat();
    let mut rewriter = Rewriter::new();
    let mut out = Vec::new();
    rewriter.push(&input, &mut out);
    assert!(rewriter.is_transparent());
    assert_eq!(out, input);
}

#[test]
fn a_socket_path_becomes_localhost_in_every_request() {
    // The second request names the authority by its index in the client's dynamic table (62).
    let second = [vec![0x83], literal(":path", "/b", false), vec![0xbe]].concat();
    let input = [
        start(),
        frame(HEADERS, END_HEADERS, 1, &request(SOCKET)),
        frame(0, 0, 1, &[7; 40]),
        frame(HEADERS, END_HEADERS | END_STREAM, 3, &second),
        frame(6, 0, 0, &[0; 8]),
    ]
    .concat();
    let out = run(&input);
    let blocks = read(&out);
    assert_eq!(blocks.len(), 2);
    assert_eq!((blocks[0].1, authority(&blocks[0].2)), (1, "localhost"));
    assert_eq!((blocks[1].1, authority(&blocks[1].2)), (3, "localhost"));
    assert_eq!(blocks[0].0 & END_STREAM, 0);
    assert_ne!(blocks[1].0 & END_STREAM, 0);
    assert!(out.ends_with(&frame(6, 0, 0, &[0; 8])));
}

#[test]
fn padding_priority_and_continuations_are_understood() {
    let block = request(SOCKET);
    let (one, two) = block.split_at(4);
    let mut payload = vec![3];
    payload.extend_from_slice(&[0, 0, 0, 0, 15]);
    payload.extend_from_slice(one);
    payload.extend_from_slice(&[0; 3]);
    let input = [
        start(),
        frame(HEADERS, PADDED | PRIORITY | END_STREAM, 5, &payload),
        frame(CONTINUATION, 0, 5, &[]),
        frame(CONTINUATION, END_HEADERS, 5, two),
    ]
    .concat();
    let blocks = read(&run(&input));
    assert_eq!(blocks.len(), 1);
    assert_eq!(blocks[0].0, PRIORITY | END_STREAM | END_HEADERS);
    assert_eq!(authority(&blocks[0].2), "localhost");
}

#[test]
fn a_block_that_grew_is_split_into_continuations() {
    let long = "v".repeat(100);
    let mut block = [request(SOCKET), literal("k", &long, true)].concat();
    block.extend(std::iter::repeat_n(0xbe, 300)); // 300 times the same long field, by index
    let input = [start(), frame(HEADERS, END_HEADERS, 1, &block)].concat();
    let out = run(&input);
    assert!(out.len() > MAX_FRAME);
    assert_eq!(
        read(&out)[0]
            .2
            .iter()
            .filter(|(name, _)| name == b"k")
            .count(),
        301
    );
}

#[test]
fn malformed_frames_go_by_as_they_came() {
    let good = [start(), frame(HEADERS, END_HEADERS, 1, &request(SOCKET))].concat();
    assert_ne!(run(&good), good);
    let broken: [Vec<u8>; 7] = [
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        [start(), frame(HEADERS, END_HEADERS | PADDED, 1, &[9, 1])].concat(),
        [start(), frame(HEADERS, END_HEADERS | PRIORITY, 1, &[1, 2])].concat(),
        [start(), frame(HEADERS, END_HEADERS, 1, &[0xff, 0xff, 0xff])].concat(),
        [
            start(),
            frame(HEADERS, END_HEADERS, 1, &vec![0; MAX_FRAME + 1]),
        ]
        .concat(),
        [
            start(),
            frame(HEADERS, 0, 1, &request(SOCKET)),
            frame(CONTINUATION, 4, 3, &[]),
        ]
        .concat(),
        [start(), frame(HEADERS, 0, 1, &request(SOCKET)), settings()].concat(),
    ];
    for input in broken {
        assert_eq!(run(&input), input);
    }
}

#[test]
fn a_block_without_end_is_not_kept_without_end() {
    let mut rewriter = Rewriter::new();
    let mut out = Vec::new();
    rewriter.push(
        &[start(), frame(HEADERS, 0, 1, &request(SOCKET))].concat(),
        &mut out,
    );
    for _ in 0..10 {
        rewriter.push(&frame(CONTINUATION, 0, 1, &[0; MAX_FRAME]), &mut out);
        assert!(rewriter.held.len() <= MAX_BLOCK + FRAME_HEADER);
    }
    assert!(rewriter.is_transparent());
}

proptest! {
    #[test]
    fn splits_do_not_matter(cuts in prop::collection::vec(1usize..60, 1..40)) {
        let input = [
            start(),
            frame(HEADERS, 0, 1, &request(SOCKET)[..6]),
            frame(CONTINUATION, END_HEADERS, 1, &request(SOCKET)[6..]),
            frame(0, END_STREAM, 1, &[1; 70]),
            frame(HEADERS, END_HEADERS, 3, &[vec![0x83], vec![0xbe]].concat()),
        ]
        .concat();
        let mut rewriter = Rewriter::new();
        let mut out = Vec::new();
        let mut rest = input.as_slice();
        for cut in cuts.iter().cycle() {
            let (piece, after) = rest.split_at((*cut).min(rest.len()));
            rewriter.push(piece, &mut out);
            rest = after;
            if rest.is_empty() { break; }
        }
        prop_assert_eq!(out, run(&input));
    }

    #[test]
    fn any_bytes_are_survived_and_none_is_lost(
        frames in prop::collection::vec((0u8..12, any::<u8>(), 0u32..4, prop::collection::vec(any::<u8>(), 0..80)), 0..12),
        tail in prop::collection::vec(any::<u8>(), 0..30),
    ) {
        let mut input = start();
        for (kind, flags, stream, payload) in &frames {
            input.extend(frame(*kind, *flags, *stream, payload));
        }
        input.extend(tail);
        let mut rewriter = Rewriter::new();
        let mut out = Vec::new();
        rewriter.push(&input, &mut out);
        rewriter.finish(&mut out);
        if !rewriter.rewriting {
            prop_assert_eq!(out, input);
        }
    }

    #[test]
    fn without_preface_all_is_transparent(input in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert_eq!(run(&input), input);
    }
}
