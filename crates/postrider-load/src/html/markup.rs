//! Pieces of HTML. Whatever a piece is made of is text, and escaped here.

/// Text that may stand in HTML and in its attributes.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A table whose first column is text and whose other columns are figures, with rows that mean
/// trouble in its colour.
pub(super) fn table<const N: usize>(
    heading: [&str; N],
    rows: &[[String; N]],
    is_trouble: impl Fn(&[String; N]) -> bool,
) -> String {
    let cells = |cells: &[String; N]| -> String {
        let cells = cells
            .iter()
            .map(|cell| format!("<td>{}</td>", escape(cell)));
        cells.collect()
    };
    let rows = rows.iter().map(|row| {
        let class = if is_trouble(row) {
            " class=\"trouble\""
        } else {
            ""
        };
        format!("<tr{class}>{}</tr>\n", cells(row))
    });
    let heads = heading.map(|text| format!("<th>{}</th>", escape(text)));
    format!(
        "<div class=\"table\"><table>\n<thead><tr>{}</tr></thead>\n\
         <tbody>\n{}</tbody>\n</table></div>\n",
        heads.concat(),
        rows.collect::<String>()
    )
}

/// A part of the page under its heading.
pub(super) fn section(title: &str, note: &str, content: &str) -> String {
    let note = match note {
        "" => String::new(),
        note => format!("<p class=\"note\">{}</p>\n", escape(note)),
    };
    format!(
        "<section>\n<h2>{}</h2>\n{note}{content}</section>\n",
        escape(title)
    )
}

/// The words as a sentence.
pub(super) fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    let first = letters
        .next()
        .map(|letter| letter.to_uppercase().to_string());
    format!("{}{}.", first.unwrap_or_default(), letters.as_str())
}

/// A section with a table; nothing when there are no rows.
pub(super) fn table_section<const N: usize>(
    title: &str,
    note: &str,
    heading: [&str; N],
    rows: &[[String; N]],
    is_trouble: impl Fn(&[String; N]) -> bool,
) -> String {
    if rows.is_empty() {
        return String::new();
    }
    section(title, note, &table(heading, rows, is_trouble))
}

/// Names and what they are.
pub(super) fn definitions<'a>(pairs: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let pairs: String = pairs
        .into_iter()
        .map(|(name, is)| {
            format!(
                "<div><dt>{}</dt><dd>{}</dd></div>\n",
                escape(name),
                escape(&is)
            )
        })
        .collect();
    format!("<dl>\n{pairs}</dl>\n")
}

/// A list of sentences.
pub(super) fn list<T: AsRef<str>>(class: &str, items: impl IntoIterator<Item = T>) -> String {
    let items: String = items
        .into_iter()
        .map(|item| format!("<li>{}</li>\n", escape(item.as_ref())))
        .collect();
    format!("<ul class=\"{class}\">\n{items}</ul>\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_was_text_becomes_markup() {
        let hostile = "<script>\"'&";
        let safe = "&lt;script&gt;&quot;&#39;&amp;";
        assert_eq!(escape(hostile), safe);
        assert!(
            table([hostile], &[[hostile.to_owned()]], |_| true)
                .matches(safe)
                .count()
                == 2
        );
        assert!(
            definitions([(hostile, hostile.to_owned())])
                .matches(safe)
                .count()
                == 2
        );
        assert!(list("x", [hostile]).contains(safe));
    }
}
