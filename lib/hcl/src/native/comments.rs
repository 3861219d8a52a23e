//! Which comment belongs to what: read along with the words.

use super::parser::Parser;
use super::token::TokenKind;
use crate::Comment;

impl Parser<'_> {
    /// Takes the comments that follow; afterwards the current word is none.
    pub(super) fn take_comments(&mut self, previous_line: usize) {
        let mut comment = Vec::new();
        if self.token.pos.line == previous_line {
            let (group, end) = self.comment_group(0);
            if self.token.pos.line != end {
                self.line_comment.clone_from(&group);
            }
            comment = group;
        }
        let mut end = None;
        while self.token.kind == TokenKind::Comment {
            let (group, line) = self.comment_group(1);
            comment = group;
            end = Some(line);
        }
        let closing = matches!(
            self.token.kind,
            TokenKind::RightBrace | TokenKind::RightBracket
        );
        // Without such a comment the library compares with line 0, where nothing stands.
        if end.is_some_and(|end| end + 1 == self.token.pos.line) && !closing {
            self.lead_comment = comment;
        }
    }

    /// Comments with at most `gap` line ends between them, and the line the last one ends in.
    fn comment_group(&mut self, gap: usize) -> (Vec<Comment>, usize) {
        let mut group = Vec::new();
        let mut end = self.token.pos.line;
        while self.token.kind == TokenKind::Comment && self.token.pos.line <= end + gap {
            end = self.token.pos.line;
            if self.token.text.as_bytes().get(1) == Some(&b'*') {
                end += self.token.text.matches('\n').count();
            }
            let next = self.scanner.scan();
            let token = std::mem::replace(&mut self.token, next);
            group.push(Comment {
                pos: token.pos,
                text: token.text,
            });
        }
        (group, end)
    }
}
