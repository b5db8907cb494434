//! Shows results: a table for the terminal, a page with plots.

mod figures;
pub mod page;
mod plot;
pub mod table;
