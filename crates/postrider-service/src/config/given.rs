//! A value as somebody wrote it, before it is known what it should be.

use toml::de::DeValue;

use super::kind::quoted;

/// A value as it was written.
pub(crate) enum Given<'a> {
    /// In a file.
    Toml(&'a DeValue<'a>),
    /// In a variable, where everything is text.
    Variable(&'a str),
}

impl<'a> Given<'a> {
    /// A text.
    pub(crate) fn text(&self) -> Result<&'a str, String> {
        match self {
            Self::Variable(text) => Ok(text),
            Self::Toml(DeValue::String(text)) => Ok(text),
            Self::Toml(_) => Err(format!("{} is not text in quotes", self.shown())),
        }
    }

    /// A list of texts; in a variable with commas between them.
    pub(crate) fn texts(&self) -> Result<Vec<&'a str>, String> {
        let wrong = || match self {
            // Not shown, because the password of a URL may be in it.
            Self::Toml(DeValue::String(_)) => {
                "is one text and not a list: write [ ] around it".to_owned()
            }
            _ => format!("{} is not a list of texts in quotes", self.shown()),
        };
        match self {
            Self::Variable(text) => {
                let parts = text.split(',').map(str::trim);
                Ok(parts.filter(|part| !part.is_empty()).collect())
            }
            Self::Toml(DeValue::Array(entries)) => {
                let texts = entries.iter().map(|entry| entry.get_ref().as_str());
                texts.collect::<Option<_>>().ok_or_else(wrong)
            }
            Self::Toml(_) => Err(wrong()),
        }
    }

    /// Yes or no.
    pub(crate) fn answer(&self) -> Result<bool, String> {
        match self {
            Self::Variable("true") | Self::Toml(DeValue::Boolean(true)) => Ok(true),
            Self::Variable("false") | Self::Toml(DeValue::Boolean(false)) => Ok(false),
            _ => Err(format!("{} is neither true nor false", self.shown())),
        }
    }

    /// A text that begins with a number and goes on with a unit.
    pub(crate) fn with_unit(&self) -> Result<&'a str, String> {
        match self {
            Self::Toml(DeValue::Integer(_) | DeValue::Float(_)) => {
                Err(format!("{} has no unit", self.shown()))
            }
            _ => self.text(),
        }
    }

    /// A whole number.
    pub(crate) fn count(&self) -> Result<u32, String> {
        let parsed = match self {
            Self::Variable(text) if text.bytes().all(|b| b.is_ascii_digit()) => text.parse(),
            Self::Toml(DeValue::Integer(number)) => {
                u32::from_str_radix(number.as_str(), number.radix())
            }
            Self::Toml(DeValue::String(_)) => return Err(self.needless_quotes()),
            _ => return Err(format!("{} is not a whole number", self.shown())),
        };
        parsed.map_err(|_| self.out_of_range())
    }

    /// A number, whole or not.
    pub(crate) fn number(&self) -> Result<f64, String> {
        let parsed = match self {
            Self::Variable(text) => text.parse(),
            Self::Toml(DeValue::Float(number)) => number.as_str().parse(),
            Self::Toml(DeValue::Integer(_)) => return self.count().map(f64::from),
            Self::Toml(DeValue::String(_)) => return Err(self.needless_quotes()),
            Self::Toml(_) => return Err(format!("{} is not a number", self.shown())),
        };
        parsed.map_err(|_| format!("{} is not a number", self.shown()))
    }

    /// The value as it was written, or what it is.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Variable(text) => quoted(text),
            Self::Toml(DeValue::String(text)) => quoted(text),
            Self::Toml(DeValue::Integer(number)) => number.to_string(),
            Self::Toml(DeValue::Float(number)) => number.to_string(),
            Self::Toml(DeValue::Boolean(answer)) => answer.to_string(),
            Self::Toml(DeValue::Datetime(at)) => at.to_string(),
            Self::Toml(DeValue::Array(_)) => "a list".to_owned(),
            Self::Toml(DeValue::Table(_)) => "a table".to_owned(),
        }
    }

    /// What is wrong with a value beyond its range.
    pub(crate) fn out_of_range(&self) -> String {
        format!("{} is out of range", self.shown())
    }

    fn needless_quotes(&self) -> String {
        format!(
            "{} is text, not a number: leave out the quotes",
            self.shown()
        )
    }
}
