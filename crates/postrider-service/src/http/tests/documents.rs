use super::*;

const DOCUMENT: &str = include_str!("../../../../../docs/api.md");

#[test]
fn the_document_has_every_code_with_its_status() {
    for code in Code::ALL {
        let row = format!("| `{}` | {} |", code.name(), code.status());
        assert!(DOCUMENT.contains(&row), "docs/api.md lacks the row {row}");
    }
    let rows = DOCUMENT.lines().filter(|line| line.starts_with("| `"));
    let codes = rows.filter(|row| row.split('|').nth(2).is_some_and(is_status));
    assert_eq!(codes.count(), Code::ALL.len(), "no code of the past");
}

fn is_status(cell: &str) -> bool {
    cell.trim().parse::<u16>().is_ok()
}

#[test]
fn the_document_has_every_route() {
    let router = include_str!("../mod.rs");
    let routes = router.lines().filter_map(|line| {
        let (_, rest) = line.split_once(".route(\"")?;
        Some(rest.split_once('"')?.0)
    });
    for route in routes {
        assert!(
            DOCUMENT.contains(&format!("{route}`")),
            "docs/api.md lacks {route}"
        );
    }
    for verb in CampaignVerb::ALL {
        let route = format!("`POST /v1/campaigns/{{id}}/{verb}`");
        assert!(DOCUMENT.contains(&route), "docs/api.md lacks {route}");
    }
}
