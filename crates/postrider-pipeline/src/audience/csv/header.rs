//! The header of a CSV, and what it makes of a record.

use postrider_types::Variables;

use super::record::Record;
use crate::audience::Parsed;
use crate::audience::json::push_string;
use crate::audience::trouble::{LineTrouble, ListError};
use crate::bounds::COLUMNS_MAX;

/// What the header line says of each column.
#[derive(Debug)]
pub(super) struct Header {
    /// What stands before each column's value in the JSON object: a brace or comma and the name.
    /// Empty for the email column.
    prefixes: Vec<String>,
    email: usize,
    /// The bytes of all prefixes.
    prefix_bytes: usize,
}

impl Header {
    pub(super) fn read(record: &Record) -> Result<Self, ListError> {
        if record.fields > COLUMNS_MAX {
            return Err(ListError::Header);
        }
        let fields = record.fields().map_err(|_| ListError::Header)?;
        let found: Vec<String> = fields.map(|name| name.trim().to_owned()).collect();
        let is_email = |name: &String| name.eq_ignore_ascii_case("email");
        let is_same = |a: &String, b: &String| a == b || (is_email(a) && is_email(b));
        for (index, column) in found.iter().enumerate() {
            if column.is_empty() {
                return Err(ListError::UnnamedColumn {
                    number: index + 1,
                    found,
                });
            }
            if found[..index]
                .iter()
                .any(|earlier| is_same(earlier, column))
            {
                return Err(ListError::DuplicateColumn {
                    column: column.clone(),
                    found,
                });
            }
        }
        let Some(email) = found.iter().position(is_email) else {
            return Err(ListError::NoEmailColumn { found });
        };
        let mut prefixes = vec![String::new(); found.len()];
        let mut mark = '{';
        for (index, column) in found
            .iter()
            .enumerate()
            .filter(|(index, _)| *index != email)
        {
            let prefix = &mut prefixes[index];
            prefix.push(mark);
            push_string(prefix, column);
            prefix.push(':');
            mark = ',';
        }
        let prefix_bytes = prefixes.iter().map(String::len).sum();
        Ok(Self {
            prefixes,
            email,
            prefix_bytes,
        })
    }

    pub(super) fn columns(&self) -> usize {
        self.prefixes.len()
    }

    pub(super) fn recipient(&self, record: &Record) -> Result<Parsed, LineTrouble> {
        let expected = self.prefixes.len();
        if record.fields != expected {
            return Err(LineTrouble::Fields {
                found: record.fields,
                expected,
            });
        }
        let mut email = "";
        let json_bytes = self.prefix_bytes + record.text_bytes + 2 * expected;
        let mut json = String::with_capacity(json_bytes);
        for (index, (value, prefix)) in record.fields()?.zip(&self.prefixes).enumerate() {
            if index == self.email {
                email = value;
            } else {
                json.push_str(prefix);
                push_string(&mut json, value);
            }
        }
        let address = email.parse()?;
        if json.is_empty() {
            return Ok(Parsed {
                address,
                variables: Variables::default(),
            });
        }
        json.push('}');
        Ok(Parsed {
            address,
            variables: Variables::from_json_object(json)?,
        })
    }
}
