//! The frames a client sends, with the authority mended where it must be.
//!
//! The first HEADERS decides. When the server would take its authority, nothing of the connection
//! is looked at again. Otherwise every header block of the connection is decoded and written
//! anew: the client's compression state is then known here only, and what the server sees is
//! coded without any. A block or frame that breaks the rules is handed on as it came, and all
//! after it, so that the server answers as it would have.

use super::block::{self, Blocks};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const FRAME_HEADER: usize = 9;
/// The largest payload the server allows (RFC 9113, 6.5.2); it never announces another.
const MAX_FRAME: usize = 16 * 1024;
/// How much of a header block is kept while its continuation frames come in.
const MAX_BLOCK: usize = 64 * 1024;

const HEADERS: u8 = 0x1;
const CONTINUATION: u8 = 0x9;
const END_STREAM: u8 = 0x1;
const END_HEADERS: u8 = 0x4;
const PADDED: u8 = 0x8;
const PRIORITY: u8 = 0x20;

/// Where in the stream of bytes we are.
enum At {
    /// Before or within the connection preface.
    Preface,
    /// Before or within a frame's header.
    Frame,
    /// Within a payload that does not matter; so many bytes of it are to come.
    Payload(usize),
    /// Within a header block; so many bytes of the current frame are to come.
    Block(usize),
    /// Nothing needs to be understood any more.
    Transparent,
}

/// Turns what the client sent into what the server is to read.
pub(super) struct Rewriter {
    at: At,
    /// Bytes that cannot be judged yet: part of a preface or frame header, or all frames of one
    /// header block.
    held: Vec<u8>,
    /// Where in `held` the current frame begins.
    frame_at: usize,
    blocks: Blocks,
    rewriting: bool,
}

impl Rewriter {
    pub(super) fn new() -> Self {
        Self {
            at: At::Preface,
            held: Vec::new(),
            frame_at: 0,
            blocks: Blocks::new(),
            rewriting: false,
        }
    }

    /// Whether all further bytes may go by unseen.
    pub(super) fn is_transparent(&self) -> bool {
        matches!(self.at, At::Transparent)
    }

    /// Takes the next bytes of the client and appends to `out` what the server may read now.
    pub(super) fn push(&mut self, mut input: &[u8], out: &mut Vec<u8>) {
        while !input.is_empty() {
            let used = match self.at {
                At::Preface => self.preface(input, out),
                At::Frame => self.frame_header(input, out),
                At::Payload(left) => self.payload(left, input, out),
                At::Block(left) => self.block(left, input, out),
                At::Transparent => {
                    out.extend_from_slice(input);
                    input.len()
                }
            };
            input = &input[used..];
        }
    }

