//! What is absent, and what left the file.

use super::*;

#[test]
fn absent_is_deleted_with_all_that_belongs_to_it() {
    let seen = hub(
        vec![client("acme", Some("f"))],
        vec![instance("a1", "acme", Some("f")), instance("a2", "acme", None)],
    );
    let fleet = file(Some("f"), "", &["instance_id = \"a1\"\nstate = \"absent\""]);
    assert_eq!(lines(&fleet, &seen, PLAIN), ["- delete instance a1 of acme"]);
    let all =
        ["- delete instance a1 of acme", "- delete instance a2 of acme", "- delete client acme"];
    for options in [PLAIN, PRUNE] {
        let fleet = file(Some("f"), "state = \"absent\"", &[A1]);
        assert_eq!(lines(&fleet, &seen, options), all);
        assert_eq!(
            lines(&fleet, &Observed::default(), options),
            [""; 0],
            "nothing is left to delete"
        );
    }
    let foreign = hub(
        vec![client("acme", Some("f"))],
        vec![instance("a1", "acme", Some("f")), instance("a2", "acme", Some("other"))],
    );
    let fleet = file(Some("f"), "state = \"absent\"", &[]);
    assert_eq!(diff(&fleet, &foreign, PLAIN).unwrap().changes().count(), 0);
    assert_eq!(lines(&fleet, &foreign, ADOPT), all);
}

#[test]
fn pruning_touches_only_the_fleets_own() {
    let seen = hub(
        vec![client("acme", Some("f")), client("globex", Some("f")), client("initech", None)],
        vec![
            instance("a1", "acme", Some("f")),
            instance("a2", "acme", Some("f")),
            instance("a3", "acme", None),
            instance("g1", "globex", Some("f")),
            instance("i1", "initech", Some("f")),
            instance("i2", "initech", Some("other")),
        ],
    );
    let fleet = file(Some("f"), "", &[A1]);
    assert_eq!(lines(&fleet, &seen, PLAIN), [""; 0]);
    assert_eq!(
        lines(&fleet, &seen, PRUNE),
        [
            "- delete instance a2 of acme",
            "- delete instance i1 of initech",
            "- delete instance g1 of globex",
            "- delete client globex",
        ]
    );
}

#[test]
fn a_client_that_left_does_not_take_what_is_not_of_the_fleet() {
    let seen = hub(
        vec![client("acme", Some("f")), client("globex", Some("f"))],
        vec![instance("g1", "globex", Some("f")), instance("g2", "globex", None)],
    );
    let plan = diff(&file(Some("f"), "", &[]), &seen, PRUNE).unwrap();
    assert_eq!(plan.changes().count(), 0);
    let error = plan.failures().next().unwrap();
    assert!(error.is(ErrorCode::ClientNotEmpty) && error.parts().message.contains("g2"));
}
