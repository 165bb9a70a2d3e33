use crate::scene::Scene;

#[test]
fn a_name_is_found_in_the_tenant_that_is_named_and_in_no_other() {
    let scene = Scene::new();
    scene.done("tenant create acme");
    scene.draft("acme", "october");
    scene.refused("campaign show october", 3, &["october", "--tenant NAME"]);
    let unknown = ["no such tenant", "`postrider tenant list`"];
    scene.refused("campaign show october --tenant nobody", 3, &unknown);
    for line in [
        "campaign show october --tenant acme",
        "campaign show cmp_1",
        "campaign schedule october --tenant acme --clear",
        "campaign start october --tenant acme",
        "campaign pause october --tenant acme",
        "campaign resume october --tenant acme",
        "campaign seal october --tenant acme",
        "campaign retry october --tenant acme --state bounced --dry-run",
        "receipt list --campaign october --tenant acme",
        "receipt resolve --campaign october --tenant acme --as bounced --dry-run",
        "receipt export --campaign october --tenant acme",
        "receipt feed --tenant acme",
        "quarantine list --tenant acme",
        "quarantine release --campaign october --tenant acme --dry-run",
        "purge --campaign october --tenant acme --dry-run",
        "campaign cancel october --tenant acme --yes",
        "recipient erase ada@a.test --tenant acme --yes",
    ] {
        let said = scene.run(line);
        assert_eq!(said.exit, 0, "{line}: {said:?}");
        let elsewhere = line.replace("--tenant acme", "--tenant default");
        if line.contains("october") {
            scene.refused(&elsewhere, 3, &["october"]);
        }
    }
}

#[test]
fn an_email_is_looked_for_in_its_tenant() {
    let scene = Scene::new();
    scene.done("tenant create acme");
    let email = scene.email("acme");
    scene.done(&format!("email show {email} --tenant acme"));
    scene.refused(&format!("email show {email}"), 3, &["no such email"]);
}
