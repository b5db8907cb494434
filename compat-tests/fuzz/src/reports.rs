//! What a guest, a compiler or a server has said, in a page and in Markdown.

#[path = "../../../crates/wasip2-lab/src/page/mod.rs"]
mod page;

use page::markdown::plain;
use page::{escaped, whole};

/// It is text there, and nothing else.
pub fn read(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let body = format!("<p title=\"{0}\">{0}</p>\n", escaped(&text));
    let page = whole("a page", "", &body);
    let options = roxmltree::ParsingOptions {
        allow_dtd: true,
        ..Default::default()
    };
    let document = roxmltree::Document::parse_with_options(&page, options)
        .unwrap_or_else(|error| panic!("{error} in the page of {text:?}"));
    let paragraph = document.descendants().find(|node| node.has_tag_name("p"));
    let paragraph = paragraph.unwrap();
    assert_eq!(
        paragraph
            .children()
            .filter(|node| node.is_element())
            .count(),
        0
    );
    let shown = paragraph.text().unwrap_or_default();
    assert_eq!(shown.chars().count(), text.chars().count());

    let line = plain(&text);
    assert!(
        !line.contains(['\n', '\r', '\t', '\u{b}', '\u{1b}']),
        "{line:?}"
    );
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => drop(letters.next()),
            letter => assert!(!"`*_[]<>&|~$".contains(letter), "{line:?}"),
        }
    }
}
