//! What must stay true of the sources themselves; each subject has a file.
//!
//! A check is a pure function from text to complaints, with a test that shows it complain.
//! Beside it one test gives it the tree.

mod arrows;
mod docs;
mod glossary;
mod licences;
mod places;
mod settings;
mod tree;
mod waiting;
