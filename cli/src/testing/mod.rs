//! Streams that tests can read afterwards.

mod fake;

use std::{
    cell::RefCell,
    io::{self, Write},
    rc::Rc,
};

use crate::env::Env;
pub(crate) use fake::{Fake, Script};

#[derive(Clone, Default)]
struct Buffer(Rc<RefCell<Vec<u8>>>);

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Buffer {
    fn text(&self) -> String {
        String::from_utf8(self.0.borrow().clone()).unwrap()
    }
}

/// Runs `work` without input and gives its result, standard output and standard error.
pub(crate) fn capture<T>(work: impl FnOnce(&mut Env) -> T) -> (T, String, String) {
    capture_with("", work)
}

/// The same with something on standard input.
pub(crate) fn capture_with<T>(
    input: &str,
    work: impl FnOnce(&mut Env) -> T,
) -> (T, String, String) {
    let (stdout, stderr) = (Buffer::default(), Buffer::default());
    let input = io::Cursor::new(input.as_bytes().to_vec());
    let mut env = Env::new(input, stdout.clone(), stderr.clone(), |_| None);
    let result = work(&mut env);
    (result, stdout.text(), stderr.text())
}
