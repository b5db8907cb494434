//! Text of others in Markdown: what a guest, a compiler or a server says is to
//! be read, and nothing else.

/// What has a meaning within a line: code, emphasis, links, HTML, tables,
/// formulas.
const MARKS: &str = "\\`*_[]<>&|~$";

/// The text in one line, without a meaning to Markdown.
pub fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\t' => plain.push(' '),
            c if c.is_control() => plain.push('\u{fffd}'),
            c => {
                if MARKS.contains(c) {
                    plain.push('\\');
                }
                plain.push(c);
            }
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn nothing_in_it_has_a_meaning() {
        assert_eq!(
            plain("a|b\n<img src=x> [a](b) `c`"),
            "a\\|b \\<img src=x\\> \\[a\\](b) \\`c\\`"
        );
        assert_eq!(plain("plain, as it is: 1.2"), "plain, as it is: 1.2");
    }
}