    /// The client is done sending: what is held goes out as it is.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
        self.give_up(out);
    }

    fn preface(&mut self, input: &[u8], out: &mut Vec<u8>) -> usize {
        let used = self.hold(input, PREFACE.len());
        if !PREFACE.starts_with(&self.held) {
            self.give_up(out);
        } else if self.held.len() == PREFACE.len() {
            out.append(&mut self.held);
            self.at = At::Frame;
        }
        used
    }

    fn frame_header(&mut self, input: &[u8], out: &mut Vec<u8>) -> usize {
        let used = self.hold(input, self.frame_at + FRAME_HEADER);
        let Some(header) = Header::read(&self.held[self.frame_at..]) else {
            return used;
        };
        let continues = self.frame_at > 0;
        match header.kind {
            HEADERS if !continues => self.begin_block(&header, out),
            CONTINUATION if continues && header.stream == self.first().stream => {
                self.begin_block(&header, out);
            }
            _ if continues => self.give_up(out),
            _ => {
                out.append(&mut self.held);
                self.at = if header.len == 0 {
                    At::Frame
                } else {
                    At::Payload(header.len)
                };
            }
        }
        used
    }

    /// A frame that carries a piece of a header block begins.
    fn begin_block(&mut self, header: &Header, out: &mut Vec<u8>) {
        if header.len > MAX_FRAME || self.held.len() + header.len > MAX_BLOCK {
            self.give_up(out);
        } else if header.len == 0 {
            self.end_frame(out);
        } else {
            self.at = At::Block(header.len);
        }
    }

    fn payload(&mut self, left: usize, input: &[u8], out: &mut Vec<u8>) -> usize {
        let used = left.min(input.len());
        out.extend_from_slice(&input[..used]);
        self.at = if used == left {
            At::Frame
        } else {
            At::Payload(left - used)
        };
        used
    }

    fn block(&mut self, left: usize, input: &[u8], out: &mut Vec<u8>) -> usize {
        let used = left.min(input.len());
        self.held.extend_from_slice(&input[..used]);
        if used == left {
            self.end_frame(out);
        } else {
            self.at = At::Block(left - used);
        }
        used
    }

    /// A frame of a header block is complete; with the last one the block is judged.
    fn end_frame(&mut self, out: &mut Vec<u8>) {
        let last = Header::read(&self.held[self.frame_at..]);
        if last.is_some_and(|header| header.flags & END_HEADERS == 0) {
            self.frame_at = self.held.len();
            self.at = At::Frame;
            return;
        }
        let Some((prefix, coded)) = self.open_block() else {
            return self.give_up(out);
        };
        if !self.rewriting && block::plainly_acceptable(&coded) {
            return self.give_up(out);
        }
        let Some(mut fields) = self.blocks.decode(&coded) else {
            return self.give_up(out);
        };
        if !self.rewriting && block::acceptable(&fields) {
            return self.give_up(out);
        }
        self.rewriting = true;
        block::mend(&mut fields);
        write_block(&self.first(), &prefix, &block::encode(&fields), out);
        self.held.clear();
        self.frame_at = 0;
        self.at = At::Frame;
    }

    /// The priority bytes, if any, and the coded fields of the block that is held.
    fn open_block(&self) -> Option<(Vec<u8>, Vec<u8>)> {
        let mut prefix = Vec::new();
        let mut coded = Vec::new();
        let mut rest = self.held.as_slice();
        while !rest.is_empty() {
            let header = Header::read(rest)?;
            let (frame, after) = rest.split_at_checked(FRAME_HEADER + header.len)?;
            let mut payload = &frame[FRAME_HEADER..];
            if header.kind == HEADERS {
                payload = unpad(&header, payload)?;
                if header.flags & PRIORITY != 0 {
                    let (priority, fragment) = payload.split_at_checked(5)?;
                    prefix = priority.to_vec();
                    payload = fragment;
                }
            }
            coded.extend_from_slice(payload);
            rest = after;
        }
        Some((prefix, coded))
    }

    /// The header of the frame that began the held block.
    fn first(&self) -> Header {
        Header::read(&self.held).unwrap_or_default()
    }

    /// Holds as much of `input` as is missing up to `len` bytes.
    fn hold(&mut self, input: &[u8], len: usize) -> usize {
        let used = len.saturating_sub(self.held.len()).min(input.len());
        self.held.extend_from_slice(&input[..used]);
        used
    }

    fn give_up(&mut self, out: &mut Vec<u8>) {
        out.append(&mut self.held);
        self.held = Vec::new();
        self.blocks = Blocks::new();
        self.at = At::Transparent;
    }
}

/// A frame's header (RFC 9113, 4.1).
#[derive(Clone, Copy, Default)]
struct Header {
    len: usize,
    kind: u8,
    flags: u8,
    stream: u32,
}

impl Header {
    fn read(bytes: &[u8]) -> Option<Self> {
        let &[a, b, c, kind, flags, s0, s1, s2, s3, ..] = bytes else {
            return None;
        };
        let len = u32::from_be_bytes([0, a, b, c]) as usize;
        Some(Self {
            len,
            kind,
            flags,
            stream: u32::from_be_bytes([s0, s1, s2, s3]) & (u32::MAX >> 1),
        })
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&(self.len as u32).to_be_bytes()[1..]);
        out.extend_from_slice(&[self.kind, self.flags]);
        out.extend_from_slice(&self.stream.to_be_bytes());
    }
}

/// The payload without its padding (RFC 9113, 6.2).
fn unpad<'a>(header: &Header, payload: &'a [u8]) -> Option<&'a [u8]> {
    if header.flags & PADDED == 0 {
        return Some(payload);
    }
    let (&padding, rest) = payload.split_first()?;
    rest.get(..rest.len().checked_sub(usize::from(padding))?)
}

/// Writes HEADERS and as many CONTINUATION frames as the block needs.
fn write_block(first: &Header, prefix: &[u8], coded: &[u8], out: &mut Vec<u8>) {
    let (head, mut rest) = coded.split_at(coded.len().min(MAX_FRAME - prefix.len()));
    let end = |rest: &[u8]| if rest.is_empty() { END_HEADERS } else { 0 };
    let flags = (first.flags & (END_STREAM | PRIORITY)) | end(rest);
    Header {
        len: prefix.len() + head.len(),
        kind: HEADERS,
        flags,
        stream: first.stream,
    }
    .write(out);
    out.extend_from_slice(prefix);
    out.extend_from_slice(head);
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(rest.len().min(MAX_FRAME));
        let header = Header {
            len: piece.len(),
            kind: CONTINUATION,
            flags: end(after),
            stream: first.stream,
        };
        header.write(out);
        out.extend_from_slice(piece);
        rest = after;
    }
}

#[cfg(test)]
#[path = "rewriter_tests.rs"]
mod tests;
