//! Rows under headings: the first column to the left, figures to the right.

/// The rows as lines, each column as wide as its widest cell, two spaces between them.
///
/// A row may have fewer cells than others. No line ends in spaces.
pub(super) fn lines(rows: &[Vec<String>]) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..columns).map(width).collect();
    rows.iter().map(|row| line(row, &widths)).collect()
}

fn line(row: &[String], widths: &[usize]) -> String {
    let cells = row.iter().zip(widths).enumerate();
    let cells = cells.map(|(column, (cell, width))| match column {
        0 => format!("{cell:<width$}"),
        _ => format!("{cell:>width$}"),
    });
    let cells: Vec<_> = cells.collect();
    cells.join("  ").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_left_and_figures_right() {
        let row = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
        let rows = [
            row(["", "p50", "µ"]),
            row(["lateness", "1", "22"]),
            vec!["x".to_owned()],
        ];
        assert_eq!(
            lines(&rows),
            ["          p50   µ", "lateness    1  22", "x"]
        );
    }
}
