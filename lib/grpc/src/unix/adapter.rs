//! The rewriter as a byte stream.

use std::{
    fmt,
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::rewriter::Rewriter;

/// How much is read ahead at once while frames are looked at.
const READ_AHEAD: usize = 4096;

/// A stream whose reading side mends the authority of HTTP/2 requests. Writing passes through.
pub struct AuthorityAdapter<S> {
    stream: S,
    /// Gone as soon as the connection needs no mending, and then reads cost nothing.
    rewriter: Option<Box<Rewriter>>,
    /// What the server may read; from `taken` on.
    ready: Vec<u8>,
    taken: usize,
}

impl<S> AuthorityAdapter<S> {
    /// Wraps the server's end of a fresh connection.
    pub fn new(stream: S) -> Self {
        Self {
            stream,
            rewriter: Some(Box::new(Rewriter::new())),
            ready: Vec::new(),
            taken: 0,
        }
    }

    /// The stream below.
    pub fn get_ref(&self) -> &S {
        &self.stream
    }

    /// Hands out what is ready; whether there was anything.
    fn serve(&mut self, buf: &mut ReadBuf<'_>) -> bool {
        let rest = &self.ready[self.taken..];
        if rest.is_empty() {
            return false;
        }
        let n = rest.len().min(buf.remaining());
        buf.put_slice(&rest[..n]);
        self.taken += n;
        if self.taken == self.ready.len() {
            self.ready.clear();
            self.taken = 0;
        }
        true
    }
}

impl<S> fmt::Debug for AuthorityAdapter<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthorityAdapter")
            .field("transparent", &self.rewriter.is_none())
            .finish_non_exhaustive()
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for AuthorityAdapter<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        while buf.remaining() > 0 && !this.serve(buf) {
            let Some(rewriter) = &mut this.rewriter else {
                this.ready = Vec::new();
                return Pin::new(&mut this.stream).poll_read(cx, buf);
            };
            let mut room = [0; READ_AHEAD];
            let mut input = ReadBuf::new(&mut room);
            ready!(Pin::new(&mut this.stream).poll_read(cx, &mut input))?;
            if input.filled().is_empty() {
                rewriter.finish(&mut this.ready);
            } else {
                rewriter.push(input.filled(), &mut this.ready);
            }
            if rewriter.is_transparent() {
                this.rewriter = None;
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for AuthorityAdapter<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn bytes_that_are_no_http2_go_both_ways_unchanged() {
        let (mut client, server) = tokio::io::duplex(64);
        let mut server = AuthorityAdapter::new(server);
        client.write_all(b"hello").await.unwrap();
        client.shutdown().await.unwrap();
        let mut seen = String::new();
        server.read_to_string(&mut seen).await.unwrap();
        assert_eq!(seen, "hello");
        server.write_all(b"back").await.unwrap();
        server.shutdown().await.unwrap();
        let mut back = String::new();
        client.read_to_string(&mut back).await.unwrap();
        assert_eq!(back, "back");
    }

    #[tokio::test]
    async fn a_client_that_ends_within_the_preface_is_seen_to_end() {
        let (mut client, server) = tokio::io::duplex(64);
        let mut server = AuthorityAdapter::new(server);
        client.write_all(b"PRI * HT").await.unwrap();
        client.shutdown().await.unwrap();
        let mut seen = Vec::new();
        server.read_to_end(&mut seen).await.unwrap();
        assert_eq!(seen, b"PRI * HT");
    }
}
