//! What is shown: in a terminal or a CI summary, as Markdown; to people, as a
//! page. Nothing here builds or runs.

pub mod markdown;
pub mod page;
