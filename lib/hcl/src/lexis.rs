//! The parts that HCL and its JSON twin spell alike: numbers and escapes.

use crate::cursor::{Cursor, EOF};

impl Cursor<'_> {
    /// Digits from `c` on; steps back before what ends them, and returns that.
    pub(crate) fn mantissa(&mut self, mut c: char) -> char {
        let mut scanned = false;
        while c.is_ascii_digit() {
            c = self.next();
            scanned = true;
        }
        if scanned && c != EOF {
            self.back();
        }
        c
    }

    /// What follows the point, if `c` is one.
    pub(crate) fn fraction(&mut self, c: char) -> char {
        if c != '.' {
            return c;
        }
        let c = self.peek();
        self.mantissa(c)
    }

    /// What follows the `e`, if `c` is one.
    pub(crate) fn exponent(&mut self, c: char) -> char {
        if !matches!(c, 'e' | 'E') {
            return c;
        }
        let mut c = self.next();
        if matches!(c, '-' | '+') {
            c = self.next();
        }
        self.mantissa(c)
    }

    /// Fraction and exponent of a number whose point was just read.
    pub(crate) fn after_point(&mut self) {
        let c = self.fraction('.');
        if matches!(c, 'e' | 'E') {
            let c = self.next();
            self.exponent(c);
        }
    }

    /// What follows a backslash within a string.
    pub(crate) fn escape(&mut self) {
        match self.next() {
            'a' | 'b' | 'f' | 'n' | 'r' | 't' | 'v' | '\\' | '"' => {}
            c @ '0'..='7' => self.escape_digits(c, 8, 3),
            'x' => self.hex_digits(2),
            'u' => self.hex_digits(4),
            'U' => self.hex_digits(8),
            _ => self.error("illegal char escape"),
        }
    }

    fn hex_digits(&mut self, count: usize) {
        let c = self.next();
        self.escape_digits(c, 16, count);
    }

    fn escape_digits(&mut self, mut c: char, radix: u32, count: usize) {
        let mut left = count;
        while left > 0 && c.is_digit(radix) {
            c = self.next();
            if c == EOF {
                break;
            }
            left -= 1;
        }
        if left > 0 {
            self.error("illegal char escape");
        }
        if left != count && c != EOF {
            self.back();
        }
    }
}
